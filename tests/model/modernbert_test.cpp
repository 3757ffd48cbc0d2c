// What is ModernBERT's own: names and keys, which tokens see each other and what that costs, and what of its
// configuration is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "expect_error.hpp"
#include "model/answer_guides.hpp"
#include "model/answers.hpp"
#include "model/small_models.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"

namespace sharcs::internal::modernbert_test {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

/// As answerdotai/ModernBERT-base has it, but for the sizes.
json published() {
  return json::parse(R"({
    "architectures": ["ModernBertForMaskedLM"], "attention_bias": false, "attention_dropout": 0.0,
    "classifier_activation": "gelu", "classifier_bias": false, "classifier_dropout": 0.0, "classifier_pooling": "mean",
    "cls_token_id": 2, "decoder_bias": true, "embedding_dropout": 0.0, "global_attn_every_n_layers": 3,
    "global_rope_theta": 160000.0, "hidden_activation": "gelu", "hidden_size": 24, "initializer_cutoff_factor": 2.0,
    "initializer_range": 0.02, "intermediate_size": 20, "layer_norm_eps": 1e-05, "local_attention": 128,
    "local_rope_theta": 10000.0, "max_position_embeddings": 8192, "mlp_bias": false, "mlp_dropout": 0.0,
    "model_type": "modernbert", "norm_bias": false, "norm_eps": 1e-05, "num_attention_heads": 3,
    "num_hidden_layers": 7, "pad_token_id": 3, "position_embedding_type": "absolute", "vocab_size": 30})");
}

ModelConfig parse(const json& config) { return ModelConfig::parse(config.dump(), "config.json"); }

TEST(ModernBert, ReadsThePublishedKeysAndWritesTheNewerOnesToo) {
  const json given = published();
  const ModelConfig config = parse(given);
  EXPECT_EQ(config.layer_norm_eps, 1e-5);
  EXPECT_TRUE(config.modern.mean_pooling);
  EXPECT_TRUE(config.modern.layer_types.empty());
  const json written = json::parse(config.to_json());
  for (const auto& [key, value] : given.items()) EXPECT_EQ(written.value(key, json()), value) << key;
  EXPECT_EQ(written["layer_types"], json({"full_attention", "sliding_attention", "sliding_attention", "full_attention",
                                          "sliding_attention", "sliding_attention", "full_attention"}));
  EXPECT_EQ(written["rope_parameters"],
            json::parse(R"({"full_attention": {"rope_theta": 160000.0, "rope_type": "default"},
                            "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}})"));
  EXPECT_EQ(parse(written).to_json(), config.to_json());
}

TEST(ModernBert, ReadsTheNewerKeys) {
  json newer = published();
  for (const char* key : {"global_attn_every_n_layers", "global_rope_theta", "local_rope_theta"}) newer.erase(key);
  newer["num_hidden_layers"] = 4;
  newer["rope_parameters"] = {{"full_attention", {{"rope_theta", 500}, {"rope_type", "default"}}},
                              {"sliding_attention", {{"rope_theta", 100}}}};
  const auto globals_of = [&](const json& types) {
    newer["layer_types"] = types;
    const ModelConfig config = parse(newer);
    EXPECT_EQ(parse(json::parse(config.to_json())).to_json(), config.to_json());
    std::string globals;
    for (int i = 0; i < 4; ++i) globals += config.modern.is_global(i) ? "g" : "l";
    return globals + " by " +
           (config.modern.layer_types.empty() ? std::to_string(config.modern.global_attn_every_n_layers) : "list");
  };
  const json full = "full_attention", local = "sliding_attention";
  EXPECT_EQ(globals_of({full, local, local, full}), "gllg by 3");
  EXPECT_EQ(globals_of({full, local, full, local}), "glgl by 2");
  EXPECT_EQ(globals_of({full, full, full, full}), "gggg by 1");
  EXPECT_EQ(globals_of({full, local, local, local}), "glll by 4");
  EXPECT_EQ(globals_of({local, local, full, full}), "llgg by list");
  const ModelConfig config = parse(newer);
  EXPECT_EQ(config.modern.global_rope_theta, 500);
  EXPECT_EQ(config.modern.local_rope_theta, 100);
  EXPECT_EQ(find_backbone("modernbert").sight_of(config, 0).window, 64);
  EXPECT_EQ(find_backbone("modernbert").sight_of(config, 3).window, 0);
}

