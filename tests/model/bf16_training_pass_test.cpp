// bf16 products in training: the gradients are those of fp32, but for rounding.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/random.hpp"
#include "model/low_precision.hpp"
#include "model/small_models.hpp"
#include "model/training_pass.hpp"
#include "nn/loss.hpp"

namespace sharcs::internal::bf16_training_pass_test {
namespace {

ModelConfig config_of(const std::string& model_type) {
  ModelConfig config = testing::small_config_of(model_type);
  config.vocab_size = 40;
  config.hidden_size = 48;
  config.num_attention_heads = 3;
  config.intermediate_size = 99;
  config.max_position_embeddings = 40;
  config.initializer_range = 0.1;
  config.sharcs->exits = {1};
  return config;
}

/// The gradients of every answer's loss.
ParameterStore<float> gradients_of(const Network<float>& network, const RaggedBatch& batch) {
  ParameterStore<float> gradients(network.layout());
  const EncoderParameters<float> views = bind_parameters(network.config(), network.widths(), gradients);
  Workspace workspace;
  TrainingPass<float> pass(network.encoder(), workspace);
  pass.forward(batch, PassPlan{.widths = {0, 1, 2}, .exits = true}, {});
  const Index samples = batch.samples();
  std::vector<std::int32_t> labels;
  std::vector<float> widths;
  for (Index s = 0; s < samples; ++s) {
    labels.push_back(static_cast<std::int32_t>(s % 3));
    for (Index w = 0; w < 3; ++w) widths.push_back(static_cast<float>((s + w) % 2));
  }
  const auto loss_of = [&](MatrixView<const float> logits) {
    const MatrixView<float> d_logits = workspace.matrix<float>(samples, 3);
    cross_entropy<float>(logits, labels, 1, workspace.matrix<float>(samples, 3), d_logits);
    return MatrixView<const float>(d_logits);
  };
  OutputGradients<float> losses;
  for (std::size_t place = 0; place < 3; ++place) losses.logits.push_back(loss_of(pass.logits(place)));
  losses.exit_logits.push_back(loss_of(pass.exit_logits(0)));
  const MatrixView<float> d_router = workspace.matrix<float>(samples, 3);
  binary_cross_entropy<float>(pass.router_logits(), {widths.data(), samples, 3}, 1, d_router);
  losses.router_logits = d_router;
  pass.backward(losses, views);
  return gradients;
}

class Bf16Training : public ::testing::TestWithParam<std::string> {};

TEST_P(Bf16Training, GradientsAreCloseToThoseOfFp32) {
  Network<float> network(config_of(GetParam()));
  network.initialise(3);
  network.pack();
  const RaggedBatch batch = testing::random_batch(network.config(), {3, 9, 1, 25, 5, 14, 30, 2, 7});
  const ParameterStore<float> expected = gradients_of(network, batch);
  network.set_product_numbers(kernels::Numbers::bf16);
  network.pack();
  for_each_linear(network.encoder().weights, [&](const Linear<float>& linear) {
    const bool is_small = linear.outputs() == 5 || linear.outputs() == 3;  // the router, and what has an output a class
    EXPECT_EQ(linear.packed.numbers(), is_small ? kernels::Numbers::whole : kernels::Numbers::bf16);
  });
  const ParameterStore<float> found = gradients_of(network, batch);
  double all_squares = 0, all_reference = 0;
  for (std::size_t i = 0; i < network.layout().specs().size(); ++i) {
    double squares = 0, reference = 0;
    for (std::size_t e = 0; e < expected.values(i).size(); ++e) {
      const auto was = static_cast<double>(expected.values(i)[e]), is = static_cast<double>(found.values(i)[e]);
      squares += (is - was) * (is - was);
      reference += was * was;
    }
    all_squares += squares;
    all_reference += reference;
    // A key's bias has no gradient but for rounding: softmax does not see it.
    const std::string& name = network.layout().specs()[i].name;
    // The router's first layer ends in a ReLU: of its five units, one whose value is nearly 0 may change sides.
    const double bound = name.find(".router.0.") == std::string::npos ? 0.06 : 0.5;
    EXPECT_LT(std::sqrt(squares), std::max(bound * std::sqrt(reference), 1e-5)) << name;
  }
  EXPECT_LT(std::sqrt(all_squares / all_reference), 0.02);
  EXPECT_GT(all_squares, 0);
}

INSTANTIATE_TEST_SUITE_P(EveryBackbone, Bf16Training, ::testing::ValuesIn(testing::every_model_type()),
                         testing::test_name_of);

}  // namespace
}  // namespace sharcs::internal::bf16_training_pass_test
