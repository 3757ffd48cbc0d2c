#include "model/training_pass.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>

#include "core/threads.hpp"
#include "model/small_models.hpp"
#include "nn/loss.hpp"

namespace sharcs::internal::training_pass_test {
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
    for (int output = 0; output < config.num_labels(); ++output)
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
void check_gradients(const ModelConfig& config, double dropout_rate = 0, std::vector<Index> lengths = {5, 1, 7}) {
  const ThreadScope threads(1);  // so little work is not worth two
  Network<double> network(config);
  randomise(network);
  const RaggedBatch batch = random_batch(config, std::move(lengths));
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

TEST(TrainingPass, GradientsAreTheFiniteDifferencesOfARegressionWithSeveralOutputs) {
  ModelConfig config = small_config();
  config.labels = {"joy", "anger", "fear"};
  config.multi_output = true;
  check_gradients(config);
}

TEST(TrainingPass, LastLayerOfFirstTokensGivesTheLossAndGradientsOfAllTokens) {
  ModelConfig plain = small_config(), modern = testing::small_config_of("modernbert"), plain_modern = modern;
  plain.sharcs.reset();
  plain_modern.sharcs.reset();
  plain_modern.num_hidden_layers = 1;  // which has no LayerNorm before its attention
  for (const ModelConfig& config : {small_config(), plain, modern, plain_modern}) {
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

TEST(TrainingPass, GradientsAreTheFiniteDifferencesWithEveryActivation) {
  for (const char* activation : {"gelu_fast", "relu", "silu", "quick_gelu"}) {
    SCOPED_TRACE(activation);
    ModelConfig config = small_config();
    config.hidden_act = activation;
    check_gradients(config);
  }
}

TEST(TrainingPass, GradientsAreTheFiniteDifferencesOfTheOtherHeadsUnderDropout) {
  for (const char* model_type : {"roberta", "distilbert"}) {
    ModelConfig config = small_config();
    config.model_type = model_type;
    config.sharcs->width_mult_list = {1.0 / 3, 1.0};
    check_gradients(config, 0.3);
  }
}

TEST(TrainingPass, GradientsAreTheFiniteDifferencesOfARelativeBiasOfLongSamples) {
  ModelConfig config = testing::small_config_of("mpnet");
  config.max_position_embeddings = 110;
  config.sharcs->width_mult_list = {1.0 / 3, 1.0};
  check_gradients(config, 0.3, {3, 100});
}

/// A ModernBERT whose parts all matter: local layers see little, every part has a bias.
ModelConfig modern_config() {
  ModelConfig config = testing::small_config_of("modernbert");
  config.modern.global_attn_every_n_layers = 2;
  config.modern.local_attention = 4;
  config.modern.global_rope_theta = 50;
  config.modern.local_rope_theta = 20;
  config.modern.attention_bias = config.modern.mlp_bias = config.modern.norm_bias = true;
  config.modern.classifier_bias = true;
  return config;
}

TEST(TrainingPass, GradientsAreTheFiniteDifferencesOfModernBertWithBiasesAndDropout) {
  ModelConfig config = modern_config();
  check_gradients(config);
  config.modern.embedding_dropout = 0.1;
  check_gradients(config, 0.3);
}

TEST(TrainingPass, GradientsAreTheFiniteDifferencesOfModernBertsOtherHeads) {
  for (const char* activation : {"tanh", "silu", "gelu_new"}) {
    ModelConfig config = modern_config();
    config.sharcs->width_mult_list = {1.0 / 3, 1.0};
    config.modern.mean_pooling = true;
    config.modern.classifier_activation = activation;
    check_gradients(config, 0.3);
  }
}

TEST(TrainingPass, GradientsAreTheFiniteDifferencesOfModernBertsRegressions) {
  ModelConfig config = modern_config();
  config.sharcs->width_mult_list = {1.0 / 3, 1.0};
  config.multi_output = true;
  check_gradients(config);
  config.multi_output = false;
  config.labels = {"score"};
  config.modern.mean_pooling = true;
  config.sharcs.reset();
  check_gradients(config);
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

// A pass of several widths and exits.

/// The small model with exits after its first two layers, and scores.
ModelConfig with_exits(ModelConfig config, FullWidthNorm norm = FullWidthNorm::plain) {
  config.sharcs->exits = {1, 2};
  config.sharcs->exit_scores = true;
  config.sharcs->full_width_norm = norm;
  return config;
}

PassPlan everything(const ModelConfig& config) {
  PassPlan plan = {.widths = {}, .exits = true};
  for (int w = 0; w < static_cast<int>(config.sharcs->width_mult_list.size()); ++w) plan.widths.push_back(w);
  return plan;
}

/// What takes part in a PlanLoss.
enum class Scores { none, weighed };

/// A sum of all that a pass puts out, each number with a factor of its own: the factors are the gradients.
class PlanLoss {
 public:
  PlanLoss(const TrainingPass<double>& pass, std::size_t exits, Scores scores) {
    for (std::size_t place = 0; place < pass.sub_networks(); ++place) {
      losses_.logits.push_back(weigh(pass.logits(place)));
      losses_.encoded.push_back(weigh(pass.encoded(place)));
    }
    losses_.router_logits = weigh(pass.router_logits());
    for (std::size_t exit = 0; exit < exits; ++exit) {
      losses_.exit_logits.push_back(weigh(pass.exit_logits(exit)));
      const double before = value_;
      const MatrixView<const double> d_scores = weigh(pass.exit_scores(exit));
      if (scores == Scores::none)
        value_ = before;
      else
        losses_.exit_scores.push_back(d_scores);
    }
  }
  double value() const { return value_; }
  OutputGradients<double>& losses() { return losses_; }

 private:
  MatrixView<const double> weigh(MatrixView<const double> output) {
    Random random(derive_key(21, "factors", factors_.size()));
    std::vector<double>& factors = factors_.emplace_back();
    for (Index r = 0; r < output.rows; ++r)
      for (Index c = 0; c < output.cols; ++c) {
        factors.push_back(random.normal());
        value_ += factors.back() * output(r, c);
      }
    return {factors.data(), output.rows, output.cols};
  }

  std::deque<std::vector<double>> factors_;
  OutputGradients<double> losses_;
  double value_ = 0;
};

struct PlanResult {
  double loss;
  std::vector<double> gradients;
};

/// Runs a plan forward; with `change`, which may change the loss, backward, too.
PlanResult run_plan(const Network<double>& network, const RaggedBatch& batch, const PassPlan& plan, Scores scores,
                    const std::function<void(OutputGradients<double>&)>& change = {}, const PassOptions& options = {},
                    const DropoutPlan& dropout = {}) {
  Workspace workspace;
  TrainingPass<double> pass(network.encoder(), workspace, options);
  pass.forward(batch, plan, dropout);
  PlanLoss loss(pass, plan.exits ? network.encoder().weights.exits.size() : 0, scores);
  PlanResult result = {loss.value(), {}};
  if (!change) return result;
  change(loss.losses());
  ParameterStore<double> gradients(network.layout());
  pass.backward(loss.losses(), bind_parameters(network.config(), network.widths(), gradients));
  result.gradients.assign(gradients.buffer().begin(), gradients.buffer().end());
  return result;
}
const std::function<void(OutputGradients<double>&)> as_it_is = [](OutputGradients<double>&) {};

std::span<const double> gradient_of(const Network<double>& network, const PlanResult& result, std::size_t parameter) {
  return std::span(result.gradients)
      .subspan(static_cast<std::size_t>(network.layout().offset(parameter)),
               static_cast<std::size_t>(network.layout().specs()[parameter].size()));
}

/// Central differences of a few elements of every parameter. A score's loss reaches the layer of the score alone.
void check_plan_gradients(const ModelConfig& config, const DropoutPlan& dropout = {}) {
  const ThreadScope threads(1);
  Network<double> network(config);
  randomise(network);
  const RaggedBatch batch = random_batch(config, {5, 1, 7});
  const PassPlan plan = everything(config);
  const PlanResult found = run_plan(network, batch, plan, Scores::weighed, as_it_is, {}, dropout);
  Random random(7);
  for (std::size_t i = 0; i < network.layout().specs().size(); ++i) {
    const std::string& name = network.layout().specs()[i].name;
    const Scores scores = name.find("score") != std::string::npos ? Scores::weighed : Scores::none;
    const std::span<double> values = network.values().values(i);
    for (int trial = 0; trial < 3; ++trial) {
      const std::size_t element = random.below(values.size());
      const double before = values[element], h = 1e-5;
      const auto loss_at = [&](double value) {
        values[element] = value;
        network.pack();
        return run_plan(network, batch, plan, scores, {}, {}, dropout).loss;
      };
      const double expected = (loss_at(before + h) - loss_at(before - h)) / (2 * h);
      values[element] = before;
      EXPECT_NEAR(gradient_of(network, found, i)[element], expected, 1e-5 * std::max(1.0, std::abs(expected)))
          << name << "[" << element << "]";
    }
  }
}

TEST_P(EveryBackbonesTrainingPass, GradientsOfAllAnswersAreTheFiniteDifferences) {
  for (const FullWidthNorm norm : {FullWidthNorm::plain, FullWidthNorm::private_}) {
    SCOPED_TRACE(norm == FullWidthNorm::plain ? "plain" : "private");
    check_plan_gradients(with_exits(testing::small_config_of(GetParam()), norm));
  }
}

TEST_P(EveryBackbonesTrainingPass, GradientsOfAllAnswersAreTheFiniteDifferencesWhereTokensAreLabelled) {
  ModelConfig config = with_exits(testing::small_config_of(GetParam()));
  config.sharcs->exit_scores = false;
  config.per_token = true;
  check_plan_gradients(config);
  check_plan_gradients(config, {.hidden = 0.3f, .attention = 0.3f, .classifier = 0.3f, .key = 99});
  config.sharcs->full_width_norm = FullWidthNorm::private_;
  check_plan_gradients(config);
}

TEST_P(EveryBackbonesTrainingPass, GradientsOfAllAnswersAreTheFiniteDifferencesWhereMasksAreFilled) {
  ModelConfig config = with_exits(testing::small_config_of(GetParam()));
  config.sharcs->exit_scores = false;
  config.per_token = config.fills_masks = true;
  config.labels.clear();
  check_plan_gradients(config);
  config.sharcs->full_width_norm = FullWidthNorm::private_;
  check_plan_gradients(config, {.hidden = 0.3f, .attention = 0.3f, .key = 99});
}

TEST(TrainingPass, ExitsAloneLeaveTheWordEmbeddingsThatTheyShareWithTheHead) {
  ModelConfig config = with_exits(small_config());
  config.sharcs->exit_scores = false;
  config.per_token = config.fills_masks = true;
  config.labels.clear();
  Network<double> network(config);
  randomise(network);
  const RaggedBatch batch = random_batch(config, {5, 1, 7});
  const PlanResult found =
      run_plan(network, batch, everything(config), Scores::none, [](OutputGradients<double>& losses) {
        losses.logits.clear();
        losses.encoded.clear();
        losses.router_logits = {};
        losses.exits_alone = true;
      });
  for (std::size_t i = 0; i < network.layout().specs().size(); ++i) {
    const std::span<const double> gradient = gradient_of(network, found, i);
    const bool is_zero = std::ranges::all_of(gradient, [](double x) { return x == 0; });
    EXPECT_EQ(is_zero, network.layout().specs()[i].component != Component::exit) << network.layout().specs()[i].name;
  }
}

TEST(TrainingPass, GradientsOfAPlainEncoderThatLabelsTokensAreTheFiniteDifferences) {
  ModelConfig config = small_config();
  config.sharcs.reset();
  config.per_token = true;
  const ThreadScope threads(1);
  Network<double> network(config);
  randomise(network);
  const RaggedBatch batch = random_batch(config, {5, 1, 7});
  /// The sum of the logits, each with a factor of its own; with `gradient`, backward, too.
  const auto loss = [&](EncoderParameters<double>* gradient) {
    Workspace workspace;
    TrainingPass<double> pass(network.encoder(), workspace);
    pass.forward(batch, network.widths().full(), {});
    Random factors(21);
    std::vector<double> d_logits;
    double sum = 0;
    for (Index r = 0; r < pass.logits().rows; ++r)
      for (Index c = 0; c < pass.logits().cols; ++c) {
        d_logits.push_back(factors.normal());
        sum += d_logits.back() * pass.logits()(r, c);
      }
    if (gradient != nullptr)
      pass.backward({.logits = {{d_logits.data(), pass.logits().rows, pass.logits().cols}}}, *gradient);
    return sum;
  };
  ParameterStore<double> gradients(network.layout());
  EncoderParameters<double> views = bind_parameters(network.config(), network.widths(), gradients);
  loss(&views);
  Random random(7);
  for (std::size_t i = 0; i < network.layout().specs().size(); ++i) {
    const std::span<double> values = network.values().values(i);
    const std::size_t element = random.below(values.size());
    const double before = values[element], h = 1e-5;
    const auto loss_at = [&](double value) {
      values[element] = value;
      network.pack();
      return loss(nullptr);
    };
    const double expected = (loss_at(before + h) - loss_at(before - h)) / (2 * h);
    values[element] = before;
    EXPECT_NEAR(gradients.values(i)[element], expected, 1e-5 * std::max(1.0, std::abs(expected)))
        << network.layout().specs()[i].name;
  }
}

TEST_P(EveryBackbonesTrainingPass, GradientsOfAllAnswersAreTheFiniteDifferencesWithFewerLayers) {
  ModelConfig config = with_exits(testing::small_config_of(GetParam()));
  config.sharcs->depth_mult_list = {0.5, 1, 1};
  check_plan_gradients(config);
}

TEST_P(EveryBackbonesTrainingPass, GradientsOfAllAnswersAreTheFiniteDifferencesWithWholeTokenVectors) {
  for (const FullWidthNorm norm : {FullWidthNorm::plain, FullWidthNorm::private_}) {
    ModelConfig config = with_exits(testing::small_config_of(GetParam()), norm);
    config.sharcs->slice_hidden = false;
    check_plan_gradients(config);
  }
}

TEST(TrainingPass, GradientsOfAllAnswersAreTheFiniteDifferencesWithWeightedReductionAndExitsOfTheFirstToken) {
  for (ModelConfig config : {with_exits(small_config()), with_exits(modern_config())}) {
    config.sharcs->weighted_dim_reduction = true;
    config.sharcs->width_mult_list = {1.0 / 3, 1};
    config.sharcs->exit_pooling = ExitPooling::first_token;
    check_plan_gradients(config);
  }
}

TEST(TrainingPass, GradientsOfAllAnswersAreTheFiniteDifferencesOfModernBertsMeanOfAllTokens) {
  ModelConfig config = modern_config();
  config.modern.mean_pooling = true;
  for (const FullWidthNorm norm : {FullWidthNorm::plain, FullWidthNorm::private_})
    check_plan_gradients(with_exits(config, norm));
}

/// A plan of everything under dropout.
struct WholePlan {
  ModelConfig config = with_exits(small_config());
  Network<double> network{config};
  RaggedBatch batch = random_batch(config, {5, 1, 7});
  DropoutPlan dropout = {.hidden = 0.3f, .attention = 0.3f, .classifier = 0.3f, .key = 99, .first_token = 6};

  WholePlan() { randomise(network); }
  PlanResult run(const PassPlan& plan, Scores scores = Scores::weighed,
                 const std::function<void(OutputGradients<double>&)>& change = as_it_is,
                 const PassOptions& options = {}) const {
    return run_plan(network, batch, plan, scores, change, options, dropout);
  }
};

TEST(TrainingPass, RecomputedActivationsOfAPlanGiveTheSameBits) {
  const WholePlan whole;
  const PlanResult kept = whole.run(everything(whole.config));
  const PlanResult recomputed =
      whole.run(everything(whole.config), Scores::weighed, as_it_is, {.activations = Activations::recompute});
  EXPECT_EQ(kept.loss, recomputed.loss);
  EXPECT_EQ(kept.gradients, recomputed.gradients);
}

TEST(TrainingPass, ThePartsOfAPlanAreThoseOfSinglePasses) {
  const WholePlan whole;
  Workspace workspace;
  TrainingPass<double> together(whole.network.encoder(), workspace);
  together.forward(whole.batch, everything(whole.config), whole.dropout);
  const auto expect_same = [](MatrixView<const double> a, MatrixView<const double> b) {
    ASSERT_EQ(a.rows, b.rows);
    ASSERT_EQ(a.cols, b.cols);
    for (Index r = 0; r < a.rows; ++r)
      for (Index c = 0; c < a.cols; ++c) EXPECT_EQ(a(r, c), b(r, c));
  };
  for (const Width& width : whole.network.widths()) {
    Workspace own;
    TrainingPass<double> alone(whole.network.encoder(), own);
    alone.forward(whole.batch, width, whole.dropout);
    const auto place = static_cast<std::size_t>(width.index());
    expect_same(together.logits(place), alone.logits());
    expect_same(together.encoded(place), alone.encoded(0));
    expect_same(together.router_logits(), alone.router_logits());
    EXPECT_FALSE(alone.exit_logits(0));
  }
}

TEST(TrainingPass, TheGradientOfAPlanIsTheSumOfItsParts) {
  const WholePlan whole;
  const PlanResult together = whole.run(everything(whole.config));
  std::vector<double> sum(together.gradients.size());
  const auto add = [&](const std::function<void(OutputGradients<double>&)>& leave) {
    const PlanResult part = whole.run(everything(whole.config), Scores::weighed, leave);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += part.gradients[i];
  };
  for (std::size_t place = 0; place < 3; ++place)
    add([place](OutputGradients<double>& losses) {
      OutputGradients<double> left;
      left.logits.resize(3), left.encoded.resize(3);
      left.logits[place] = losses.logits[place], left.encoded[place] = losses.encoded[place];
      losses = left;
    });
  add([](OutputGradients<double>& losses) { losses = {.router_logits = losses.router_logits}; });
  add([](OutputGradients<double>& losses) {
    losses = {.exit_logits = losses.exit_logits, .exit_scores = losses.exit_scores};
  });
  for (std::size_t i = 0; i < sum.size(); ++i) ASSERT_NEAR(together.gradients[i], sum[i], 1e-10) << i;
}

TEST(TrainingPass, ExitsAloneReachNothingButTheExits) {
  const WholePlan whole;
  const auto exits_only = [](OutputGradients<double>& losses) {
    losses = {.exit_logits = losses.exit_logits, .exit_scores = losses.exit_scores};
  };
  const auto exits_alone = [&](OutputGradients<double>& losses) {
    exits_only(losses);
    losses.exits_alone = true;
  };
  const PlanResult joint = whole.run(everything(whole.config), Scores::weighed, exits_only);
  const PlanResult alone = whole.run(everything(whole.config), Scores::weighed, exits_alone);
  const auto specs = whole.network.layout().specs();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto found = gradient_of(whole.network, alone, i), with_encoder = gradient_of(whole.network, joint, i);
    for (std::size_t e = 0; e < found.size(); ++e)
      EXPECT_EQ(found[e], specs[i].component == Component::exit ? with_encoder[e] : 0) << specs[i].name;
  }
}

TEST(TrainingPass, AnExitsScoreReachesTheLayerOfTheScoreAlone) {
  const WholePlan whole;
  const PlanResult result = whole.run(everything(whole.config), Scores::weighed, [](OutputGradients<double>& losses) {
    std::vector<MatrixView<const double>> none(losses.exit_logits.size());
    losses = {.exit_logits = none, .exit_scores = losses.exit_scores};
  });
  const auto specs = whole.network.layout().specs();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto found = gradient_of(whole.network, result, i);
    const bool reached = std::ranges::any_of(found, [](double value) { return value != 0; });
    EXPECT_EQ(reached, specs[i].name.find("score") != std::string::npos) << specs[i].name;
  }
}

}  // namespace
}  // namespace sharcs::internal::training_pass_test
