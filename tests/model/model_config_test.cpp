#include "sharcs/model_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "expect_error.hpp"
#include "golden_folder.hpp"
#include "sharcs/model.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::model_config_test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

json bert_base() {
  return {{"model_type", "bert"},      {"vocab_size", 30522},
          {"hidden_size", 768},        {"num_hidden_layers", 12},
          {"num_attention_heads", 12}, {"intermediate_size", 3072},
          {"type_vocab_size", 2},      {"max_position_embeddings", 512},
          {"layer_norm_eps", 1e-12}};
}
json sharcs_bert() {
  json config = bert_base();
  config["sharcs"] = {{"width_mult_list", {0.25, 1.0}}, {"adaptive_layer_idx", 3}};
  return config;
}

ModelConfig parse(const json& config) { return ModelConfig::parse(config.dump(), "config.json"); }

/// The message for `config` with `key` ("sharcs.adaptive_layer_idx") set to `value`.
std::string refusal(json config, const std::string& key, const json& value) {
  const std::size_t dot = key.find('.');
  (dot == std::string::npos ? config[key] : config[key.substr(0, dot)][key.substr(dot + 1)]) = value;
  return message_of<ConfigError>([&] { parse(config); });
}

TEST(ModelConfig, IsReadFromHuggingFacesKeys) {
  json text = bert_base();
  text["hidden_dropout_prob"] = 0.2;
  text["classifier_dropout"] = nullptr;
  text["pad_token_id"] = 3;
  text["id2label"] = {{"0", "negative"}, {"1", "positive"}};
  text["label2id"] = {{"negative", 0}, {"positive", 1}};
  const ModelConfig config = parse(text);
  EXPECT_EQ(config.hidden_size, 768);
  EXPECT_EQ(config.head_size(), 64);
  EXPECT_EQ(config.hidden_dropout_prob, 0.2);
  EXPECT_FALSE(config.classifier_dropout);
  EXPECT_EQ(config.pad_token_id, 3);
  EXPECT_EQ(config.labels, (std::vector<std::string>{"negative", "positive"}));
  EXPECT_FALSE(config.sharcs);
}

TEST(ModelConfig, SharcsSettingsAreReadFromTheirObjectOrAsTheAuthorsWriteThem) {
  const SharcsConfig expected = {
      .width_mult_list = {0.5, 1.0}, .adaptive_layer_idx = 4, .hidden_size_router = 64, .weighted_dim_reduction = true};
  const json settings = {{"width_mult_list", {0.5, 1.0}},
                         {"adaptive_layer_idx", 4},
                         {"hidden_size_router", 64},
                         {"weighted_dim_reduction", true}};
  json nested = bert_base(), flat = bert_base();
  nested["sharcs"] = settings;
  flat.update(settings);
  flat["use_router"] = true;
  for (const json& text : {nested, flat}) {
    const ModelConfig config = parse(text);
    ASSERT_TRUE(config.sharcs);
    EXPECT_TRUE(config.sharcs->same_network(expected));
    const json written = json::parse(config.to_json()).at("sharcs");
    for (const auto& [key, value] : settings.items()) EXPECT_EQ(written.at(key), value) << key;
    EXPECT_FALSE(json::parse(config.to_json()).contains("use_router"));
  }
}

TEST(ModelConfig, KeysThatTheLibraryDoesNotUseAreKept) {
  json text = sharcs_bert();
  text["transformers_version"] = "4.6.0";
  text["task_specific_params"] = {{"a", {1, 2}}};
  const json saved = json::parse(parse(text).to_json());
  EXPECT_EQ(saved.at("transformers_version"), "4.6.0");
  EXPECT_EQ(saved.at("task_specific_params"), text["task_specific_params"]);
  EXPECT_EQ(parse(saved).to_json(), parse(text).to_json());
}

/// tests/model/config_keys.json: for every configuration class of transformers its keys, each with what becomes of it
/// here (used, harmless or refused) and a value. compare_with_transformers.py checks that no key is left out.
json config_keys() {
  return json::parse(std::ifstream(testing::small_golden_set().folder.parent_path() / "model" / "config_keys.json"));
}