TEST(ModernBert, OtherArchitecturesAreRefused) {
  const auto error_of = [](const char* key, const json& value) {
    json config = published();
    config[key] = value;
    return message_of<ConfigError>([&] { parse(config); });
  };
  EXPECT_THAT(error_of("local_attention", 1), HasSubstr("\"local_attention\" is 1; expected"));
  EXPECT_THAT(error_of("global_attn_every_n_layers", 0), HasSubstr("\"global_attn_every_n_layers\" is 0; expected"));
  EXPECT_THAT(error_of("layer_types", {"full_attention"}), HasSubstr("expected one for each of 7 layers"));
  EXPECT_THAT(error_of("layer_types", json(7, "linear_attention")),
              HasSubstr("expected \"full_attention\" or \"sliding_attention\" for each layer"));
  EXPECT_EQ(error_of("classifier_pooling", "max"),
            "config.json: \"classifier_pooling\" is \"max\"; expected \"cls\" or \"mean\"");
  EXPECT_THAT(error_of("classifier_activation", "mish"),
              HasSubstr("\"classifier_activation\" is \"mish\"; expected one of gelu, "));
  EXPECT_THAT(error_of("hidden_activation", "mish"), HasSubstr("\"hidden_activation\" is \"mish\"; expected one of"));
  EXPECT_THAT(error_of("rope_scaling", {{"rope_type", "yarn"}}), HasSubstr("\"rope_scaling\" asks for other angles"));
  EXPECT_EQ(error_of("rope_parameters", {{"full_attention", {{"rope_type", "yarn"}}}}),
            "config.json: \"rope_parameters.full_attention.rope_type\" is \"yarn\"; expected \"default\"");
  EXPECT_THAT(error_of("rope_parameters", {{"full_attention", {{"factor", 2}}}}),
              HasSubstr("\"rope_parameters.full_attention.factor\" is not known; expected rope_theta or rope_type"));
  EXPECT_THAT(error_of("rope_parameters", {{"rope_theta", 2}}),
              HasSubstr("\"rope_parameters.rope_theta\" is not known; expected full_attention or sliding_attention"));
  EXPECT_THAT(error_of("attention_head_size", 4), HasSubstr("\"attention_head_size\" is 4; a modernbert model has"));
  EXPECT_THAT(error_of("num_attention_heads", 8), HasSubstr("expected heads of an even size"));
}

TEST(ModernBert, HasTheNamesOfTransformers) {
  const auto names_of = [](const ModelConfig& config) {
    std::vector<std::string> names;
    for (const ParameterSpec& spec : parameter_specs(config, WidthSet(config)))
      names.push_back(find_backbone("modernbert").saved_name(spec.name));
    return names;
  };
  ModelConfig config = testing::small_config_of("modernbert");
  const std::vector<std::string> names = names_of(config);
  for (const char* name :
       {"model.embeddings.tok_embeddings.weight", "model.embeddings.norm.weight", "model.layers.0.attn.Wqkv.weight",
        "model.layers.0.attn.Wo.weight", "model.layers.0.mlp.Wi.weight", "model.layers.0.mlp.Wo.weight",
        "model.layers.0.mlp_norm.weight", "model.layers.1.attn_norm.weight", "model.final_norm.weight",
        "head.dense.weight", "head.norm.weight", "classifier.weight", "classifier.bias",
        "model.layers.0.router.0.weight", "model.layers.0.router.norm.weight",
        "model.layers.2.attn_norm_03333333333333333.weight", "model.final_norm_03333333333333333.weight"})
    EXPECT_THAT(names, Contains(name));
  EXPECT_THAT(names, Not(Contains(HasSubstr("layers.0.attn_norm"))));
  for (const std::string& name : names)
    EXPECT_TRUE(!name.ends_with(".bias") || name == "classifier.bias" || name.find("router") != std::string::npos)
        << name;
  config.modern.attention_bias = config.modern.mlp_bias = config.modern.norm_bias = true;
  config.modern.classifier_bias = true;
  for (const char* name : {"model.layers.0.attn.Wqkv.bias", "model.layers.0.attn.Wo.bias", "model.layers.1.mlp.Wi.bias",
                           "model.layers.1.mlp.Wo.bias", "model.embeddings.norm.bias", "model.layers.2.attn_norm.bias",
                           "model.final_norm.bias", "head.dense.bias", "head.norm.bias"})
    EXPECT_THAT(names_of(config), Contains(name));
}

TEST(ModernBert, SavedWithoutAHeadGetsItsPrefix) {
  const Backbone& backbone = find_backbone("modernbert");
  EXPECT_EQ(backbone.canonical_name("layers.3.attn.Wqkv.weight"), "model.layers.3.attn.Wqkv.weight");
  EXPECT_EQ(backbone.canonical_name("embeddings.tok_embeddings.weight"), "model.embeddings.word_embeddings.weight");
  EXPECT_EQ(backbone.canonical_name("final_norm.weight"), "model.final_norm.weight");
  EXPECT_EQ(backbone.canonical_name("head.norm.weight"), "head.norm.weight");
}

