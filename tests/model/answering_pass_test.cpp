#include "model/answering_pass.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/random.hpp"
#include "model/answer_guides.hpp"
#include "model/answers.hpp"
#include "model/small_models.hpp"
#include "model/training_pass.hpp"

namespace sharcs::internal::answering_pass_test {
namespace {

using testing::OneAnswer;
using testing::random_batch;
using testing::randomise;

/// Three layers, the router after the first; answers: exit 1, 1/3, 2/3, exit 2, 1.
ModelConfig with_exits(ModelConfig config, FullWidthNorm norm = FullWidthNorm::plain) {
  config.sharcs->exits = {1, 2};
  config.sharcs->exit_scores = true;
  config.sharcs->full_width_norm = norm;
  return config;
}

/// Asks for every answer, keeps none before the last, and remembers them all.
class Collector final : public AnswerGuide<double> {
 public:
  bool asks(Index, int, std::span<const double>) override { return true; }
  bool keeps(Index sample, int answer, std::span<const double> logits, const double* score) override {
    const auto s = static_cast<std::size_t>(sample), a = static_cast<std::size_t>(answer);
    found.resize(std::max(found.size(), a + 1));
    found[a].resize(std::max(found[a].size(), s + 1));
    found[a][s] = {{logits.begin(), logits.end()}, score != nullptr ? *score : std::nan("")};
    return false;
  }
  struct OfSample {
    std::vector<double> logits;
    double score;
  };
  std::vector<std::vector<OfSample>> found;  ///< [answers][samples]
};

class EveryBackbonesAnswers : public ::testing::TestWithParam<std::string> {};

void expect_answers_of_a_training_pass(const ModelConfig& config) {
  Network<double> network(config);
  randomise(network);
  const RaggedBatch batch = random_batch(config, {5, 1, 7});
  Workspace workspace, other;
  TrainingPass<double> pass(network.encoder(), other);
  pass.forward(batch, {.widths = {0, 1, 2}, .exits = true}, {});
  Collector collector;
  AnsweredBatch<double> output;
  run_answers<double>(network.encoder(), batch, collector, workspace, output);

  const std::vector<Answer> answers = answers_of(config);
  ASSERT_EQ(collector.found.size(), answers.size());
  for (std::size_t a = 0; a < answers.size(); ++a) {
    SCOPED_TRACE(answers[a].name);
    const std::size_t exit = answers[a].exit_layer == 2;
    const MatrixView<const double> expected =
        answers[a].is_exit() ? pass.exit_logits(exit) : pass.logits(static_cast<std::size_t>(answers[a].width_index));
    OneAnswer<double> one(static_cast<int>(a));
    AnsweredBatch<double> alone;
    run_answers<double>(network.encoder(), batch, one, workspace, alone);
    for (Index s = 0; s < 3; ++s) {
      const auto& found = collector.found[a][static_cast<std::size_t>(s)];
      for (Index c = 0; c < 3; ++c) {
        EXPECT_NEAR(found.logits[static_cast<std::size_t>(c)], expected(s, c), 1e-12);
        EXPECT_EQ(alone.logits[static_cast<std::size_t>(3 * s + c)], found.logits[static_cast<std::size_t>(c)]);
      }
      EXPECT_EQ(alone.answers[static_cast<std::size_t>(s)], static_cast<int>(a));
      EXPECT_EQ(std::isnan(found.score), !answers[a].is_exit());
      if (!answers[a].is_exit()) continue;
      EXPECT_NEAR(found.score, pass.exit_scores(exit)(s, 0), 1e-12);
    }
  }
  for (Index s = 0; s < 3; ++s)
    for (Index w = 0; w < 3; ++w)
      EXPECT_NEAR(output.router_logits[static_cast<std::size_t>(3 * s + w)], pass.router_logits()(s, w), 1e-12);
}

TEST_P(EveryBackbonesAnswers, AreThoseOfATrainingPass) {
  for (const FullWidthNorm norm : {FullWidthNorm::plain, FullWidthNorm::private_})
    for (const ExitPooling pooling : {ExitPooling::mean, ExitPooling::first_token})
      for (const bool slice_hidden : {true, false}) {
        ModelConfig config = with_exits(testing::small_config_of(GetParam()), norm);
        config.sharcs->depth_mult_list = {0.5, 1, 1};
        config.sharcs->exit_pooling = pooling;
        config.sharcs->slice_hidden = slice_hidden;
        expect_answers_of_a_training_pass(config);
      }
}

TEST_P(EveryBackbonesAnswers, PlainFullWidthIsThePlainEncoder) {
  const ModelConfig config = with_exits(testing::small_config_of(GetParam()));
  ModelConfig plain_config = config;
  plain_config.sharcs.reset();
  Network<float> network(config), plain(plain_config);
  randomise(network);
  for (std::size_t i = 0; i < plain.layout().specs().size(); ++i)
    std::ranges::copy(network.values().values(plain.layout().specs()[i].name), plain.values().values(i).begin());
  plain.pack();
  const RaggedBatch batch = random_batch(config, {5, 1, 7, 9});
  const auto last_answer = [&](const Network<float>& of) {
    Workspace workspace;
    AnsweredBatch<float> output;
    OneAnswer<float> last(static_cast<int>(answers_of(of.config()).size()) - 1);
    run_answers<float>(of.encoder(), batch, last, workspace, output);
    return output.logits;
  };
  EXPECT_EQ(last_answer(network), last_answer(plain));
}

INSTANTIATE_TEST_SUITE_P(All, EveryBackbonesAnswers, ::testing::ValuesIn(testing::every_model_type()),
                         testing::test_name_of);

TEST(AnsweringPass, ASampleThatStopsBeforeTheRouterHasNoRouterLogits) {
  const ModelConfig config = with_exits(testing::small_config());
  Network<float> network(config);
  randomise(network);
  Workspace workspace;
  AnsweredBatch<float> output;
  OneAnswer<float> guide([](Index sample) { return sample == 1 ? 0 : 4; });
  run_answers<float>(network.encoder(), random_batch(config, {4, 3}), guide, workspace, output);
  EXPECT_EQ(output.answers, (std::vector<int>{4, 0}));
  for (std::size_t w = 0; w < 3; ++w) {
    EXPECT_NE(output.router_logits[w], 0);
    EXPECT_EQ(output.router_logits[3 + w], 0);
  }
}

TEST(AnsweringPass, TheLastAnswerIsAWidthsWhereNoWidthIsFull) {
  ModelConfig config = testing::small_config();
  config.sharcs->width_mult_list = {1.0 / 3, 2.0 / 3};
  config.sharcs->full_width_norm = FullWidthNorm::private_;
  config.sharcs->exits = {1};
  Network<double> network(config);
  randomise(network);
  const RaggedBatch batch = random_batch(config, {5, 1, 7});
  Workspace workspace, other;
  TrainingPass<double> pass(network.encoder(), other);
  pass.forward(batch, {.widths = {0, 1}, .exits = true}, {});
  Collector collector;
  AnsweredBatch<double> output;
  run_answers<double>(network.encoder(), batch, collector, workspace, output);
  ASSERT_EQ(collector.found.size(), 3u);
  EXPECT_EQ(output.answers, (std::vector<int>{2, 2, 2}));
  for (Index s = 0; s < 3; ++s)
    for (Index c = 0; c < 3; ++c)
      EXPECT_NEAR(output.logits[static_cast<std::size_t>(3 * s + c)], pass.logits(1)(s, c), 1e-12);
}

}  // namespace
}  // namespace sharcs::internal::answering_pass_test