/// The smallest configuration of a class's model type, with the class's own names of the sizes.
json smallest(const std::string& family) {
  static const std::map<std::string, std::string> types = {{"Bert", "bert"},
                                                           {"Roberta", "roberta"},
                                                           {"XLMRoberta", "xlm-roberta"},
                                                           {"Camembert", "camembert"},
                                                           {"DistilBert", "distilbert"},
                                                           {"Albert", "albert"},
                                                           {"MPNet", "mpnet"},
                                                           {"Electra", "electra"},
                                                           {"DebertaV2", "deberta-v2"},
                                                           {"ModernBert", "modernbert"}};
  const auto found = types.find(family);
  const std::string type = found == types.end() ? "bert" : found->second;
  if (type == "distilbert")
    return {{"model_type", type},
            {"vocab_size", 50},
            {"dim", 16},
            {"n_layers", 2},
            {"n_heads", 2},
            {"hidden_dim", 8},
            {"max_position_embeddings", 20}};
  json config = {{"model_type", type},           {"vocab_size", 50},         {"hidden_size", 16},
                 {"num_hidden_layers", 2},       {"num_attention_heads", 2}, {"intermediate_size", 8},
                 {"max_position_embeddings", 20}};
  if (type == "deberta-v2")
    config.update({{"relative_attention", true},
                   {"share_att_key", true},
                   {"norm_rel_ebd", "layer_norm"},
                   {"position_biased_input", false},
                   {"pos_att_type", "p2c|c2p"}});
  return config;
}

TEST(ModelConfig, EveryKeyOfTransformersIsUsedHarmlessOrRefused) {
  const std::set<std::string> written_again = {"dtype", "torch_dtype", "label2id"};
  const json keys = config_keys();
  EXPECT_GE(keys.size(), 10u);
  for (const auto& [family, list] : keys.items())
    for (const auto& [key, entry] : list.items()) {
      SCOPED_TRACE(family + "." + key);
      const std::string use = entry.at(0);
      json config = smallest(family);
      if (use == "refused") {
        EXPECT_THAT(refusal(config, key, entry.at(1)), HasSubstr("\"" + key + "\" "));
      } else if (use == "harmless") {
        for (const json& value : {entry.at(1), json("another"), json(17)}) {
          config[key] = value;
          const json saved = json::parse(parse(config).to_json());
          EXPECT_EQ(saved.at(key), value) << "kept as it was";
          config.erase(key);
          json plain = json::parse(parse(config).to_json());
          plain[key] = value;
          EXPECT_EQ(saved, plain) << "and nothing else follows from it";
        }
      } else {
        ASSERT_EQ(use, "used");
        config[key] = {{"no", "value"}};
        if (written_again.contains(key))
          EXPECT_NE(json::parse(parse(config).to_json()).value(key, json()), config[key]);
        else
          EXPECT_THAT(message_of<ConfigError>([&] { parse(config); }), HasSubstr("\"" + key));
      }
    }
}

TEST(ModelConfig, ProblemsThatAreNotSolvedAreRefused) {
  json one = bert_base();
  one["num_labels"] = 1;
  EXPECT_EQ(refusal(one, "problem_type", "single_label_classification"),
            "config.json: \"problem_type\" is \"single_label_classification\", with one label; expected at least two");
  EXPECT_EQ(refusal(one, "problem_type", "multi_label_classification"),
            "config.json: \"problem_type\" is \"multi_label_classification\", with one label; expected at least two");
  EXPECT_THAT(refusal(bert_base(), "problem_type", "ranking"), HasSubstr("\"problem_type\" is \"ranking\"; expected"));
  one["problem_type"] = "regression";
  EXPECT_TRUE(parse(one).is_regression());
  one["problem_type"] = nullptr;
  EXPECT_TRUE(parse(one).is_regression());
}

