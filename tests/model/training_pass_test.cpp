#include "model/training_pass.hpp"

#include <gtest/gtest.h>

#include "core/threads.hpp"
#include "model/small_models.hpp"
#include "nn/loss.hpp"

namespace sharcs::internal {
namespace {

using testing::random_batch;
using testing::randomise;
using testing::small_config;

struct Labels {
  std::vector<std::int32_t> classes;
  std::vector<float> targets;
  std::vector<float> widths;  // multi-hot
};

Labels random_labels(const ModelConfig& config, Index samples) {
  Labels labels;
  Random random(11);
  for (Index s = 0; s < samples; ++s) {
    labels.classes.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(config.num_labels()))));
    labels.targets.push_back(static_cast<float>(random.normal()));
    for (int w = 0; config.sharcs && w < static_cast<int>(config.sharcs->width_mult_list.size()); ++w)
      labels.widths.push_back(static_cast<float>(random.below(2)));
  }
  return labels;
}

/// The loss of one batch at one width; with `gradient`, its gradients are added there.
double loss(const Network<double>& network, const RaggedBatch& batch, const Width& width, const DropoutPlan& dropout,
            const Labels& labels, EncoderParameters<double>* gradient = nullptr, const PassOptions& options = {}) {
  Workspace workspace;
  TrainingPass<double> pass(network.encoder(), workspace, options);
  pass.forward(batch, width, dropout);
  const Index samples = batch.samples(), classes = network.config().num_labels();
  std::vector<double> probabilities(samples * classes), d_logits(samples * classes), d_router;
  const MatrixView<double> d_logits_view(d_logits.data(), samples, classes);
  double total = network.config().is_regression()
                     ? squared_error<double>(pass.logits(), labels.targets, 1, d_logits_view)
                     : cross_entropy<double>(pass.logits(), labels.classes, 1, {probabilities.data(), samples, classes},
                                             d_logits_view);
  MatrixView<double> d_router_view;
  if (pass.router_logits()) {
    d_router.resize(labels.widths.size());
    d_router_view = {d_router.data(), samples, pass.router_logits().cols};
    total += binary_cross_entropy<double>(pass.router_logits(), {labels.widths.data(), samples, d_router_view.cols}, 1,
                                          d_router_view);
  }
  if (gradient != nullptr) pass.backward(d_logits_view, d_router_view, *gradient);
  return total;
}

/// Central differences of a few elements of every parameter.
void check_gradients(const ModelConfig& config, double dropout_rate = 0) {
  const ThreadScope threads(1);  // so little work is not worth two
  Network<double> network(config);
  randomise(network);
  const RaggedBatch batch = random_batch(config, {5, 1, 7});
  const Labels labels = random_labels(config, batch.samples());
  const DropoutPlan dropout = {.hidden = static_cast<float>(dropout_rate),
                               .attention = static_cast<float>(dropout_rate),
                               .classifier = static_cast<float>(dropout_rate),
                               .key = 99};
  for (const Width& width : network.widths()) {
    ParameterStore<double> gradients(network.layout());
    EncoderParameters<double> views = bind_parameters(network.config(), network.widths(), gradients);
    loss(network, batch, width, dropout, labels, &views);
    Random random(7);
    for (std::size_t i = 0; i < network.layout().specs().size(); ++i) {
      const std::span<double> values = network.values().values(i);
      for (int trial = 0; trial < 4; ++trial) {
        const std::size_t element = random.below(values.size());
        const double before = values[element], h = 1e-5;
        values[element] = before + h;
        network.pack();
        const double above = loss(network, batch, width, dropout, labels);
        values[element] = before - h;
        network.pack();
        const double below = loss(network, batch, width, dropout, labels);
        values[element] = before;
        const double expected = (above - below) / (2 * h), found = gradients.values(i)[element];
        EXPECT_NEAR(found, expected, 2e-6 * std::max(1.0, std::abs(expected)))
            << network.layout().specs()[i].name << "[" << element << "] at width " << width.fraction();
      }
    }
    network.pack();
  }
}

TEST(TrainingPass, GradientsAreTheFiniteDifferences) { check_gradients(small_config()); }

TEST(TrainingPass, GradientsAreTheFiniteDifferencesUnderDropout) { check_gradients(small_config(), 0.3); }

