#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/threads.hpp"
#include "model/small_models.hpp"
#include "sharcs/model_config.hpp"
#include "train/optimizer.hpp"

namespace sharcs::internal::adamw_test {
namespace {

constexpr int vocabulary = 200;

ModelConfig wide_vocabulary() {
  ModelConfig config = testing::small_config();
  config.vocab_size = vocabulary;
  return config;
}

ParameterLayout layout_of(const ModelConfig& config) {
  return ParameterLayout(parameter_specs(config, WidthSet(config)));
}

template <class T>
void fill_random(std::span<T> values, std::uint64_t key) {
  Random random(key);
  for (T& value : values) value = static_cast<T>(0.1 * random.normal());
}

/// The words of step `step`: the frequent ones often, the rare ones now and then, the last fifty never.
std::vector<std::int32_t> words_of_step(int step) {
  Random random(derive_key(7, "words", static_cast<std::uint64_t>(step)));
  std::vector<std::int32_t> words;
  for (int i = 0; i < 20; ++i) words.push_back(static_cast<std::int32_t>(random.below(1 + random.below(150))));
  return words;
}

template <class T>
Gradients<T> gradients_of_step(const ParameterLayout& layout, int step) {
  Gradients<T> gradients(layout);
  const std::size_t table = layout.word_embeddings();
  const auto cols = static_cast<std::size_t>(layout.specs()[table].shape[1]);
  for (std::size_t i = 0; i < layout.specs().size(); ++i) {
    // The parameters of one width take part in every second step.
    if (layout.specs()[i].width == 0 && step % 2 == 0) continue;
    gradients.participates()[i] = true;
    if (i != table)
      fill_random(gradients.values().values(i), derive_key(static_cast<std::uint64_t>(step), layout.specs()[i].name));
  }
  gradients.words().add(words_of_step(step));
  for (const std::int32_t row : gradients.words().rows())
    fill_random(gradients.values().values(table).subspan(static_cast<std::size_t>(row) * cols, cols),
                derive_key(static_cast<std::uint64_t>(step), "row", static_cast<std::uint64_t>(row)));
  return gradients;
}

double rate_of_step(int step) { return 1e-2 * (step % 7 == 0 ? 0 : 1.0 / (1 + step)); }

/// What Adamw does without postponing anything: every parameter that takes part goes through the kernel as a whole.
template <class T>
struct DenseAdamw {
  AdamwOptions options;
  ParameterStore<T> values, first, second;
  std::vector<int> counts;

  DenseAdamw(const ParameterLayout& layout, const AdamwOptions& adamw)
      : options(adamw), values(layout), first(layout), second(layout), counts(layout.specs().size(), 0) {}

  void step(const Gradients<T>& gradients, double rate, double scale) {
    const auto specs = values.layout().specs();
    for (std::size_t i = 0; i < specs.size(); ++i) {
      if (!gradients.participates()[i]) continue;
      const double t = ++counts[i];
      const double correction = std::sqrt(1 - std::pow(options.beta2, t)) / (1 - std::pow(options.beta1, t));
      kernels::adamw<T>(values.values(i), first.values(i), second.values(i), gradients.values().values(i),
                        {.step_size = rate * correction,
                         .beta1 = options.beta1,
                         .beta2 = options.beta2,
                         .eps = options.eps,
                         .decay = specs[i].decays() ? rate * options.weight_decay : 0,
                         .gradient_scale = scale});
    }
  }
};

template <class T>
bool same_bits(std::span<const T> a, std::span<const T> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

template <class T>
void compare_with_dense(const AdamwOptions& options, int steps) {
  const ModelConfig config = wide_vocabulary();
  const ParameterLayout layout = layout_of(config);
  DenseAdamw<T> dense(layout, options);
  for (std::size_t i = 0; i < layout.specs().size(); ++i) fill_random(dense.values.values(i), i);
  ParameterStore<T> values(layout);
  std::ranges::copy(dense.values.buffer(), values.buffer().begin());
  Adamw<T> optimizer(layout, options);
  const std::size_t table = layout.word_embeddings();
  const auto cols = static_cast<std::size_t>(layout.specs()[table].shape[1]);
  for (int step = 1; step <= steps; ++step) {
    const Gradients<T> gradients = gradients_of_step<T>(layout, step);
    // What a forward pass reads is up to date.
    optimizer.catch_up(values, gradients.words());
    for (const std::int32_t row : gradients.words().rows()) {
      const auto at = static_cast<std::size_t>(row) * cols;
      ASSERT_TRUE(same_bits<T>(values.values(table).subspan(at, cols), dense.values.values(table).subspan(at, cols)));
    }
    dense.step(gradients, rate_of_step(step), 0.5);
    optimizer.step(values, gradients, rate_of_step(step), 0.5);
    if (step % 50 == 0) optimizer.catch_up(values);
  }
  optimizer.catch_up(values);
  EXPECT_TRUE(same_bits<T>(values.buffer(), dense.values.buffer()));
  EXPECT_TRUE(same_bits<T>(optimizer.first_moments().buffer(), dense.first.buffer()));
  EXPECT_TRUE(same_bits<T>(optimizer.second_moments().buffer(), dense.second.buffer()));
}

TEST(AdamwOptimizer, PostponingIdleRowsChangesNoBit) {
  compare_with_dense<float>({.weight_decay = 0.1}, 180);
  compare_with_dense<double>({.weight_decay = 0.1}, 60);
}

TEST(AdamwOptimizer, PostponingIdleRowsChangesNoBitWhereMomentsComeToRest) {
  compare_with_dense<float>({.beta1 = 0.2, .beta2 = 0.4, .weight_decay = 0.1}, 180);
}

TEST(AdamwOptimizer, DoesNotDependOnThreads) {
  for (const int threads : {1, 3}) {
    const ThreadScope scope(threads);
    compare_with_dense<float>({}, 40);
  }
}

TEST(Gradients, NormAndClearSeeEverythingThatTookPart) {
  const ModelConfig config = wide_vocabulary();
  const ParameterLayout layout = layout_of(config);
  Gradients<float> gradients = gradients_of_step<float>(layout, 2);
  double sum = 0;
  for (const float g : gradients.values().buffer()) sum += static_cast<double>(g) * static_cast<double>(g);
  EXPECT_NEAR(gradients.norm(), std::sqrt(sum), 1e-9);
  gradients.clear();
  for (const float g : gradients.values().buffer()) ASSERT_EQ(g, 0);
  EXPECT_EQ(gradients.norm(), 0);
  EXPECT_TRUE(gradients.words().rows().empty());
}

TEST(RowSet, HoldsEachRowOnceInAscendingOrder) {
  RowSet set(10);
  set.add(std::vector<std::int32_t>{7, 2, 7});
  set.add(std::vector<std::int32_t>{3, 2, 9, 0});
  EXPECT_EQ(std::vector<std::int32_t>(set.rows().begin(), set.rows().end()),
            (std::vector<std::int32_t>{0, 2, 3, 7, 9}));
  set.clear();
  EXPECT_TRUE(set.rows().empty());
  set.add(std::vector<std::int32_t>{2});
  EXPECT_EQ(set.rows().size(), 1u);
}

}  // namespace
}  // namespace sharcs::internal::adamw_test