TEST(ModelConfig, SeveralNumbersATextAreReadAndWritten) {
  json config = bert_base();
  config["id2label"] = {{"0", "joy"}, {"1", "anger"}, {"2", "fear"}};
  EXPECT_FALSE(parse(config).is_regression());
  config["problem_type"] = "regression";
  const ModelConfig read = parse(config);
  EXPECT_TRUE(read.multi_output);
  EXPECT_TRUE(read.is_regression());
  EXPECT_EQ(json::parse(read.to_json())["problem_type"], "regression");
  EXPECT_TRUE(parse(json::parse(read.to_json())).multi_output);
  ModelConfig one = read;
  one.labels = {"joy"};
  EXPECT_THAT(message_of<ConfigError>([&] { one.check(); }), HasSubstr("a model of several numbers has one"));
  one = read;
  one.multi_label = true;
  EXPECT_THAT(message_of<ConfigError>([&] { one.check(); }), HasSubstr("expected one of them"));
}

TEST(ModelConfig, SeveralLabelsATextAreReadAndWritten) {
  json config = bert_base();
  config["problem_type"] = "multi_label_classification";
  ModelConfig read = parse(config);
  EXPECT_TRUE(read.multi_label);
  EXPECT_EQ(read.label_threshold, 0.5);
  read.label_threshold = 0.25;
  const json written = json::parse(read.to_json());
  EXPECT_EQ(written["problem_type"], "multi_label_classification");
  EXPECT_EQ(written["sharcs_label_threshold"], 0.25);
  EXPECT_EQ(parse(written).label_threshold, 0.25);
  EXPECT_FALSE(json::parse(parse(bert_base()).to_json()).contains("sharcs_label_threshold"));
  EXPECT_THAT(refusal(config, "sharcs_label_threshold", 1.5),
              HasSubstr("\"sharcs_label_threshold\" is 1.5; expected a number from 0 to 1"));
  EXPECT_THAT(refusal(config, "sharcs_threshold", 0.5), HasSubstr("\"sharcs_threshold\" is not a known key"));
  // Any number of labels can be predicted, but sub-networks answer with sets of at most 31.
  for (int i = 0; i < 32; ++i) config["id2label"][std::to_string(i)] = "label " + std::to_string(i);
  EXPECT_EQ(parse(config).num_labels(), 32);
  EXPECT_EQ(refusal(config, "sharcs", {{"width_mult_list", {0.5, 1.0}}, {"adaptive_layer_idx", 3}}),
            "config.json: \"id2label\" has 32 labels; a multi-label model with \"sharcs\" has at most 31");
}

TEST(ModelConfig, NumbersAsPythonWritesThemAreReadWhereNobodyUsesThem) {
  std::string text = bert_base().dump();
  text.insert(text.rfind('}'),
              R"(, "score": NaN, "far": {"a": [1, -Infinity, "NaN, \"Infinity\""]}, "most": Infinity)");
  const ModelConfig config = ModelConfig::parse(text, "config.json");
  const json kept = json::parse(config.other_keys);
  EXPECT_TRUE(kept["score"].is_null());  // JSON has no other word for it
  EXPECT_EQ(kept["far"]["a"][2], "NaN, \"Infinity\"");
  EXPECT_EQ(parse(json::parse(config.to_json())).to_json(), config.to_json());
  for (const char* number : {"NaN", "Infinity", "-Infinity"}) {
    std::string used = bert_base().dump();
    used.insert(used.rfind('}'), std::string(", \"layer_norm_eps\": ") + number);
    EXPECT_EQ(message_of<ConfigError>([&] { ModelConfig::parse(used, "config.json"); }),
              std::string("config.json: \"layer_norm_eps\" is ") + number + "; expected a finite number");
  }
  // What is broken beside them is still named at its place.
  EXPECT_THAT(message_of<ConfigError>([] { ModelConfig::parse("{\"a\": NaN,\n \"b\": NaN5}", "config.json"); }),
              HasSubstr("config.json:2: not valid JSON at byte 2"));
}

