// What is DeBERTa's own: rows of distances, names and keys, and what of its configuration is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "expect_error.hpp"
#include "model/small_models.hpp"
#include "nn/relative_positions.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::deberta_test {
namespace {

using ::testing::HasSubstr;

TEST(DistanceRows, AreThoseOfTransformers) {
  // build_relative_position(…, bucket_size=8, max_position=40) of transformers, plus 8: where a row begins, outwards.
  const DistanceRows buckets = {.span = 8, .farthest = 40};
  const std::vector<std::pair<Index, Index>> begins = {{0, 8},  {1, 9},  {2, 10}, {3, 11},
                                                       {4, 12}, {5, 13}, {9, 14}, {19, 15}};
  for (Index distance = 0; distance <= 60; ++distance) {
    Index expected = 0;
    for (const auto& [from, row] : begins)
      if (distance >= from) expected = row;
    EXPECT_EQ(buckets.row(distance), expected) << distance;
    EXPECT_EQ(buckets.row(-distance), distance < 40 ? 16 - expected : 0) << distance;
  }
  const DistanceRows each = {.span = 5};
  for (Index distance = -9; distance <= 9; ++distance)
    EXPECT_EQ(each.row(distance), std::clamp<Index>(5 + distance, 0, 9)) << distance;
}

TEST(DistanceRows, AreGatheredAndTheirGradientsAddedUp) {
  const DistanceRows distances = {.span = 2};
  const std::vector<double> table = {1, 10, 2, 20, 3, 30, 4, 40};
  std::vector<double> rows(10);
  gather_by_distance<double>(MatrixView<const double>(table.data(), 4, 2), distances,
                             MatrixView<double>(rows.data(), 5, 2));
  // Of three tokens: keys two behind the query come last.
  EXPECT_EQ(rows, (std::vector<double>{4, 40, 4, 40, 3, 30, 2, 20, 1, 10}));
  std::vector<double> d_table(8, 0.5);
  gather_by_distance_backward<double>(MatrixView<const double>(rows.data(), 5, 2), distances,
                                      MatrixView<double>(d_table.data(), 4, 2));
  EXPECT_EQ(d_table, (std::vector<double>{1.5, 10.5, 2.5, 20.5, 3.5, 30.5, 8.5, 80.5}));
}

constexpr const char* config_json =
    R"({"model_type": "deberta-v2", "vocab_size": 30, "hidden_size": 24, "num_hidden_layers": 2,
        "num_attention_heads": 3, "intermediate_size": 20, "max_position_embeddings": 40, "relative_attention": true,
        "share_att_key": true, "norm_rel_ebd": "layer_norm", "position_biased_input": false, "pos_att_type": "p2c|c2p",
        "position_buckets": 8, "max_relative_positions": -1, "type_vocab_size": 0, "legacy": true})";

ModelConfig parse(const nlohmann::json& json) { return ModelConfig::parse(json.dump(), "config.json"); }

TEST(Deberta, KeysAreReadAndWritten) {
  const ModelConfig config = parse(nlohmann::json::parse(config_json));
  EXPECT_EQ(config.position_buckets, 8);
  EXPECT_EQ(config.layer_norm_eps, 1e-7);
  const DistanceRows distances = find_backbone("deberta-v2").distances(config);
  EXPECT_EQ(distances.span, 8);
  EXPECT_EQ(distances.farthest, 40);
  const auto written = nlohmann::json::parse(config.to_json());
  const auto given = nlohmann::json::parse(config_json);
  for (const auto& [key, value] : given.items())
    if (key != "pos_att_type") {
      EXPECT_EQ(written.value(key, nlohmann::json()), value) << key;
    }
  EXPECT_EQ(written["pos_att_type"], (nlohmann::json{"p2c", "c2p"}));
  EXPECT_EQ(parse(written).to_json(), config.to_json());
}

TEST(Deberta, OtherArchitecturesAreRefused) {
  const auto error_of = [](const char* key, const nlohmann::json& value) {
    nlohmann::json json = nlohmann::json::parse(config_json);
    if (value.is_null())
      json.erase(key);
    else
      json[key] = value;
    return message_of<ConfigError>([&] { parse(json); });
  };
  for (const char* key : {"relative_attention", "share_att_key", "norm_rel_ebd", "position_biased_input"}) {
    EXPECT_THAT(error_of(key, nullptr), HasSubstr(std::string("has no \"") + key + "\"; expected ")) << key;
    EXPECT_THAT(error_of(key, "other"), HasSubstr(std::string("\"") + key + "\" is \"other\"; expected ")) << key;
  }
  EXPECT_EQ(error_of("pos_att_type", "c2p"), "config.json: \"pos_att_type\" is \"c2p\"; expected [\"p2c\", \"c2p\"]");
  EXPECT_EQ(error_of("type_vocab_size", 2), "config.json: \"type_vocab_size\" is 2; expected 0");
  EXPECT_EQ(error_of("conv_kernel_size", 3), "config.json: \"conv_kernel_size\" is 3; expected 0");
  EXPECT_EQ(error_of("pooler_dropout", 0.1), "config.json: \"pooler_dropout\" is 0.1; expected 0");
  EXPECT_THAT(error_of("pooler_hidden_size", 12), HasSubstr("\"pooler_hidden_size\" is 12; expected"));
  EXPECT_THAT(error_of("pooler_hidden_act", "tanh"), HasSubstr("\"pooler_hidden_act\" is \"tanh\"; expected"));
  EXPECT_THAT(error_of("embedding_size", 12), HasSubstr("\"embedding_size\" is 12; expected"));
}

TEST(Deberta, HasTheNamesOfTransformers) {
  const ModelConfig config = testing::small_config_of("deberta-v2");
  std::vector<std::string> names;
  for (const ParameterSpec& spec : parameter_specs(config, WidthSet(config))) names.push_back(spec.name);
  for (const char* name : {"deberta.embeddings.word_embeddings.weight", "deberta.embeddings.LayerNorm.weight",
                           "deberta.encoder.rel_embeddings.weight", "deberta.encoder.LayerNorm.bias",
                           "deberta.encoder.layer.0.attention.self.query_proj.weight",
                           "deberta.encoder.layer.0.attention.self.value_proj.bias",
                           "deberta.encoder.layer.1.output.LayerNorm.weight", "pooler.dense.weight", "classifier.bias"})
    EXPECT_THAT(names, ::testing::Contains(name));
  EXPECT_THAT(names, ::testing::Not(::testing::Contains(HasSubstr("position_embeddings"))));
}

}  // namespace
}  // namespace sharcs::internal::deberta_test