TEST(TrainingPass, GradientsAreTheFiniteDifferencesWithWeightedReduction) {
  ModelConfig config = small_config();
  config.sharcs->weighted_dim_reduction = true;
  config.sharcs->width_mult_list = {1.0 / 3, 1.0};
  config.sharcs->adaptive_layer_idx = 2;
  check_gradients(config);
}

TEST(TrainingPass, GradientsAreTheFiniteDifferencesWithAnotherHeadSize) {
  ModelConfig config = small_config();
  config.attention_head_size = 5;
  check_gradients(config);
}

TEST(TrainingPass, GradientsAreTheFiniteDifferencesOfAPlainRegression) {
  ModelConfig config = small_config();
  config.sharcs.reset();
  config.labels = {"score"};
  check_gradients(config);
}

TEST(TrainingPass, LastLayerOfFirstTokensGivesTheLossAndGradientsOfAllTokens) {
  ModelConfig plain = small_config();
  plain.sharcs.reset();
  for (const ModelConfig& config : {small_config(), plain}) {
    Network<double> network(config);
    randomise(network);
    const RaggedBatch batch = random_batch(config, {5, 1, 7});
    const Labels labels = random_labels(config, batch.samples());
    const DropoutPlan dropout = {.hidden = 0.3f, .attention = 0.3f, .classifier = 0.3f, .key = 99, .first_token = 6};
    for (const Width& width : network.widths()) {
      const auto run = [&](const PassOptions& options) {
        ParameterStore<double> gradients(network.layout());
        EncoderParameters<double> views = bind_parameters(network.config(), network.widths(), gradients);
        const double value = loss(network, batch, width, dropout, labels, &views, options);
        return std::pair(value, std::vector<double>(gradients.buffer().begin(), gradients.buffer().end()));
      };
      const auto [loss_of_all, gradients_of_all] = run({.last_layer = LastLayer::all_tokens});
      for (const Activations activations : {Activations::keep, Activations::recompute}) {
        const auto [value, gradients] = run({.activations = activations, .last_layer = LastLayer::first_tokens});
        EXPECT_NEAR(value, loss_of_all, 1e-12);
        for (std::size_t i = 0; i < gradients.size(); ++i) ASSERT_NEAR(gradients[i], gradients_of_all[i], 1e-11) << i;
      }
    }
  }
}

class EveryBackbonesTrainingPass : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryBackbonesTrainingPass, GradientsAreTheFiniteDifferences) {
  check_gradients(testing::small_config_of(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(All, EveryBackbonesTrainingPass, ::testing::ValuesIn(testing::every_model_type()),
                         testing::test_name_of);

TEST(TrainingPass, GradientsAreTheFiniteDifferencesWithSharedLayersAndNarrowEmbeddings) {
  ModelConfig config = small_config();
  config.model_type = "albert";
  config.hidden_act = "gelu_new";
  config.embedding_size = 5;
  check_gradients(config);
  config.sharcs->adaptive_layer_idx = 2;
  check_gradients(config, 0.3);
}

TEST(TrainingPass, GradientsAreTheFiniteDifferencesOfTheOtherHeadsUnderDropout) {
  for (const char* model_type : {"roberta", "distilbert"}) {
    ModelConfig config = small_config();
    config.model_type = model_type;
    config.sharcs->width_mult_list = {1.0 / 3, 1.0};
    check_gradients(config, 0.3);
  }
}

TEST(TrainingPass, GradientsOutsideTheSliceStayZero) {
  const ModelConfig config = small_config();
  Network<double> network(config);
  randomise(network);
  const RaggedBatch batch = random_batch(config, {4, 6});
  ParameterStore<double> gradients(network.layout());
  EncoderParameters<double> views = bind_parameters(network.config(), network.widths(), gradients);
  const Width& narrow = network.widths()[0];
  loss(network, batch, narrow, {}, random_labels(config, 2), &views);
  const MatrixView<double> query = views.layer(2).query.weight, ffn = views.layer(2).output.weight;
  for (Index r = 0; r < query.rows; ++r)
    for (Index c = 0; c < query.cols; ++c)
      EXPECT_TRUE((r < narrow.attention() && c < narrow.hidden()) || query(r, c) == 0);
  for (Index r = 0; r < ffn.rows; ++r)
    for (Index c = 0; c < ffn.cols; ++c) EXPECT_TRUE((r < narrow.hidden() && c < narrow.ffn()) || ffn(r, c) == 0);
}

}  // namespace
}  // namespace sharcs::internal
