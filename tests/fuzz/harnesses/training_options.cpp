#include "sharcs/training_options.hpp"

#include "cli/config_file.hpp"
#include "fuzz/harness.hpp"
#include "fuzz/tiny_model.hpp"

namespace sharcs::internal::harnesses {
namespace {

std::vector<std::string> seeds() {
  TrainingOptions options;
  options.max_length = 16;
  options.thresholds = {{0.8, 1.01}, {0, 0.8}};
  options.width_loss_weights = {1, 2};
  return {options.to_json(), "{}"};
}

void read(std::string_view input, const Scratch& scratch) {
  const auto options = TrainingOptions::load(scratch.write("training.json", input));
  options.check(tiny_config("bert"), "training.json");
  if (TrainingOptions::parse(options.to_json(), "training.json").to_json() != options.to_json())
    throw std::logic_error("the options are written otherwise the second time");
}

std::vector<std::string> config_seeds() {
  return {
      R"({"model": {"hidden_size": 4}, "training": {"epochs": 3}, "grid": {"training.epochs": [1, 2]}, "predict": {}})"};
}

void read_config(std::string_view input, const Scratch& scratch) {
  ConfigFile::read(scratch.write("configuration.json", input)).section("training");
}

}  // namespace

std::vector<Harness> training_options() {
  return {{.name = "training_options",
           .file = "training.json",
           .is_json = true,
           .words = {"\"window\"", "\"thresholds\"", "\"recipe\"", "2147483647", "1e999"},
           .seeds = seeds,
           .read = read},
          {.name = "config_file",
           .file = "configuration.json",
           .is_json = true,
           .words = {"\"training\"", "\"grid\"", "\"model\""},
           .seeds = config_seeds,
           .read = read_config}};
}

}  // namespace sharcs::internal::harnesses
