#include "model/backbone.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "expect_error.hpp"
#include "model/small_models.hpp"

namespace sharcs::internal::backbone_test {
namespace {

using ::testing::Contains;

ModelConfig small_config_of(const std::string& model_type) {
  ModelConfig config = testing::small_config_of(model_type);
  config.pad_token_id = 1;
  return config;
}

std::set<std::string> saved_names(const ModelConfig& config) {
  std::set<std::string> names;
  for (const ParameterSpec& spec : parameter_specs(config, WidthSet(config)))
    names.insert(find_backbone(config.model_type).saved_name(spec.name));
  return names;
}

class Backbones : public ::testing::TestWithParam<std::string> {};

TEST_P(Backbones, ReadTheNamesThatTheySave) {
  const ModelConfig config = small_config_of(GetParam());
  const Backbone& backbone = find_backbone(GetParam());
  const auto specs = parameter_specs(config, WidthSet(config));
  for (const ParameterSpec& spec : specs) {
    EXPECT_EQ(backbone.canonical_name(backbone.saved_name(spec.name)), spec.name);
    EXPECT_EQ(backbone.canonical_name(spec.name), spec.name);
  }
  EXPECT_EQ(saved_names(config).size(), specs.size());
}

TEST_P(Backbones, SpellConfigurationKeysAsTheyReadThem) {
  ModelConfig config = small_config_of(GetParam());
  config.max_position_embeddings = 11;
  config.hidden_dropout_prob = 0.25;
  config.attention_probs_dropout_prob = 0.125;
  config.classifier_dropout = 0.5;
  const ModelConfig read = ModelConfig::parse(config.to_json(), "config.json");
  EXPECT_EQ(read.to_json(), config.to_json());
  EXPECT_EQ(read.hidden_size, 12);
  EXPECT_EQ(read.num_hidden_layers, 3);
  EXPECT_EQ(read.num_attention_heads, 3);
  EXPECT_EQ(read.intermediate_size, 15);
  EXPECT_EQ(read.hidden_dropout_prob, 0.25);
  EXPECT_EQ(read.attention_probs_dropout_prob, 0.125);
  EXPECT_EQ(read.classifier_dropout, 0.5);
}

INSTANTIATE_TEST_SUITE_P(All, Backbones, ::testing::ValuesIn(testing::every_model_type()), testing::test_name_of);

TEST(Backbone, AnUnknownModelTypeIsRefusedWithTheKnownOnes) {
  EXPECT_EQ(message_of<ConfigError>([] { find_backbone("gpt2", "m/config.json"); }),
            "m/config.json: \"model_type\" is \"gpt2\"; expected one of " + known_backbones());
}

TEST(Backbone, DistilbertIsSavedUnderHuggingFacesNames) {
  ModelConfig config = small_config_of("distilbert");
  config.sharcs->full_width_norm = FullWidthNorm::private_;
  const std::set<std::string> names = saved_names(config);
  for (const char* name :
       {"distilbert.embeddings.word_embeddings.weight", "distilbert.embeddings.position_embeddings.weight",
        "distilbert.embeddings.LayerNorm.bias", "distilbert.transformer.layer.0.attention.q_lin.weight",
        "distilbert.transformer.layer.0.attention.k_lin.bias", "distilbert.transformer.layer.1.attention.v_lin.weight",
        "distilbert.transformer.layer.2.attention.out_lin.bias", "distilbert.transformer.layer.0.sa_layer_norm.weight",
        "distilbert.transformer.layer.2.ffn.lin1.weight", "distilbert.transformer.layer.2.ffn.lin2.bias",
        "distilbert.transformer.layer.0.output_layer_norm.bias", "pre_classifier.weight", "classifier.bias"})
    EXPECT_THAT(names, Contains(name));
  // What SHARCS adds keeps the names of the authors' code.
  EXPECT_THAT(names, Contains("distilbert.layer.0.output.router.2.weight"));
  EXPECT_THAT(names, Contains("distilbert.layer.0.output.LayerNorm_10.weight"));
  EXPECT_THAT(names, Contains("distilbert.layer.2.attention.output.LayerNorm_10.bias"));
  for (const std::string& name : names) EXPECT_EQ(name.find("token_type"), std::string::npos) << name;
}

TEST(Backbone, EncodersSavedWithoutAHeadGetTheirPrefix) {
  EXPECT_EQ(find_backbone("bert").canonical_name("encoder.layer.3.output.LayerNorm.gamma"),
            "bert.encoder.layer.3.output.LayerNorm.weight");
  EXPECT_EQ(find_backbone("roberta").canonical_name("embeddings.LayerNorm.beta"), "roberta.embeddings.LayerNorm.bias");
  EXPECT_EQ(find_backbone("distilbert").canonical_name("transformer.layer.5.ffn.lin1.weight"),
            "distilbert.layer.5.intermediate.dense.weight");
}

TEST(Backbone, RobertaCountsPositionsFromBehindThePadding) {
  ModelConfig config = small_config_of("roberta");
  config.pad_token_id = 4;
  EXPECT_EQ(find_backbone("roberta").first_position(config), 5);
  config.max_position_embeddings = 5;
  EXPECT_EQ(message_of<ConfigError>([&] { config.check(); }),
            "config.json: \"max_position_embeddings\" is 5; expected more than 5");
}

TEST(Backbone, DistilbertsOwnKeysAndDefaultsAreUsed) {
  const ModelConfig config = ModelConfig::parse(
      R"({"model_type": "distilbert", "vocab_size": 30, "dim": 24, "n_layers": 2, "n_heads": 3, "hidden_dim": 40,
          "max_position_embeddings": 16, "activation": "gelu", "dropout": 0.2, "attention_dropout": 0.3,
          "sinusoidal_pos_embds": false, "qa_dropout": 0.1, "torch_dtype": "float16",
          "architectures": ["DistilBertModel"]})",
      "config.json");
  EXPECT_EQ(config.hidden_size, 24);
  EXPECT_EQ(config.hidden_dropout_prob, 0.2);
  EXPECT_EQ(config.attention_probs_dropout_prob, 0.3);
  EXPECT_FLOAT_EQ(Encoder<float>(config).classifier_dropout(), 0.2f);
  const auto json = nlohmann::json::parse(config.to_json());
  EXPECT_EQ(json.at("dim"), 24);
  EXPECT_EQ(json.at("qa_dropout"), 0.1);
  EXPECT_EQ(json.at("architectures"), nlohmann::json::array({"DistilBertForSequenceClassification"}));
  EXPECT_EQ(json.at("torch_dtype"), "float32");
  EXPECT_FALSE(json.contains("hidden_size"));
  EXPECT_EQ(message_of<ConfigError>(
                [] { ModelConfig::parse(R"({"model_type": "distilbert", "vocab_size": 30})", "config.json"); }),
            "config.json: \"dim\" is absent; expected an integer ≥ 1");
}

TEST(Backbone, AnotherKindOfPositionsIsRefused) {
  EXPECT_EQ(message_of<ConfigError>([] {
              ModelConfig::parse(
                  R"({"model_type": "bert", "vocab_size": 30, "hidden_size": 24, "num_hidden_layers": 2,
                      "num_attention_heads": 3, "intermediate_size": 40, "max_position_embeddings": 16,
                      "position_embedding_type": "relative_key"})",
                  "config.json");
            }),
            "config.json: \"position_embedding_type\" is \"relative_key\"; expected \"absolute\"");
}

}  // namespace
}  // namespace sharcs::internal::backbone_test
