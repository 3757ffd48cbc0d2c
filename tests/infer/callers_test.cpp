#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "core/random.hpp"
#include "formats/model_access.hpp"
#include "infer/precision_names.hpp"
#include "kernels/backend.hpp"
#include "model/small_models.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/model.hpp"

namespace sharcs::internal::callers_test {
namespace {

/// How long the callers go on: SHARCS_CALLERS_SECONDS, else half a second for each precision.
double seconds() {
  const char* const wished = std::getenv("SHARCS_CALLERS_SECONDS");
  return wished == nullptr ? 0.5 : std::atof(wished);
}

/// Texts of 1 to 60 words.
std::vector<std::string> texts() {
  const std::vector<std::string> words = {"rain", "gem", "dull", "film", "two", "dogs", "bright", "story"};
  Random random(5);
  std::vector<std::string> made;
  for (int t = 0; t < 80; ++t) {
    std::string text;
    for (std::uint64_t count = 1 + random.below(60); count > 0; --count)
      text += words[random.below(words.size())] + " ";
    made.push_back(text);
  }
  return made;
}

ModelConfig config(std::size_t vocab_size) {
  ModelConfig config = testing::small_config();
  config.vocab_size = static_cast<int>(vocab_size);
  config.hidden_size = 192;
  config.num_attention_heads = 4;
  config.num_hidden_layers = 4;
  config.intermediate_size = 384;
  config.max_position_embeddings = 64;
  config.sharcs = SharcsConfig{.width_mult_list = {0.25, 0.5, 1}, .adaptive_layer_idx = 2, .hidden_size_router = 5};
  config.sharcs->exits = {1, 2, 3};
  return config;
}

std::vector<Policy> policies() {
  std::vector<Policy> all = {Policy::router(), Policy::fixed(0.25),   Policy::fixed(0.5),
                             Policy::fixed(1), Policy::fixed_exit(1), Policy::fixed_exit(3)};
  for (const double threshold : {0.4, 0.6, 0.9}) {
    all.push_back(Policy::cascade(threshold));
    all.push_back(Policy::exits(threshold));
    all.push_back(Policy::combined(threshold, threshold));
  }
  return all;
}

/// What each text gets by each policy, one call a text.
std::vector<std::vector<Prediction>> serial_answers(const Classifier& classifier, const std::vector<std::string>& all) {
  std::vector<std::vector<Prediction>> answers;
  for (const Policy& policy : policies()) {
    answers.emplace_back();
    for (const std::string& text : all) answers.back().push_back(classifier.classify(text, {.policy = policy}));
  }
  return answers;
}

/// Calls with one to ten random texts, all by one random policy or each by its own, until `end`. Returns how many
/// answers there were; adds to `wrong` those that are not the serial one.
std::size_t call_until(std::chrono::steady_clock::time_point end, const Classifier& classifier,
                       const std::vector<std::string>& all, const std::vector<std::vector<Prediction>>& expected,
                       std::uint64_t seed, std::atomic<std::size_t>& wrong) {
  const std::vector<Policy> by = policies();
  Random random(seed);
  std::size_t answers = 0;
  while (std::chrono::steady_clock::now() < end) {
    std::vector<std::string> some;
    std::vector<std::size_t> which, how;
    std::vector<Policy> own;
    const bool each_its_own = random.below(2) == 0;
    for (std::uint64_t count = 1 + random.below(10); count > 0; --count) {
      which.push_back(random.below(all.size()));
      how.push_back(each_its_own || how.empty() ? random.below(by.size()) : how.front());
      some.push_back(all[which.back()]);
      own.push_back(by[how.back()]);
    }
    const auto found = each_its_own ? classifier.classify(some, {.policies = own})
                                    : classifier.classify(some, {.policy = own.front()});
    for (std::size_t i = 0; i < found.size(); ++i) {
      const Prediction& serial = expected[how[i]][which[i]];
      if (found[i].logits != serial.logits || found[i].label != serial.label || found[i].width != serial.width) ++wrong;
    }
    answers += found.size();
  }
  return answers;
}

class EightCallers : public ::testing::TestWithParam<Precision> {};

TEST_P(EightCallers, OfOneClassifierGetTheAnswersOfSerialCalls) {
  if (kernels::backend() != kernels::Backend::simd)
    GTEST_SKIP() << "the bits of the portable kernels depend on a batch";
  const std::vector<std::string> all = texts();
  const Tokenizer tokenizer = Tokenizer::train_wordpiece(all, {.vocab_size = 60, .min_frequency = 1});
  Model model = Model::create(config(tokenizer.vocab_size()));
  testing::randomise(network_of(model));
  const auto classifier_of = [&](int threads) {
    return Classifier(Engine(model, {.threads = threads, .precision = GetParam()}), tokenizer);
  };
  const auto expected = serial_answers(classifier_of(1), all);
  const Classifier shared = classifier_of(3);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                          std::chrono::duration<double>(seconds()));
  std::atomic<std::size_t> answers = 0, wrong = 0;
  std::vector<std::thread> callers;
  for (std::uint64_t caller = 0; caller < 8; ++caller)
    callers.emplace_back([&, caller] { answers += call_until(end, shared, all, expected, caller, wrong); });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0u) << "of " << answers;
  EXPECT_GT(answers, 0u);
  RecordProperty("answers", std::to_string(answers));
  std::printf("%zu answers\n", answers.load());
}

INSTANTIATE_TEST_SUITE_P(In, EightCallers, ::testing::Values(Precision::fp32, Precision::int8, Precision::bf16),
                         [](const auto& precision) { return std::string(name_of(precision.param)); });

}  // namespace
}  // namespace sharcs::internal::callers_test
