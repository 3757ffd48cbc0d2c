// What is MPNet's own: the relative attention bias, positions from 2, names and keys.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "expect_error.hpp"
#include "model/small_models.hpp"
#include "nn/relative_bias.hpp"

namespace sharcs::internal::mpnet_test {
namespace {

TEST(RelativeBias, BucketsAreThoseOfTransformers) {
  // Where a bucket begins, from the query outwards: MPNetEncoder.relative_position_bucket of transformers.
  const std::vector<Index> begins = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91};
  for (Index distance = -1000; distance <= 1000; ++distance) {
    const Index before = std::upper_bound(begins.begin(), begins.end(), std::abs(distance)) - begins.begin() - 1;
    ASSERT_EQ(relative_bias_bucket(distance), distance > 0 ? 16 + before : before) << distance;
  }
}

TEST(RelativeBias, IsSpreadByDistanceAndGatheredAgain) {
  const Index heads = 2, longest = 21;
  std::vector<double> table(32 * 3), d_bias(2 * heads * (2 * longest - 1), 1.0), d_table(table.size(), 0.5);
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<double>(i);
  Workspace workspace;
  const MatrixView<double> bias =
      relative_bias_by_distance<double>(MatrixView<double>(table.data(), 32, 3), heads, longest, workspace);
  ASSERT_EQ(bias.rows, heads);
  ASSERT_EQ(bias.cols, 41);
  EXPECT_EQ(bias(0, 20), 0 * 3);          // the query itself
  EXPECT_EQ(bias(1, 19), 1 * 3 + 1);      // the key before it
  EXPECT_EQ(bias(1, 21), 17 * 3 + 1);     // the key behind it
  EXPECT_EQ(bias(1, 0), 10 * 3 + 1);      // 20 before it
  EXPECT_EQ(bias(0, 40), (16 + 10) * 3);  // 20 behind it

  // Two samples, a gradient of 1 for each distance: buckets count their distances, for the leading heads.
  relative_bias_backward<double>(MatrixView<double>(d_bias.data(), 2 * heads, 41), heads,
                                 MatrixView<double>(d_table.data(), 32, 3));
  const auto gathered = [&](Index bucket, Index head) { return d_table[bucket * 3 + head]; };
  EXPECT_EQ(gathered(0, 1), 0.5 + 2);
  EXPECT_EQ(gathered(8, 0), 0.5 + 2 * 4);        // 8 to 11
  EXPECT_EQ(gathered(16 + 10, 1), 0.5 + 2 * 5);  // 16 to 20
  EXPECT_EQ(gathered(16, 0), 0.5);
  EXPECT_EQ(gathered(0, 2), 0.5);
}

TEST(RelativeBias, IsABiasToAdamw) {
  ParameterSpec spec;
  spec.name = "mpnet.encoder.relative_attention_bias.weight";
  EXPECT_FALSE(spec.decays());
  spec.name = "mpnet.encoder.layer.0.attention.attn.q.weight";
  EXPECT_TRUE(spec.decays());
}

TEST(Mpnet, HasHuggingFacesNames) {
  const ModelConfig config = testing::small_config_of("mpnet");
  std::vector<std::string> names;
  for (const ParameterSpec& spec : parameter_specs(config, WidthSet(config)))
    names.push_back(find_backbone("mpnet").saved_name(spec.name));
  for (const char* name :
       {"mpnet.embeddings.word_embeddings.weight", "mpnet.embeddings.position_embeddings.weight",
        "mpnet.embeddings.LayerNorm.bias", "mpnet.encoder.relative_attention_bias.weight",
        "mpnet.encoder.layer.0.attention.attn.q.weight", "mpnet.encoder.layer.1.attention.attn.k.bias",
        "mpnet.encoder.layer.2.attention.attn.v.weight", "mpnet.encoder.layer.2.attention.attn.o.bias",
        "mpnet.encoder.layer.0.attention.LayerNorm.weight", "mpnet.encoder.layer.0.intermediate.dense.weight",
        "mpnet.encoder.layer.0.output.dense.bias", "mpnet.encoder.layer.0.output.LayerNorm.weight",
        "classifier.dense.weight", "classifier.out_proj.bias"})
    EXPECT_THAT(names, ::testing::Contains(name));
  EXPECT_EQ(find_backbone("mpnet").canonical_name("encoder.relative_attention_bias.weight"),
            "mpnet.encoder.relative_attention_bias.weight");
}

TEST(Mpnet, PositionsStartFromTwoWhateverThePadding) {
  ModelConfig config = testing::small_config_of("mpnet");
  for (const int pad : {0, 1, 5}) {
    config.pad_token_id = pad;
    EXPECT_EQ(find_backbone("mpnet").first_position(config), 2);
  }
  EXPECT_EQ(find_backbone("mpnet").max_tokens(config), config.max_position_embeddings - 2);
}

// The numbers of create_position_ids_from_input_ids() of transformers.
TEST(Roberta, TokensWithThePaddingsIdHaveNoPositionOfTheirOwn) {
  for (const char* type : {"roberta", "xlm-roberta", "camembert"}) {
    ModelConfig config = testing::small_config_of(type);
    config.pad_token_id = 3;
    config.max_position_embeddings = 16;
    const Network<float> network(config);
    RaggedBatch batch;
    batch.add(std::vector<std::int32_t>{0, 5, 3, 3, 6}, {});
    batch.add(std::vector<std::int32_t>{3, 1}, {});
    Workspace workspace;
    EXPECT_THAT(network.encoder().embed(batch, {}, workspace).positions, ::testing::ElementsAre(4, 5, 3, 3, 6, 3, 4));
  }
}

TEST(Mpnet, TokensWithThePaddingsIdHaveNoPositionOfTheirOwn) {
  const Network<float> network(testing::small_config_of("mpnet"));
  RaggedBatch batch;
  batch.add(std::vector<std::int32_t>{0, 5, 1, 1, 6}, {});
  batch.add(std::vector<std::int32_t>{1, 7}, {});
  Workspace workspace;
  EXPECT_THAT(network.encoder().embed(batch, {}, workspace).positions, ::testing::ElementsAre(2, 3, 1, 1, 4, 1, 2));
}

const char* const config_json =
    R"({"model_type": "mpnet", "vocab_size": 30, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3,
        "intermediate_size": 40, "max_position_embeddings": 16)";

