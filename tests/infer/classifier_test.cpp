#include "sharcs/classifier.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cli/program.hpp"
#include "expect_error.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::classifier_test {
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

class LongTexts : public TinyClassifier {
 protected:
  Classifier classifier(LongText kind, std::size_t stride = 0) const {
    return Classifier::load(folder_.path(),
                            {.policy = Policy::fixed(1), .max_length = 6, .long_text = kind, .stride = stride});
  }
  /// The logits for ids that stand between [CLS] and [SEP].
  static Prediction run(const Classifier& classifier, const std::vector<std::int32_t>& words) {
    Encoding all = classifier.tokenizer().encode("", 2);
    all.ids.insert(all.ids.begin() + 1, words.begin(), words.end());
    const TokenSequence input = {all.ids, {}};
    return classifier.engine().run(std::span(&input, 1)).front();
  }
  std::vector<std::int32_t> words(const Classifier& classifier) const {
    std::vector<std::int32_t> ids = classifier.tokenizer().encode(text_, 99).ids;
    return {ids.begin() + 1, ids.end() - 1};
  }

  const std::string text_ = "the film was superb and dull a gem";  // words that the vocabulary may split
};

TEST_F(LongTexts, AreCutAtTheirEnd) {
  const Classifier first = classifier(LongText::first);
  const auto ids = words(first);
  ASSERT_GE(ids.size(), 8u);
  const Prediction prediction = first.classify(text_);
  EXPECT_TRUE(prediction.truncated);
  EXPECT_EQ(prediction.logits, run(first, {ids.begin(), ids.begin() + 4}).logits);
}

TEST_F(LongTexts, AreReadAtHeadAndTail) {
  const Classifier both = classifier(LongText::head_tail);
  const auto ids = words(both);
  std::vector<std::int32_t> kept = {ids[0]};
  kept.insert(kept.end(), ids.end() - 3, ids.end());
  EXPECT_EQ(both.classify(text_).logits, run(both, kept).logits);
}

TEST_F(LongTexts, AreReadInWindowsWhoseProbabilitiesAreAveraged) {
  const Classifier windows = classifier(LongText::windows, 3);
  const auto ids = words(windows);
  std::vector<std::size_t> begins;
  for (std::size_t begin = 0; begin + 4 < ids.size(); begin += 3) begins.push_back(begin);
  begins.push_back(ids.size() - 4);
  double sum = 0;
  std::int64_t work = 0;
  for (const std::size_t begin : begins) {
    const auto at = ids.begin() + static_cast<std::ptrdiff_t>(begin);
    const Prediction one = run(windows, {at, at + 4});
    sum += static_cast<double>(one.probabilities[1]);
    work += one.multiply_adds;
  }
  const Prediction mean = windows.classify(text_);
  EXPECT_TRUE(mean.truncated);
  EXPECT_NEAR(mean.probabilities[1], sum / static_cast<double>(begins.size()), 1e-6);
  EXPECT_EQ(mean.multiply_adds, work);
  EXPECT_EQ(mean.label, mean.probabilities[1] > mean.probabilities[0]);
  EXPECT_NEAR(std::exp(mean.logits[0]) / (std::exp(mean.logits[0]) + std::exp(mean.logits[1])), mean.probabilities[0],
              1e-6);
  // Beside others, and where nothing is too long.
  const auto several = windows.classify(std::vector<std::string>{"a gem", text_, "dull"});
  EXPECT_EQ(several[1].probabilities, mean.probabilities);
  EXPECT_FALSE(several[0].truncated);
  EXPECT_EQ(several[2].logits, windows.classify("dull").logits);
}

TEST_F(LongTexts, OfPairsTheLongerOneIsReadInWindows) {
  for (const bool second_is_longer : {false, true}) {
    const Classifier windows = Classifier::load(
        folder_.path(), {.policy = Policy::fixed(1), .max_length = 9, .long_text = LongText::windows, .stride = 2});
    const TextPair pair = second_is_longer ? TextPair{"gem", text_} : TextPair{text_, "gem"};
    const auto whole = windows.tokenizer().encode(pair.text, pair.pair, 99);
    const std::size_t gem = windows.tokenizer().encode("gem", 99).ids.size() - 2;
    const std::size_t words = whole.ids.size() - 3 - gem, room = 9 - 3 - gem;
    const std::size_t begin_of_words = second_is_longer ? 2 + gem : 1;
    std::vector<std::size_t> begins;
    for (std::size_t begin = 0; begin + room < words; begin += std::min<std::size_t>(2, room)) begins.push_back(begin);
    begins.push_back(words - room);
    double sum = 0;
    for (const std::size_t begin : begins) {
      Encoding window;
      for (std::size_t i = 0; i < whole.ids.size(); ++i) {
        const bool is_word = i >= begin_of_words && i < begin_of_words + words;
        const std::size_t word = i - begin_of_words;
        if (is_word && (word < begin || word >= begin + room)) continue;
        window.ids.push_back(whole.ids[i]);
        window.token_types.push_back(whole.token_types[i]);
      }
      ASSERT_EQ(window.ids.size(), 9u);
      const TokenSequence input = {window.ids, window.token_types};
      sum += static_cast<double>(windows.engine().run(std::span(&input, 1)).front().probabilities[1]);
    }
    EXPECT_NEAR(windows.classify(std::span(&pair, 1)).front().probabilities[1],
                sum / static_cast<double>(begins.size()), 1e-6);
  }
}

}  // namespace
}  // namespace sharcs::internal::classifier_test