TEST(ModelConfig, NamesOfClassesAreReadOrRefused) {
  json config = bert_base();
  config["id2label"] = {{"0", "0"}, {"1", "-1"}};
  EXPECT_EQ(parse(config).labels, (std::vector<std::string>{"0", "-1"}));
  EXPECT_THAT(refusal(bert_base(), "id2label", {{"0", 0}, {"1", -1}}), HasSubstr("expected a name for each of"));
  EXPECT_EQ(refusal(bert_base(), "id2label", {{"0", "a"}, {"1", "a"}}),
            "config.json: \"id2label.1\" is \"a\", as \"id2label.0\"; expected another name for each class");
  for (const char* name : {"a\tb", "a\nb", "a\r"})
    EXPECT_THAT(refusal(bert_base(), "id2label", {{"0", "x"}, {"1", name}}), HasSubstr("\"id2label.1\" is \"")) << name;
  EXPECT_THAT(refusal(bert_base(), "id2label", {{"0", "a"}, {"2", "b"}}), HasSubstr("expected a name for each of"));
}

TEST(ModelConfig, KeysThatLookLikeOursAreRefused) {
  EXPECT_EQ(refusal(bert_base(), "sharcs_tasks", 1),
            "config.json: \"sharcs_tasks\" is not a known key; expected \"sharcs\", \"sharcs_task\", "
            "\"sharcs_max_length\" or \"sharcs_label_threshold\"");
}

TEST(ModelConfig, AnAbsentFileIsExplained) {
  const TemporaryFolder folder;
  const auto message = [&] { return message_of<IoError>([&] { ModelConfig::load(folder / "config.json"); }); };
  std::ofstream(folder / "model.safetensors") << "x";
  EXPECT_EQ(message(),
            (folder / "config.json").string() +
                ": is absent beside model.safetensors; expected the config.json that transformers saves with "
                "the weights");
  std::ofstream(folder / "adapter_config.json") << "{}";
  EXPECT_EQ(message(), folder.path().string() +
                           ": holds an adapter (PEFT) without its model; expected the merged model, which peft's "
                           "merge_and_unload() and save_pretrained() write");
  EXPECT_EQ(message_of<IoError>([&] { ModelConfig::load(folder / "model.safetensors" / "config.json"); }),
            (folder / "model.safetensors").string() +
                ": is a file; expected a model's folder, with config.json beside the weights");
  for (const std::string name : {"google/electra-small", "bert-base-uncased"})
    EXPECT_EQ(message_of<IoError>([&] { ModelConfig::load(name + "/config.json"); }),
              name + ": there is no such folder; a model of the Hugging Face hub has to be downloaded first: " +
                  "hf download " + name + " --local-dir FOLDER");
  EXPECT_EQ(message_of<IoError>([&] { ModelConfig::load(folder / "nowhere" / "config.json"); }),
            (folder / "nowhere").string() + ": there is no such folder");
}

TEST(ModelConfig, WhatIsNotAJsonObjectIsRefused) {
  EXPECT_EQ(message_of<ConfigError>([] { ModelConfig::parse("{\n \"model_type\": bert}", "m/config.json"); }),
            "m/config.json:2: not valid JSON at byte 18; expected a JSON object");
  EXPECT_EQ(message_of<ConfigError>([] { ModelConfig::parse("", "config.json"); }),
            "config.json:1: not valid JSON at byte 1; expected a JSON object");
  EXPECT_EQ(message_of<ConfigError>([] { ModelConfig::parse("[1]", "config.json"); }),
            "config.json: found [1], expected an object");
  EXPECT_THAT(message_of<ConfigError>([] { ModelConfig::parse("{\"model_type\": \"\xff\"}", "config.json"); }),
              HasSubstr("not valid JSON"));
}

TEST(ModelConfig, AnAbsentFileIsNamed) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<IoError>([&] { ModelConfig::load(folder / "config.json"); }),
              StartsWith((folder / "config.json").string()));
}