TEST(Mpnet, ConfigurationHasTheKeysOfTransformers) {
  const ModelConfig config = ModelConfig::parse(std::string(config_json) + "}", "config.json");
  EXPECT_EQ(config.pad_token_id, 1);
  EXPECT_EQ(config.relative_attention_num_buckets, 32);
  const auto json = nlohmann::json::parse(config.to_json());
  EXPECT_EQ(json.at("architectures"), nlohmann::json::array({"MPNetForSequenceClassification"}));
  EXPECT_EQ(json.at("relative_attention_num_buckets"), 32);
  EXPECT_FALSE(json.contains("type_vocab_size"));
}

// transformers makes a table of as many rows as the key says and reads the first 32.
TEST(Mpnet, ATableOfMoreRowsIsReadAndOneOfFewerRefused) {
  const auto parse = [](const std::string& rows) {
    return ModelConfig::parse(std::string(config_json) + ", \"relative_attention_num_buckets\": " + rows + "}",
                              "config.json");
  };
  const ModelConfig config = parse("40");
  EXPECT_EQ(Network<float>(config).values().values("mpnet.encoder.relative_attention_bias.weight").size(), 40u * 3);
  EXPECT_EQ(message_of<ConfigError>([&] { parse("16"); }),
            "config.json: \"relative_attention_num_buckets\" is 16; expected at least 32, since that many are always "
            "used");
}

}  // namespace
}  // namespace sharcs::internal::mpnet_test
