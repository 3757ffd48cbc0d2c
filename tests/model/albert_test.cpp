// ALBERT is a BERT whose layers are copies of one: the same function, and the gradients of the copies add up.
#include <gtest/gtest.h>

#include "model/small_models.hpp"
#include "model/training_pass.hpp"

namespace sharcs::internal::albert_test {
namespace {

using testing::random_batch;
using testing::randomise;
using testing::small_config;

ModelConfig albert_config() {
  ModelConfig config = small_config();
  config.model_type = "albert";
  config.hidden_act = "gelu_new";
  config.embedding_size = config.hidden_size;
  return config;
}
ModelConfig bert_config() {
  ModelConfig config = small_config();
  config.hidden_act = "gelu_new";
  return config;
}

/// `name` with `from` at its front replaced by `to`; empty when it is not there. What follows is ".weight", or the
/// suffix of a width.
std::string renamed(const std::string& name, const std::string& from, const std::string& to) {
  const bool whole_part = name.starts_with(from) && (name[from.size()] == '.' || name[from.size()] == '_');
  return whole_part ? to + name.substr(from.size()) : std::string();
}

/// ALBERT's name of BERT's parameter.
std::string albert_name(const std::string& name, const ModelConfig& config) {
  const Backbone &bert = find_backbone("bert"), &albert = find_backbone("albert");
  const LayerNames to = albert.layer(0);
  const int stem = config.sharcs ? config.sharcs->adaptive_layer_idx : config.num_hidden_layers;
  if (config.sharcs) {
    const LayerNames router_layer = bert.layer(stem - 1);
    if (name.starts_with(router_layer.router_scope + "router."))
      return to.router_scope + name.substr(router_layer.router_scope.size());
    if (name.starts_with(router_layer.output_norm + "_"))
      return renamed(name, router_layer.output_norm, to.router_scope + "reduction_LayerNorm");
  }
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    const LayerNames from = bert.layer(i);
    for (const auto part :
         {&LayerNames::query, &LayerNames::key, &LayerNames::value, &LayerNames::attention_output,
          &LayerNames::attention_norm, &LayerNames::intermediate, &LayerNames::output, &LayerNames::output_norm})
      if (const std::string found = renamed(name, from.*part, to.*part); !found.empty()) return found;
  }
  for (const auto& [from, own] : {std::pair(bert.embeddings, albert.embeddings), {bert.head.dense, albert.head.dense}})
    if (const std::string found = renamed(name, from, own); !found.empty()) return found;
  return name;
}

template <class T>
void set_identity(Network<T>& albert) {
  const std::string& name = albert.encoder().backbone->embedding_projection;
  const std::span<T> weight = albert.values().values(name + ".weight"), bias = albert.values().values(name + ".bias");
  std::ranges::fill(weight, T(0));
  std::ranges::fill(bias, T(0));
  const auto size = static_cast<std::size_t>(albert.config().hidden_size);
  for (std::size_t i = 0; i < size; ++i) weight[i * size + i] = 1;
}

void expect_near(MatrixView<const double> found, MatrixView<const double> expected, const std::string& what) {
  ASSERT_EQ(found.rows, expected.rows) << what;
  ASSERT_EQ(found.cols, expected.cols) << what;
  for (Index r = 0; r < found.rows; ++r)
    for (Index c = 0; c < found.cols; ++c) EXPECT_NEAR(found(r, c), expected(r, c), 1e-12) << what;
}

void compare(const ModelConfig& albert_config, const ModelConfig& bert_config) {
  Network<double> albert(albert_config), bert(bert_config);
  randomise(albert);
  set_identity(albert);
  albert.pack();
  for (std::size_t i = 0; i < bert.layout().specs().size(); ++i) {
    const std::string name = albert_name(bert.layout().specs()[i].name, bert_config);
    ASSERT_GE(albert.layout().find(name), 0) << name;
    std::ranges::copy(albert.values().values(name), bert.values().values(i).begin());
  }
  bert.pack();

  const RaggedBatch batch = random_batch(bert_config, {5, 1, 7});
  for (const Width& width : bert.widths()) {
    Workspace workspace;
    TrainingPass<double> albert_pass(albert.encoder(), workspace), bert_pass(bert.encoder(), workspace);
    albert_pass.forward(batch, albert.widths()[width.index()], {});
    bert_pass.forward(batch, width, {});
    for (Index i = 0; i <= bert_config.num_hidden_layers; ++i)
      expect_near(albert_pass.hidden_state(i), bert_pass.hidden_state(i), "hidden state " + std::to_string(i));
    expect_near(albert_pass.logits(), bert_pass.logits(), "logits");

    std::vector<double> d_logits(9), d_router(9);
    for (std::size_t i = 0; i < 9; ++i) d_logits[i] = 0.1 * static_cast<double>(i + 1), d_router[i] = 1 - d_logits[i];
    const MatrixView<const double> d_router_view =
        bert_config.sharcs ? MatrixView<const double>(d_router.data(), 3, 3) : MatrixView<const double>();
    ParameterStore<double> albert_gradient(albert.layout()), bert_gradient(bert.layout());
    albert_pass.backward(MatrixView<const double>(d_logits.data(), 3, 3), d_router_view,
                         bind_parameters(albert_config, albert.widths(), albert_gradient));
    bert_pass.backward(MatrixView<const double>(d_logits.data(), 3, 3), d_router_view,
                       bind_parameters(bert_config, bert.widths(), bert_gradient));
    ParameterStore<double> sum(albert.layout());
    for (std::size_t i = 0; i < bert.layout().specs().size(); ++i) {
      const std::span<double> total = sum.values(albert_name(bert.layout().specs()[i].name, bert_config));
      for (std::size_t e = 0; e < total.size(); ++e) total[e] += bert_gradient.values(i)[e];
    }
    for (std::size_t i = 0; i < albert.layout().specs().size(); ++i) {
      const std::string& name = albert.layout().specs()[i].name;
      if (name.starts_with(albert.encoder().backbone->embedding_projection)) continue;
      for (std::size_t e = 0; e < sum.values(i).size(); ++e)
        EXPECT_NEAR(albert_gradient.values(i)[e], sum.values(i)[e], 1e-11) << name << "[" << e << "]";
    }
  }
}

TEST(Albert, IsABertWhoseLayersAreCopiesAtEveryWidth) { compare(albert_config(), bert_config()); }

TEST(Albert, IsABertWhoseLayersAreCopiesWithALongerStem) {
  ModelConfig albert = albert_config(), bert = bert_config();
  albert.sharcs->adaptive_layer_idx = bert.sharcs->adaptive_layer_idx = 2;
  compare(albert, bert);
}

TEST(Albert, IsABertWhoseLayersAreCopiesWithoutWidths) {
  ModelConfig albert = albert_config(), bert = bert_config();
  albert.sharcs.reset();
  bert.sharcs.reset();
  compare(albert, bert);
}

TEST(Albert, HasTheParametersOfHuggingFaces) {
  ModelConfig config = albert_config();
  config.embedding_size = 5;
  config.sharcs.reset();
  std::vector<std::string> names;
  for (const ParameterSpec& spec : parameter_specs(config, WidthSet(config))) names.push_back(spec.name);
  const std::string layer = "albert.encoder.albert_layer_groups.0.albert_layers.0.";
  const std::vector<std::string> linear_or_norm = {"albert.embeddings.LayerNorm",
                                                   "albert.encoder.embedding_hidden_mapping_in",
                                                   layer + "attention.query",
                                                   layer + "attention.key",
                                                   layer + "attention.value",
                                                   layer + "attention.dense",
                                                   layer + "attention.LayerNorm",
                                                   layer + "ffn",
                                                   layer + "ffn_output",
                                                   layer + "full_layer_layer_norm",
                                                   "albert.pooler",
                                                   "classifier"};
  std::vector<std::string> expected = {"albert.embeddings.word_embeddings.weight",
                                       "albert.embeddings.position_embeddings.weight",
                                       "albert.embeddings.token_type_embeddings.weight"};
  for (const std::string& name : linear_or_norm) expected.insert(expected.end(), {name + ".weight", name + ".bias"});
  std::ranges::sort(names);
  std::ranges::sort(expected);
  EXPECT_EQ(names, expected);
}

TEST(Albert, ReadsItsConfigurationAsHuggingFaceWritesIt) {
  const char* json =
      R"({"model_type": "albert", "vocab_size": 30000, "hidden_size": 768, "num_hidden_layers": 12,
          "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 512, "embedding_size": 64,
          "hidden_act": "gelu_new", "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0,
          "classifier_dropout_prob": 0.2, "num_hidden_groups": 1, "inner_group_num": 1, "net_structure_type": 0,
          "pad_token_id": 0, "bos_token_id": 2})";
  const ModelConfig config = ModelConfig::parse(json, "config.json");
  EXPECT_EQ(config.embedding_size, 64);
  EXPECT_EQ(config.classifier_dropout, 0.2);
  EXPECT_EQ(ModelConfig::parse(config.to_json(), "config.json").to_json(), config.to_json());
  const std::string text = json;
  const auto without = [&](const std::string& part) {
    std::string other = text;
    return other.erase(other.find(part), part.size());
  };
  EXPECT_EQ(ModelConfig::parse(without("\"embedding_size\": 64,"), "config.json").embedding_size, 128);
  EXPECT_EQ(ModelConfig::parse(without("\"hidden_act\": \"gelu_new\", "), "config.json").hidden_act, "gelu_new");
}

}  // namespace
}  // namespace sharcs::internal::albert_test
