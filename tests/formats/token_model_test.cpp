// Models that label tokens: their configuration, their names on disk, and what other checkpoints become.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "expect_error.hpp"
#include "formats/model_access.hpp"
#include "io/file.hpp"
#include "model/small_models.hpp"
#include "sharcs/engine.hpp"
#include "sharcs/model.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::token_model_test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

ModelConfig token_config(const std::string& model_type = "bert") {
  ModelConfig config = testing::small_config_of(model_type);
  config.labels = {"B-X", "I-X", "O"};
  config.per_token = true;
  config.sharcs->exits = {1};
  return config;
}

ModelConfig parse(nlohmann::json object, const nlohmann::json& architectures) {
  object["architectures"] = architectures;
  return ModelConfig::parse(object.dump(), "config.json");
}

std::vector<float> logits_of(const Engine& engine, const Policy& policy) {
  const std::vector<std::int32_t> ids = {2, 7, 11, 3}, labelled = {1, 2};
  const TokenSequence input = {.ids = ids, .labelled = labelled};
  return engine.run(std::span(&input, 1), policy).front().logits;
}

TEST(TokenConfig, FollowsFromTheClassThatSavedIt) {
  const auto json = nlohmann::json::parse(token_config("roberta").to_json());
  EXPECT_EQ(json["architectures"], nlohmann::json::array({"RobertaForTokenClassification"}));
  EXPECT_FALSE(json.contains("problem_type"));
  EXPECT_TRUE(parse(json, {"RobertaForTokenClassification"}).per_token);
  for (const auto& others : {nlohmann::json({"RobertaModel"}), nlohmann::json::array(), nlohmann::json()})
    EXPECT_FALSE(parse(json, others).per_token);
  EXPECT_FALSE(parse(json, {"RobertaForTokenClassification"}).fills_masks);
  nlohmann::json two = json;
  two["problem_type"] = "single_label_classification";  // transformers does not look at it, either
  EXPECT_TRUE(parse(two, {"RobertaForTokenClassification"}).per_token);
}

TEST(TokenConfig, ClassesOfOtherAnswersAreRefusedByName) {
  const auto json = nlohmann::json::parse(token_config().to_json());
  EXPECT_EQ(message_of<ConfigError>([&] { parse(json, {"BertForMultipleChoice"}); }),
            "config.json: \"architectures\" has \"BertForMultipleChoice\"; expected a class for texts "
            "(…ForSequenceClassification), tokens (…ForTokenClassification), answers (…ForQuestionAnswering) or masks "
            "(…ForMaskedLM), or an encoder without one");
  EXPECT_EQ(message_of<ConfigError>([&] { parse(json, {"BertForQuestionAnswering"}); }),
            "config.json: \"id2label\" has 3 labels; expected two for a …ForQuestionAnswering, start and end");
  EXPECT_THAT(message_of<ConfigError>([&] { parse(json, "BertForTokenClassification"); }), HasSubstr("a list"));
}

TEST(TokenConfig, WhatExitsOfTokensDoNotHaveIsRefused) {
  ModelConfig config = token_config();
  config.sharcs->exit_scores = true;
  EXPECT_THAT(message_of<ConfigError>([&] { config.check(); }),
              HasSubstr("\"sharcs.exit_scores\" is true; expected false"));
  config = token_config();
  config.sharcs->exit_pooling = ExitPooling::first_token;
  EXPECT_THAT(message_of<ConfigError>([&] { config.check(); }), HasSubstr("\"sharcs.exit_pooling\""));
  config = token_config();
  config.labels = {"O"};
  EXPECT_THAT(message_of<ConfigError>([&] { config.check(); }), HasSubstr("has one label; expected at least two"));
  config = token_config();
  config.multi_label = true;
  EXPECT_THROW(config.check(), ConfigError);
}

class EveryTokenModel : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Backbones, EveryTokenModel, ::testing::ValuesIn(testing::every_model_type()),
                         testing::test_name_of);

TEST_P(EveryTokenModel, IsReadAsItWasSaved) {
  const TemporaryFolder folder;
  Model model = Model::create(token_config(GetParam()));
  testing::randomise(network_of(model));
  model.save(folder.path());
  LoadReport report;
  const Model read = Model::load(folder.path(), {}, &report);
  EXPECT_EQ(report.summary(), "");
  EXPECT_TRUE(read.config().per_token);
  for (const Policy& policy : {Policy::fixed(1), Policy::fixed(1.0 / 3), Policy::fixed_exit(1)}) {
    const std::vector<float> logits = logits_of(Engine(model), policy);
    EXPECT_EQ(logits.size(), 6u);
    EXPECT_EQ(logits, logits_of(Engine::load(folder.path()), policy));
  }
  for (const Precision precision : {Precision::bf16, Precision::int8})
    EXPECT_EQ(logits_of(Engine(model, {.precision = precision}), Policy::fixed(1)).size(), 6u);
}

