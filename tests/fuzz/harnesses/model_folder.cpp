#include "formats/safetensors.hpp"
#include "fuzz/harness.hpp"
#include "fuzz/tiny_model.hpp"
#include "io/file.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::harnesses {
namespace {

std::vector<std::string> seeds() {
  ModelConfig plain = tiny_config("bert");
  plain.sharcs.reset();
  ModelConfig more_labels = tiny_config("bert");
  more_labels.labels = {"a", "b", "c"};
  ModelConfig with_exits = tiny_config("bert");
  with_exits.sharcs->exits = {1};
  return {tiny_config("bert").to_json(), plain.to_json(), more_labels.to_json(), with_exits.to_json(),
          tiny_config("roberta").to_json()};
}

/// A model and an engine of the configuration, with the weights of another one. Both run.
void read(std::string_view input, const Scratch& scratch) {
  const std::filesystem::path folder = scratch.path() / "model";
  if (!is_there(folder / "model.safetensors")) Model::create(tiny_config("bert"), 1).save(folder);
  scratch.write("model/config.json", input);
  const std::vector<std::int32_t> ids = {1, 2, 3};
  const std::vector<TokenSequence> inputs = {{.ids = ids}, {.ids = std::span(ids).first(1)}};
  const Model model = Model::load(folder);
  const auto run = [&](const Engine& engine) {
    try {
      engine.run(inputs);
    } catch (const ShapeError&) {   // more tokens than positions, an id beyond the vocabulary
    } catch (const ConfigError&) {  // a policy that asks a regression for probabilities
    }
  };
  run(Engine(model, {.threads = 1}));
  run(Engine::load(folder, {.threads = 1}));
}

}  // namespace

std::vector<Harness> model_folder() {
  return {{.name = "model_folder",
           .file = "model",
           .is_json = true,
           .words = {"\"num_labels\"", "\"id2label\"", "\"sharcs\"", "\"exits\"", "\"max_position_embeddings\""},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
