#include "fuzz/harness.hpp"
#include "fuzz/tiny_model.hpp"
#include "io/file.hpp"
#include "model/answers.hpp"
#include "model/backbone.hpp"

namespace sharcs::internal::harnesses {
namespace {

std::vector<std::string> seeds() {
  std::vector<std::string> texts;
  for (const Backbone& backbone : backbones::all()) texts.push_back(tiny_config(backbone.model_type).to_json());
  ModelConfig with_policy = tiny_config("bert");
  with_policy.sharcs->exits = {1};
  with_policy.sharcs->policy = PolicyRule{.kind = "cascade", .thresholds = {0.9, 0.8, 0}};
  texts.push_back(with_policy.to_json());
  ModelConfig with_router = tiny_config("roberta");
  with_router.sharcs->policy = PolicyRule{.kind = "router",
                                          .router = RoutingRule{.budget = 0.5,
                                                                .full_cost = 1000,
                                                                .weights = {{1, 0}, {0, 1}},
                                                                .offsets = {0, 0},
                                                                .costs = {{1, 2, 3}, {4, 5, 6}}}};
  texts.push_back(with_router.to_json());
  return texts;
}

void read(std::string_view input, const Scratch& scratch) {
  const ModelConfig config = ModelConfig::load(scratch.write("config.json", input));
  answers_of(config);
  // What we write, we read.
  const std::string written = config.to_json();
  if (ModelConfig::parse(written, "config.json").to_json() != written)
    throw std::logic_error("the configuration is written otherwise the second time");
}

}  // namespace

std::vector<Harness> model_config() {
  return {{.name = "model_config",
           .file = "config.json",
           .is_json = true,
           .words = {"\"num_labels\"", "\"id2label\"", "\"sharcs\"", "\"sharcs_task\"", "\"policy\"", "\"exits\"",
                     "\"width_mult_list\"", "\"attention_head_size\"", "\"problem_type\"", "1e999", "2147483647"},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