TEST(ModelConfig, EveryKeyThatIsNeededIsAskedFor) {
  for (const char* key : {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
                          "max_position_embeddings"}) {
    json config = bert_base();
    config.erase(key);
    EXPECT_EQ(message_of<ConfigError>([&] { parse(config); }),
              "config.json: \"" + std::string(key) + "\" is absent; expected an integer ≥ 1");
  }
  json config = bert_base();
  config.erase("model_type");
  EXPECT_THAT(message_of<ConfigError>([&] { parse(config); }),
              StartsWith("config.json: \"model_type\" is absent; expected one of "));
  EXPECT_THAT(refusal(bert_base(), "model_type", "t5"),
              HasSubstr("\"model_type\" is \"t5\"; expected one of albert, bert"));
}

TEST(ModelConfig, ValuesOfAnotherTypeOrSizeAreRefused) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, json>>{{"hidden_size", "768"},
                                                                            {"hidden_size", 0},
                                                                            {"hidden_size", -1},
                                                                            {"hidden_size", 768.5},
                                                                            {"hidden_size", 1e30},
                                                                            {"hidden_size", json::array()},
                                                                            {"hidden_size", true},
                                                                            {"num_attention_heads", 0},
                                                                            {"attention_head_size", 0},
                                                                            {"type_vocab_size", -1},
                                                                            {"embedding_size", 0},
                                                                            {"layer_norm_eps", "1e-12"},
                                                                            {"layer_norm_eps", -1},
                                                                            {"hidden_act", 3},
                                                                            {"hidden_dropout_prob", 1.0},
                                                                            {"hidden_dropout_prob", -0.1},
                                                                            {"attention_probs_dropout_prob", "x"},
                                                                            {"classifier_dropout", 2},
                                                                            {"initializer_range", "x"},
                                                                            {"pad_token_id", -1},
                                                                            {"pad_token_id", 30522},
                                                                            {"num_labels", 0},
                                                                            {"num_labels", 1.5},
                                                                            {"id2label", "x"},
                                                                            {"id2label", {{"1", "a"}}},
                                                                            {"id2label", {{"0", 1}}}})
    EXPECT_THAT(refusal(bert_base(), key, value), StartsWith("config.json: \"" + key + "\" is ")) << value;
  EXPECT_EQ(refusal(bert_base(), "hidden_size", "768"),
            "config.json: \"hidden_size\" is \"768\"; expected an integer ≥ 1");
}

TEST(ModelConfig, SizesThatDoNotFitTogetherAreRefused) {
  EXPECT_EQ(refusal(bert_base(), "hidden_size", 100),
            "config.json: \"num_attention_heads\" is 12 but hidden_size 100 is not a multiple of it (set "
            "attention_head_size for a compressed encoder)");
  EXPECT_THAT(refusal(bert_base(), "hidden_act", "mish"),
              HasSubstr("\"hidden_act\" is \"mish\"; expected one of gelu, "));
  EXPECT_EQ(refusal(bert_base(), "embedding_size", 128),
            "config.json: \"embedding_size\" is 128; a bert model needs hidden_size, 768");
}

TEST(ModelConfig, BrokenSharcsSettingsAreRefused) {
  for (const int k : {0, 12, 13})
    EXPECT_EQ(
        refusal(sharcs_bert(), "sharcs.adaptive_layer_idx", k),
        "config.json: \"adaptive_layer_idx\" is " + std::to_string(k) + "; expected 1 to 11 (full-width layers of 12)");
  EXPECT_EQ(refusal(sharcs_bert(), "sharcs.adaptive_layer_idx", -1),
            "config.json: \"sharcs.adaptive_layer_idx\" is -1; expected an integer ≥ 0");
  EXPECT_EQ(refusal(sharcs_bert(), "sharcs.adaptive_layer_index", 3),
            "config.json: \"sharcs.adaptive_layer_index\" is not a known key; expected width_mult_list, "
            "adaptive_layer_idx, hidden_size_router, weighted_dim_reduction, slice_hidden, depth_mult_list, "
            "full_width_norm, exits, exit_pooling, exit_scores or policy");
  EXPECT_EQ(refusal(sharcs_bert(), "sharcs.width_mult_list", 0.25),
            "config.json: \"sharcs.width_mult_list\" is 0.25; expected a list of numbers");
  EXPECT_EQ(refusal(sharcs_bert(), "sharcs.width_mult_list", {0.25, "1"}),
            "config.json: \"sharcs.width_mult_list[1]\" is \"1\"; expected a number");
  EXPECT_THAT(refusal(sharcs_bert(), "sharcs.width_mult_list", {0.3, 1.0}),
              HasSubstr("the nearest widths that run are 0.25"));
  EXPECT_EQ(refusal(sharcs_bert(), "sharcs.weighted_dim_reduction", 1),
            "config.json: \"sharcs.weighted_dim_reduction\" is 1; expected true or false");
  EXPECT_THAT(refusal(sharcs_bert(), "sharcs.hidden_size_router", 0), HasSubstr("expected an integer from 1"));
  EXPECT_EQ(refusal(bert_base(), "sharcs", 3), "config.json: \"sharcs\" is 3; expected an object");
}