/// Layers 0, 2 and 4 of six are global, the others see four tokens.
ModelConfig config_of_six_layers() {
  ModelConfig config = testing::small_config_of("modernbert");
  config.num_hidden_layers = 6;
  config.sharcs->adaptive_layer_idx = 2;
  config.sharcs->exits = {1, 3, 5};
  config.modern.global_attn_every_n_layers = 2;
  config.modern.local_attention = 4;
  return config;
}

TEST(ModernBert, CostsWhatItsTokensSee) {
  ModelConfig config = config_of_six_layers();
  config.sharcs.reset();
  const auto of_tokens = [](std::int64_t n) { return n * (4 * 144 + 3 * 12 * 15); };
  // Of nine tokens, those at the ends see three and four of the window of five.
  const std::int64_t global = of_tokens(9) + 2 * 9 * 9 * 12, local = of_tokens(9) + 2 * 12 * (5 * 5 + 2 * (3 + 4));
  EXPECT_EQ(multiply_adds(config, WidthSet(config).full(), 9), 3 * global + 3 * local);
  EXPECT_EQ(multiply_adds(config, WidthSet(config).full(), 2), 6 * (of_tokens(2) + 2 * 2 * 2 * 12));
}

TEST(ModernBert, AnswersCostByLengthWhatTheirLayersCost) {
  for (const std::vector<double>& depths : {std::vector<double>{}, std::vector<double>{0.5, 0.75, 1}}) {
    ModelConfig config = config_of_six_layers();
    config.sharcs->depth_mult_list = depths;
    const WidthSet widths(config);
    const std::vector<Answer> answers = answers_of(config);
    for (const std::int64_t tokens : {1, 2, 3, 4, 7, 100}) {
      const auto n = static_cast<double>(tokens);
      for (const Answer& answer : answers)
        if (!answer.is_exit()) {
          EXPECT_EQ(answer.path.of(n) + answer.own.of(n),
                    static_cast<double>(multiply_adds(config, widths[answer.width_index], tokens)));
        }
      // The first exit stands behind a global layer, the second behind one more and a local one.
      const double pairs = tokens <= 3 ? n * n : 5 * n - 6, layer = n * (4 * 144 + 3 * 12 * 15);
      const double router = static_cast<double>(stem_multiply_adds(config, 0));
      EXPECT_EQ(answers[0].path.of(n), layer + 24 * n * n);
      EXPECT_EQ(answers[static_cast<std::size_t>(answer_of_exit(answers, 3))].path.of(n),
                3 * layer + 24 * (2 * n * n + pairs) + router);
    }
  }
}

/// Logits of one sample at full width.
std::vector<double> logits_of(const Network<double>& network, const RaggedBatch& batch) {
  Workspace workspace;
  AnsweredBatch<double> output;
  testing::OneAnswer<double> guide(static_cast<int>(network.encoder().answers.size()) - 1);
  run_answers<double>(network.encoder(), batch, guide, workspace, output);
  return output.logits;
}

// In three local layers of two tokens each way, the first token learns of six others.
TEST(ModernBert, TheFirstTokenKnowsNothingOfWhatNoLayerSaw) {
  ModelConfig config = testing::small_config_of("modernbert");
  config.sharcs.reset();
  config.modern.local_attention = 4;
  config.modern.layer_types = {"sliding_attention", "sliding_attention", "sliding_attention"};
  Network<double> network(config);
  testing::randomise(network);
  RaggedBatch batch = testing::random_batch(config, {9});
  const std::vector<double> before = logits_of(network, batch);
  const auto change = [&](std::size_t token) { batch.ids[token] = (batch.ids[token] + 1) % config.vocab_size; };
  change(7), change(8);
  EXPECT_EQ(logits_of(network, batch), before);
  change(6);
  EXPECT_NE(logits_of(network, batch), before);
}

TEST(ModernBert, TheMeanOfAllTokensSeesAll) {
  ModelConfig config = testing::small_config_of("modernbert");
  config.sharcs.reset();
  config.modern.local_attention = 2;
  config.modern.mean_pooling = true;
  config.modern.layer_types = {"sliding_attention", "sliding_attention", "sliding_attention"};
  Network<double> network(config);
  testing::randomise(network);
  RaggedBatch batch = testing::random_batch(config, {9});
  const std::vector<double> before = logits_of(network, batch);
  batch.ids[8] = (batch.ids[8] + 1) % config.vocab_size;
  EXPECT_NE(logits_of(network, batch), before);
}

}  // namespace
}  // namespace sharcs::internal::modernbert_test