TEST_P(EveryTokenModel, StartsFromOneThatLabelsTexts) {
  const TemporaryFolder folder;
  ModelConfig config = token_config(GetParam());
  config.per_token = false;
  Model texts = Model::create(config);
  testing::randomise(network_of(texts));
  texts.save(folder.path());
  LoadReport report;
  const Model tokens = Model::load(folder.path(), {.labels = config.labels, .per_token = true}, &report);
  EXPECT_TRUE(tokens.config().per_token);
  EXPECT_THAT(report.initialised,
              ElementsAre("exits.1.output.weight", "exits.1.output.bias", "classifier.weight", "classifier.bias"));
  // And back; the encoder is the same all the while.
  const TemporaryFolder other;
  tokens.save(other.path());
  const Model again = Model::load(other.path(), {.labels = config.labels});
  EXPECT_FALSE(again.config().per_token);
  const std::string query = find_backbone(GetParam()).layer(0).query + ".weight";
  EXPECT_TRUE(std::ranges::equal(network_of(again).values().values(query), network_of(texts).values().values(query)));
}

ModelConfig answer_config(const std::string& model_type) {
  ModelConfig config = token_config(model_type);
  config.labels = {"start", "end"};
  config.finds_answers = true;
  return config;
}

TEST_P(EveryTokenModel, ThatFindsAnswersIsReadAsItWasSaved) {
  const TemporaryFolder folder;
  Model model = Model::create(answer_config(GetParam()));
  testing::randomise(network_of(model));
  model.save(folder.path());
  EXPECT_THAT(read_text_file(folder / "config.json"), HasSubstr("ForQuestionAnswering\""));
  LoadReport report;
  const Model read = Model::load(folder.path(), {}, &report);
  EXPECT_EQ(report.summary(), "");
  EXPECT_TRUE(read.config().finds_answers && read.config().per_token);
  for (const Policy& policy : {Policy::fixed(1), Policy::fixed(1.0 / 3), Policy::fixed_exit(1)}) {
    const std::vector<float> logits = logits_of(Engine(model), policy);
    EXPECT_EQ(logits.size(), 4u);
    EXPECT_EQ(logits, logits_of(Engine::load(folder.path()), policy));
  }
  for (const Precision precision : {Precision::bf16, Precision::int8})
    EXPECT_EQ(logits_of(Engine(model, {.precision = precision}), Policy::fixed(1)).size(), 4u);
  // One that labels tokens starts from it, with a head of its own.
  const Model tokens = Model::load(folder.path(), {.labels = {{"B-X", "O"}}, .per_token = true}, &report);
  EXPECT_FALSE(tokens.config().finds_answers);
  EXPECT_THAT(report.initialised, Contains("classifier.weight"));
}

ModelConfig mask_config(const std::string& model_type) {
  ModelConfig config = token_config(model_type);
  config.labels.clear();
  config.fills_masks = true;
  return config;
}

TEST(MaskConfig, FollowsFromTheClassThatSavedIt) {
  const auto json = nlohmann::json::parse(mask_config("roberta").to_json());
  EXPECT_EQ(json["architectures"], nlohmann::json::array({"RobertaForMaskedLM"}));
  EXPECT_FALSE(json.contains("id2label"));
  const ModelConfig config = parse(json, {"RobertaForMaskedLM"});
  EXPECT_TRUE(config.fills_masks && config.per_token && config.labels.empty());
  EXPECT_EQ(config.num_labels(), config.vocab_size);
  ModelConfig with_labels = config;
  with_labels.labels = {"a", "b"};
  EXPECT_THAT(message_of<ConfigError>([&] { with_labels.check(); }), HasSubstr("has labels of its own"));
}

TEST_P(EveryTokenModel, ThatFillsMasksIsReadAsItWasSaved) {
  const TemporaryFolder folder;
  Model model = Model::create(mask_config(GetParam()));
  testing::randomise(network_of(model));
  model.save(folder.path());
  EXPECT_THAT(read_text_file(folder / "config.json"), HasSubstr("ForMaskedLM\""));
  LoadReport report;
  const Model read = Model::load(folder.path(), {}, &report);
  EXPECT_EQ(report.summary(), "");
  EXPECT_TRUE(read.config().fills_masks && read.config().per_token);
  const auto rows = static_cast<std::size_t>(2 * read.config().vocab_size);
  for (const Policy& policy : {Policy::fixed(1), Policy::fixed(1.0 / 3), Policy::fixed_exit(1)}) {
    const std::vector<float> logits = logits_of(Engine(model), policy);
    EXPECT_EQ(logits.size(), rows);
    EXPECT_EQ(logits, logits_of(Engine::load(folder.path()), policy));
  }
  for (const Precision precision : {Precision::bf16, Precision::int8})
    EXPECT_EQ(logits_of(Engine(model, {.precision = precision}), Policy::fixed(1)).size(), rows);
}

