#include "sharcs/classifier.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "expect_error.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal {
namespace {

class TinyClassifier : public ::testing::Test {
 protected:
  TinyClassifier() { testing::save_tiny_model(folder_.path()); }

  TemporaryFolder folder_;
};

TEST_F(TinyClassifier, SaysOfEachTextWhetherItWasCut) {
  const Classifier classifier = Classifier::load(folder_.path());
  const auto words = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += "a ";
    return text;
  };
  const std::size_t room = classifier.max_tokens() - 2;  // beside [CLS] and [SEP]
  const auto predictions = classifier.classify(std::vector{words(1), words(room + 1), words(room)});
  EXPECT_FALSE(predictions[0].truncated);
  EXPECT_TRUE(predictions[1].truncated);
  EXPECT_FALSE(predictions[2].truncated);
  EXPECT_EQ(predictions[1].logits, predictions[2].logits);
  const TextPair pair = {words(room), words(1)};
  EXPECT_TRUE(classifier.classify(std::span(&pair, 1)).front().truncated);
}

TEST_F(TinyClassifier, HasNoNameForAClassThatDoesNotExist) {
  const Classifier classifier = Classifier::load(folder_.path());
  EXPECT_EQ(classifier.label_name(1), "positive");
  for (const int label : {-1, 2})
    EXPECT_EQ(message_of<ShapeError>([&] { classifier.label_name(label); }),
              "label " + std::to_string(label) + "; expected 0 to 1");
}

}  // namespace
}  // namespace sharcs::internal
