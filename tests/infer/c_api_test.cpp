#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <thread>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "io/utf8.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"
#include "sharcs/sharcs.h"
#include "temporary_folder.hpp"

namespace sharcs::internal::c_api_test {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

class CInterface : public ::testing::Test {
 protected:
  CInterface() {
    testing::save_tiny_model(folder_.path());
    EXPECT_EQ(sharcs_load(path().c_str(), nullptr, &classifier_), SHARCS_OK) << sharcs_last_error();
  }
  ~CInterface() override { sharcs_free(classifier_); }
  std::string path() const { return folder_.path().string(); }

  /// The message of a failure with this status.
  static std::string error(sharcs_status status, sharcs_status expected = SHARCS_INVALID_ARGUMENT) {
    EXPECT_EQ(status, expected);
    return sharcs_last_error();
  }
  sharcs_status classify(std::vector<const char*> texts, const char* policy = nullptr) {
    sharcs_results* results = nullptr;
    const sharcs_status status = sharcs_classify(classifier_, texts.data(), nullptr, texts.size(), policy, &results);
    sharcs_results_free(results);
    return status;
  }

  TemporaryFolder folder_;
  sharcs_classifier* classifier_ = nullptr;
};

TEST_F(CInterface, GivesThePredictionsOfTheClassifier) {
  const Classifier classifier = Classifier::load(folder_.path());
  const char* texts[] = {"a gem", "the plot is dull"};
  for (const char* policy : {static_cast<const char*>(nullptr), "fixed:0.25", "cascade:0.9"}) {
    sharcs_results* results = nullptr;
    ASSERT_EQ(sharcs_classify(classifier_, texts, nullptr, 2, policy, &results), SHARCS_OK) << sharcs_last_error();
    for (std::size_t i = 0; i < 2; ++i) {
      sharcs_prediction found = SHARCS_PREDICTION_INIT;
      ASSERT_EQ(sharcs_result(results, i, &found), SHARCS_OK);
      CallOptions options;
      if (policy != nullptr)
        options.policy = std::string(policy) == "fixed:0.25" ? Policy::fixed(0.25) : Policy::cascade(0.9);
      const Prediction expected = classifier.classify(texts[i], options);
      EXPECT_EQ(found.label, expected.label);
      EXPECT_STREQ(found.answer, expected.answer.c_str());
      EXPECT_EQ(found.width, expected.width);
      EXPECT_EQ(found.multiply_adds, expected.multiply_adds);
      EXPECT_EQ(found.asked, expected.asked);
      EXPECT_EQ(found.truncated, 0);
      ASSERT_EQ(found.logit_count, 2u);
      EXPECT_THAT(std::vector(found.logits, found.logits + 2), ElementsAreArray(expected.logits));
      EXPECT_THAT(std::vector(found.probabilities, found.probabilities + 2), ElementsAreArray(expected.probabilities));
    }
    sharcs_prediction none = SHARCS_PREDICTION_INIT;
    EXPECT_EQ(error(sharcs_result(results, 2, &none)), "result 2; there are 2");
    sharcs_results_free(results);
  }
  EXPECT_EQ(sharcs_label_count(classifier_), 2u);
  EXPECT_STREQ(sharcs_label_name(classifier_, 1), "positive");
  EXPECT_EQ(sharcs_label_name(classifier_, 2), nullptr);
  EXPECT_STREQ(sharcs_last_error(), "label 2; expected 0 to 1");
}

TEST_F(CInterface, ReadsPairs) {
  const Classifier classifier = Classifier::load(folder_.path());
  const char *texts[] = {"a gem"}, *pairs[] = {"a mess"};
  sharcs_results* results = nullptr;
  ASSERT_EQ(sharcs_classify(classifier_, texts, pairs, 1, nullptr, &results), SHARCS_OK) << sharcs_last_error();
  sharcs_prediction found = SHARCS_PREDICTION_INIT;
  ASSERT_EQ(sharcs_result(results, 0, &found), SHARCS_OK);
  const TextPair pair = {"a gem", "a mess"};
  EXPECT_THAT(std::vector(found.logits, found.logits + 2),
              ElementsAreArray(classifier.classify(std::span(&pair, 1)).front().logits));
  sharcs_results_free(results);
}

TEST_F(CInterface, TakesOptions) {
  sharcs_options options = SHARCS_OPTIONS_INIT;
  options.policy = "fixed:0.5";
  options.precision = "int8";
  options.max_length = 4;
  options.threads = 1;
  sharcs_classifier* classifier = nullptr;
  ASSERT_EQ(sharcs_load(path().c_str(), &options, &classifier), SHARCS_OK) << sharcs_last_error();
  const char* texts[] = {"a gem a gem a gem"};
  sharcs_results* results = nullptr;
  ASSERT_EQ(sharcs_classify(classifier, texts, nullptr, 1, nullptr, &results), SHARCS_OK) << sharcs_last_error();
  sharcs_prediction found = SHARCS_PREDICTION_INIT;
  ASSERT_EQ(sharcs_result(results, 0, &found), SHARCS_OK);
  EXPECT_EQ(found.width, 0.5);
  EXPECT_EQ(found.truncated, 1);
  EXPECT_THAT(
      std::vector(found.logits, found.logits + 2),
      ElementsAreArray(Classifier::load(folder_.path(),
                                        {.policy = Policy::fixed(0.5), .precision = Precision::int8, .max_length = 4})
                           .classify(texts[0])
                           .logits));
  sharcs_results_free(results);
  sharcs_free(classifier);
}

TEST_F(CInterface, StructuresOfAnotherSizeAreReadAsFarAsTheyGo) {
  // An older program: its options end before `policy`, whose bytes are no pointer.
  sharcs_options older = SHARCS_OPTIONS_INIT;
  older.size = offsetof(sharcs_options, policy);
  older.policy = reinterpret_cast<const char*>(1);
  sharcs_classifier* classifier = nullptr;
  EXPECT_EQ(sharcs_load(path().c_str(), &older, &classifier), SHARCS_OK) << sharcs_last_error();
  sharcs_free(classifier);
  // A newer one.
  struct {
    sharcs_options known = SHARCS_OPTIONS_INIT;
    char more[32] = "new members";
  } newer;
  newer.known.size = sizeof newer;
  EXPECT_EQ(sharcs_load(path().c_str(), &newer.known, &classifier), SHARCS_OK) << sharcs_last_error();
  sharcs_free(classifier);
  older.size = 0;
  EXPECT_EQ(error(sharcs_load(path().c_str(), &older, &classifier)),
            "sharcs_options has size 0; expected sizeof(sharcs_options)");

  const char* texts[] = {"a gem"};
  sharcs_results* results = nullptr;
  ASSERT_EQ(sharcs_classify(classifier_, texts, nullptr, 1, nullptr, &results), SHARCS_OK);
  sharcs_prediction found = SHARCS_PREDICTION_INIT;
  found.size = offsetof(sharcs_prediction, width);
  found.width = -7;
  EXPECT_EQ(sharcs_result(results, 0, &found), SHARCS_OK);
  EXPECT_EQ(found.asked, 1);
  EXPECT_EQ(found.width, -7);
  EXPECT_EQ(found.size, offsetof(sharcs_prediction, width));
  found.size = 3;
  EXPECT_EQ(error(sharcs_result(results, 0, &found)),
            "sharcs_prediction has size 3; expected sizeof(sharcs_prediction)");
  sharcs_results_free(results);
}

TEST_F(CInterface, WhatIsWrongIsAStatusAndALine) {
  sharcs_classifier* none = nullptr;
  EXPECT_EQ(error(sharcs_load(nullptr, nullptr, &none)), "directory is NULL");
  EXPECT_EQ(error(sharcs_load(path().c_str(), nullptr, nullptr)), "classifier is NULL");
  EXPECT_THAT(error(sharcs_load("no/such/folder", nullptr, &none), SHARCS_IO_ERROR), HasSubstr("no/such/folder"));
  sharcs_options options = SHARCS_OPTIONS_INIT;
  options.precision = "fp8";
  EXPECT_EQ(error(sharcs_load(path().c_str(), &options, &none)),
            "the precision is \"fp8\"; expected one of fp32, bf16, int8");
  options.precision = nullptr;
  options.policy = "luck";
  EXPECT_THAT(error(sharcs_load(path().c_str(), &options, &none)), HasSubstr("policy \"luck\"; expected one of "));
  options.policy = nullptr;
  options.threads = -1;
  EXPECT_THAT(error(sharcs_load(path().c_str(), &options, &none)), HasSubstr("threads is -1"));
  EXPECT_EQ(none, nullptr);

  EXPECT_EQ(error(classify({"a gem", nullptr})), "text 1 is NULL");
  EXPECT_EQ(error(classify({"a gem", "\xC3("})), "text 1: byte 1 is not UTF-8 text");
  EXPECT_EQ(error(classify({" "})), "a text is empty; expected a sentence");
  EXPECT_THAT(error(classify({"a gem"}, "fixed:0.7")), HasSubstr("0.7"));
  EXPECT_EQ(classify({}), SHARCS_OK);
  const char* texts[] = {"a gem"};
  const char* pairs[] = {nullptr};
  sharcs_results* results = nullptr;
  EXPECT_EQ(error(sharcs_classify(nullptr, texts, nullptr, 1, nullptr, &results)), "classifier is NULL");
  EXPECT_EQ(error(sharcs_classify(classifier_, nullptr, nullptr, 1, nullptr, &results)), "texts is NULL");
  EXPECT_EQ(error(sharcs_classify(classifier_, texts, nullptr, 1, nullptr, nullptr)), "results is NULL");
  EXPECT_EQ(error(sharcs_classify(classifier_, texts, pairs, 1, nullptr, &results)), "pair 0 is NULL");
  EXPECT_EQ(error(sharcs_result(nullptr, 0, nullptr)), "results is NULL");
  EXPECT_EQ(results, nullptr);
  sharcs_free(nullptr);
  sharcs_results_free(nullptr);
  EXPECT_EQ(sharcs_label_count(nullptr), 0u);
  EXPECT_EQ(sharcs_label_name(nullptr, 0), nullptr);
  EXPECT_EQ(sharcs_embedding_size(nullptr), 0u);

  std::filesystem::remove(folder_.path() / "model.safetensors");
  EXPECT_THAT(error(sharcs_load(path().c_str(), nullptr, &none), SHARCS_INVALID_MODEL), HasSubstr("model.safetensors"));
  write_file_atomically(folder_.path() / "model.safetensors", "not a checkpoint");
  error(sharcs_load(path().c_str(), nullptr, &none), SHARCS_INVALID_MODEL);
  write_file_atomically(folder_.path() / "config.json", "{");
  EXPECT_THAT(error(sharcs_load(path().c_str(), nullptr, &none)), HasSubstr("config.json"));
}

TEST_F(CInterface, EachThreadHasItsOwnError) {
  EXPECT_EQ(error(classify({""})), "a text is empty; expected a sentence");
  std::thread([&] {
    EXPECT_STREQ(sharcs_last_error(), "");
    sharcs_result(nullptr, 0, nullptr);
    EXPECT_STREQ(sharcs_last_error(), "results is NULL");
  }).join();
  EXPECT_STREQ(sharcs_last_error(), "a text is empty; expected a sentence");
}

TEST_F(CInterface, LongErrorsEndBetweenCharacters) {
  std::string folder;
  for (int i = 0; i < 1000; ++i) folder += i % 50 < 49 ? "é" : "/";
  sharcs_classifier* none = nullptr;
  for (const char* prefix : {"", "a"}) {
    const std::string message = error(sharcs_load((prefix + folder).c_str(), nullptr, &none), SHARCS_IO_ERROR);
    EXPECT_LT(message.size(), 1024u);
    EXPECT_GT(message.size(), 1000u);
    EXPECT_EQ(find_invalid_utf8(message), std::string::npos);
  }
}

TEST_F(CInterface, Embeds) {
  const Classifier classifier = Classifier::load(folder_.path());
  const char* texts[] = {"a gem", "the plot is dull"};
  const std::vector<std::string> same(texts, texts + 2);
  const std::size_t size = sharcs_embedding_size(classifier_);
  ASSERT_EQ(size, 16u);
  std::vector<float> found(2 * size);
  sharcs_embed_options options = SHARCS_EMBED_OPTIONS_INIT;
  const auto expect_same = [&](const EmbedOptions& of_classifier) {
    const auto expected = classifier.embed(same, of_classifier);
    for (std::size_t i = 0; i < 2; ++i)
      EXPECT_THAT(std::span(found).subspan(i * size, size), ElementsAreArray(expected[i]));
  };
  ASSERT_EQ(sharcs_embed(classifier_, texts, nullptr, 2, nullptr, found.data(), found.size()), SHARCS_OK);
  expect_same({});
  options.layer = 2;
  options.pooling = SHARCS_CLS;
  options.normalize = 1;
  ASSERT_EQ(sharcs_embed(classifier_, texts, nullptr, 2, &options, found.data(), found.size()), SHARCS_OK);
  expect_same({.layer = 2, .pooling = Pooling::cls, .normalize = true});

  EXPECT_EQ(error(sharcs_embed(classifier_, texts, nullptr, 2, nullptr, found.data(), 2 * size - 1)),
            "vectors have room for 31 numbers; expected 2 times 16");
  EXPECT_EQ(error(sharcs_embed(classifier_, texts, nullptr, 2, nullptr, nullptr, 2 * size)), "vectors is NULL");
  options.layer = 4;
  EXPECT_EQ(error(sharcs_embed(classifier_, texts, nullptr, 2, &options, found.data(), found.size())),
            "layer 4; expected 0 (the embeddings) to 3");
  options.pooling = 2;
  EXPECT_EQ(error(sharcs_embed(classifier_, texts, nullptr, 2, &options, found.data(), found.size())),
            "pooling is 2; expected SHARCS_MEAN or SHARCS_CLS");
}

TEST(CVersions, AreThoseOfTheLibrary) {
  EXPECT_EQ(sharcs_abi_version(), SHARCS_ABI_VERSION);
  EXPECT_STREQ(sharcs_version(), version());
}

}  // namespace
}  // namespace sharcs::internal::c_api_test