TEST(ModelConfig, LongValuesAreCutInMessages) {
  EXPECT_LT(refusal(bert_base(), "hidden_size", std::string(100000, 'x')).size(), 200u);
}

TEST(ModelConfig, LabelsAreCountedOrNamed) {
  json text = bert_base();
  EXPECT_EQ(parse(text).labels, (std::vector<std::string>{"0", "1"}));
  text["num_labels"] = 3;
  EXPECT_EQ(parse(text).num_labels(), 3);
  text["num_labels"] = 1;
  EXPECT_TRUE(parse(text).is_regression());
  text["id2label"] = {{"0", "a"}, {"1", "b"}, {"2", "c"}};
  EXPECT_EQ(parse(text).num_labels(), 1);  // the number is what the classifier has
  text.erase("num_labels");
  EXPECT_EQ(parse(text).labels.back(), "c");
}

TEST(ModelConfig, SizesBeyondTheMemoryAreRefusedInALine) {
  constexpr int largest = std::numeric_limits<int>::max();
  for (const char* key : {"vocab_size", "intermediate_size", "max_position_embeddings"})
    EXPECT_THAT(refusal(bert_base(), key, largest),
                ::testing::AllOf(StartsWith("config.json: the sizes ask for "), HasSubstr("; this machine has ")))
        << key;
  json config = bert_base();
  config["hidden_size"] = config["num_attention_heads"] = config["intermediate_size"] = largest;
  EXPECT_THAT(message_of<ConfigError>([&] { parse(config); }), HasSubstr("the sizes ask for "));
  EXPECT_EQ(refusal(bert_base(), "num_hidden_layers", largest),
            "config.json: \"num_hidden_layers\" is 2147483647; expected at most 65536");
  config = bert_base();
  config["num_attention_heads"] = largest;
  EXPECT_THAT(refusal(config, "attention_head_size", 65536), HasSubstr("the sizes ask for "));
}

TEST(ModelConfig, AConfigurationMadeInCodeIsCheckedToo) {
  for (int ModelConfig::*size :
       {&ModelConfig::vocab_size, &ModelConfig::hidden_size, &ModelConfig::num_hidden_layers,
        &ModelConfig::num_attention_heads, &ModelConfig::intermediate_size, &ModelConfig::max_position_embeddings}) {
    ModelConfig config;
    config.*size = 0;
    EXPECT_THAT(message_of<ConfigError>([&] { Model::create(config); }), HasSubstr("is 0; expected "));
    config.*size = std::numeric_limits<int>::max();
    EXPECT_NE(message_of<ConfigError>([&] { Model::create(config); }), "");
  }
  ModelConfig config;
  config.pad_token_id = std::numeric_limits<int>::max();
  EXPECT_EQ(message_of<ConfigError>([&] { config.check(); }),
            "config.json: \"pad_token_id\" is 2147483647; expected 0 to 30521");
  config = {};
  config.labels.clear();
  EXPECT_EQ(message_of<ConfigError>([&] { config.check(); }), "config.json: \"num_labels\" is 0; expected at least 1");
}

}  // namespace
}  // namespace sharcs::internal::model_config_test