TEST_P(EveryTokenModel, OneThatLabelsTextsStartsFromOneThatFillsMasks) {
  const TemporaryFolder folder;
  Model masks = Model::create(mask_config(GetParam()));
  testing::randomise(network_of(masks));
  masks.save(folder.path());
  LoadReport report;
  const Model texts = Model::load(folder.path(), {.labels = {{"no", "yes"}}}, &report);
  EXPECT_FALSE(texts.config().fills_masks || texts.config().per_token);
  EXPECT_THAT(report.initialised, Contains("exits.1.dense.weight"));
  EXPECT_THAT(report.initialised, Contains(find_backbone(GetParam()).head.output + ".weight"));
  // The encoder comes over, with its router and the LayerNorms of its widths.
  const Backbone& backbone = find_backbone(GetParam());
  for (const ParameterSpec& spec : network_of(masks).layout().specs()) {
    if (spec.component == Component::exit || network_of(texts).layout().find(spec.name) < 0) continue;
    EXPECT_TRUE(
        std::ranges::equal(network_of(texts).values().values(spec.name), network_of(masks).values().values(spec.name)))
        << spec.name;
  }
  EXPECT_EQ(network_of(texts).layout().find(backbone.mask_head.output + ".bias"), -1);
}

TEST(MaskConfig, AHeadThatDoesNotEndWithTheWordEmbeddingsIsRefused) {
  for (const auto& [type, key] : {std::pair("bert", "tie_word_embeddings"), {"modernbert", "decoder_bias"}}) {
    const TemporaryFolder folder;
    Model::create(mask_config(type)).save(folder.path());
    auto json = nlohmann::json::parse(read_text_file(folder / "config.json"));
    json[key] = false;
    write_file_atomically(folder / "config.json", json.dump());
    EXPECT_THAT(message_of<ConfigError>([&] { Model::load(folder.path()); }),
                HasSubstr("\"" + std::string(key) + "\" is false; expected true for a head that fills masks"));
    // It is of no matter where another head is wanted.
    EXPECT_FALSE(Model::load(folder.path(), {.labels = {{"no", "yes"}}}).config().fills_masks);
  }
}

TEST(AnswerConfig, HasTwoLabelsAndTheFamilysOwnDropout) {
  auto json = nlohmann::json::parse(answer_config("distilbert").to_json());
  json["qa_dropout"] = 0.25;
  const ModelConfig config = ModelConfig::parse(json.dump(), "config.json");
  EXPECT_TRUE(config.finds_answers);
  EXPECT_EQ(find_backbone("distilbert").classifier_dropout_of(config), 0.25);
  EXPECT_EQ(nlohmann::json::parse(config.to_json())["qa_dropout"], 0.25);
  EXPECT_EQ(find_backbone("distilbert").classifier_dropout_of(answer_config("distilbert")), 0.1);
  EXPECT_EQ(find_backbone("bert").classifier_dropout_of(answer_config("bert")), 0);
  json.erase("id2label");  // as models of the hub have it
  json.erase("label2id");
  EXPECT_EQ(ModelConfig::parse(json.dump(), "config.json").num_labels(), 2);
}

TEST(TokenEngine, LabelsAllTokensOrThoseThatItIsAskedFor) {
  const Model model = [] {
    Model made = Model::create(token_config());
    testing::randomise(network_of(made));
    return made;
  }();
  const Engine engine(model);
  const std::vector<std::int32_t> ids = {2, 7, 11, 3}, labelled = {1, 3}, twice = {1, 1}, behind = {4};
  const auto run = [&](std::span<const std::int32_t> asked) {
    const TokenSequence input = {.ids = ids, .labelled = asked};
    return engine.run(std::span(&input, 1), Policy::fixed(1)).front();
  };
  const Prediction all = run({}), some = run(labelled);
  ASSERT_EQ(all.logits.size(), 12u);
  EXPECT_EQ(all.labels.size(), 4u);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      EXPECT_FLOAT_EQ(some.logits[3 * i + c], all.logits[3 * static_cast<std::size_t>(labelled[i]) + c]);
  EXPECT_EQ(message_of<ShapeError>([&] { run(twice); }),
            "input 0 has token 1 to be labelled; expected ascending places from 0 to 3");
  EXPECT_THROW(run(behind), ShapeError);
  ModelConfig texts = token_config();
  texts.per_token = false;
  const Engine other(Model::create(texts));
  const TokenSequence input = {.ids = ids, .labelled = labelled};
  EXPECT_EQ(message_of<ShapeError>([&] { other.run(std::span(&input, 1)); }),
            "input 0 has tokens to be labelled; the model labels texts");
}

}  // namespace
}  // namespace sharcs::internal::token_model_test
