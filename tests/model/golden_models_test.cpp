// Agreement with the authors' code: every hidden state, logit, loss, routed width and gradient of the golden cases, in
// float and in double. tests/golden/README.md says what the files hold.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <type_traits>

#include "golden_folder.hpp"
#include "io/file.hpp"
#include "kernels/simd_targets.hpp"
#include "model/answer_guides.hpp"
#include "model/golden_case.hpp"
#include "model/training_pass.hpp"
#include "nn/loss.hpp"

namespace sharcs::internal::golden_models_test {
namespace {

using testing::GoldenTensors;
using testing::Inputs;
using testing::largest_magnitude;
using testing::load;
using testing::read_inputs;
using testing::relative_error;
using testing::tolerance;
namespace fs = std::filesystem;

/// The cases that stand in the project.
std::vector<fs::path> small_cases() {
  std::vector<fs::path> folders;
  for (const char* name : {"bert_2_widths", "roberta_2_widths", "distilbert_2_widths", "bert_weighted_reduction",
                           "bert_head_size", "mpnet_2_widths", "plain_bert", "plain_deberta", "plain_electra",
                           "plain_modernbert", "plain_modernbert_biases", "plain_mpnet", "plain_roberta_regression"})
    folders.push_back(testing::small_golden_set().folder / name);
  return folders;
}

/// Those of the large set: the folders with a model and something to compare its forward with.
std::vector<fs::path> large_cases() {
  std::vector<fs::path> folders;
  for (const testing::GoldenSet& set : testing::golden_sets()) {
    if (set.name != "Large") continue;
    for (const auto& entry : fs::directory_iterator(set.folder))
      if (fs::exists(entry.path() / "model.safetensors") && fs::exists(entry.path() / "inputs.safetensors"))
        folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

/// Cases of a backbone that this build does not have say so instead of failing.
bool has_backbone(const fs::path& folder) {
  const auto json = nlohmann::json::parse(read_text_file(folder / "config.json"));
  return known_backbones().find(json.at("model_type").get<std::string>()) != std::string::npos;
}

/// What the error of a gradient is measured by: its own largest value; where it is zero in exact arithmetic, so that
/// nothing but rounding is left of it, that of the gradient whose terms cancel in it.
double scale_of_gradient(const GoldenTensors& gradients, const TensorInfo& tensor) {
  std::string name = tensor.name;
  // A key's bias adds the same to all scores of a query, which the softmax takes out again.
  if (name.ends_with("key.bias") || name.ends_with("attn.k.bias")) name.replace(name.size() - 4, 4, "weight");
  // The one reduction weight of the full width is a scale that the LayerNorm behind it takes out again.
  const std::size_t reduction = name.find("dim_reduction_weights.");
  if (reduction != std::string::npos && tensor.shape == std::vector<Index>{1, 1})
    name.replace(reduction, std::string::npos, "LayerNorm_10.weight");
  return largest_magnitude(gradients.values(name));
}

template <class T>
void compare_pass(const fs::path& folder, const Network<T>& network, const std::string& prefix, const Width& width,
                  const std::string& suffix, LastLayer last_layer) {
  const ModelConfig& config = network.config();
  const Inputs inputs = read_inputs(folder / (prefix + "inputs.safetensors"), config.is_regression());
  const GoldenTensors expected(folder / (prefix + "forward" + suffix + ".safetensors"));
  const Index samples = inputs.batch.samples();
  Workspace workspace;
  TrainingPass<T> pass(network.encoder(), workspace, {.last_layer = last_layer});
  pass.forward(inputs.batch, width, {});

  for (Index i = 0; i <= config.num_hidden_layers; ++i) {
    const std::string name = "hidden." + std::to_string(i);
    const auto whole = expected.values(name);
    const MatrixView<const T> found = pass.hidden_state(i);
    ASSERT_EQ(expected.shape(name).back(), found.cols) << name;
    std::vector<double> real;
    for (Index s = 0; s < samples; ++s)
      for (Index t = 0; t < (found.rows == samples ? 1 : inputs.batch.tokens(s)); ++t)
        for (Index c = 0; c < found.cols; ++c) real.push_back(whole[(s * inputs.padded_length + t) * found.cols + c]);
    EXPECT_LE(relative_error(real, [&](std::size_t e) { return found.data[e]; }), tolerance<T>) << name;
  }
  const auto logits = expected.values("logits");
  EXPECT_LE(relative_error(logits, [&](std::size_t e) { return pass.logits().data[e]; }), tolerance<T>) << "logits";

  const double scale = 1.0 / static_cast<double>(samples);
  std::vector<T> d_logits(logits.size()), probabilities(logits.size()), d_router(inputs.width_labels.size());
  const MatrixView<T> d_logits_view(d_logits.data(), samples, config.num_labels());
  double loss = 0;
  if (config.is_regression()) {
    loss = squared_error<T>(pass.logits(), inputs.targets, scale, d_logits_view);
  } else {
    loss = cross_entropy<T>(pass.logits(), inputs.labels, scale, {probabilities.data(), samples, d_logits_view.cols},
                            d_logits_view);
    if (expected.has("probability_of_label")) {
      const auto confidence = expected.values("probability_of_label");
      EXPECT_LE(relative_error(confidence,
                               [&](std::size_t s) { return probabilities[s * d_logits_view.cols + inputs.labels[s]]; }),
                tolerance<T>);
    }
  }
  EXPECT_NEAR(loss * scale, expected.values("loss_task")[0], tolerance<T>) << "loss_task";

  MatrixView<T> d_router_view;
  if (expected.has("loss_router")) {
    const auto router_logits = expected.values("router_logits");
    EXPECT_LE(relative_error(router_logits, [&](std::size_t e) { return pass.router_logits().data[e]; }), tolerance<T>)
        << "router_logits";
    d_router_view = {d_router.data(), samples, network.widths().size()};
    const double router_loss = binary_cross_entropy<T>(
        pass.router_logits(), {inputs.width_labels.data(), samples, d_router_view.cols}, scale, d_router_view);
    EXPECT_NEAR(router_loss * scale, expected.values("loss_router")[0], tolerance<T>) << "loss_router";
  }

  ParameterStore<T> gradients(network.layout());
  const auto views = bind_parameters(config, network.widths(), gradients);
  pass.backward(d_logits_view, d_router_view, views);
  const GoldenTensors expected_gradients(folder / (prefix + "gradients" + suffix + ".safetensors"));
  std::size_t compared = 0;
  for (const TensorInfo& tensor : expected_gradients.tensors()) {
    const int i = network.layout().find(network.encoder().backbone->canonical_name(tensor.name));
    ASSERT_GE(i, 0) << tensor.name;
    const std::span<const T> found = gradients.values(static_cast<std::size_t>(i));
    const auto values = expected_gradients.values(tensor.name);
    ASSERT_EQ(values.size(), found.size()) << tensor.name;
    EXPECT_LE(relative_error(
                  values, [&](std::size_t e) { return found[e]; }, scale_of_gradient(expected_gradients, tensor)),
              tolerance<T>)
        << "gradient of " << tensor.name;
    ++compared;
  }
  EXPECT_EQ(compared, network.layout().specs().size());
}

template <class T>
void compare_routed(const fs::path& folder, const Network<T>& network) {
  const Inputs inputs = read_inputs(folder / "padded_inputs.safetensors", network.config().is_regression());
  const auto expected = nlohmann::json::parse(read_text_file(folder / "routed.json"));
  Workspace workspace;
  AnsweredBatch<T> output;
  testing::RoutersChoice<T> guide(network.config());
  run_answers<T>(network.encoder(), inputs.batch, guide, workspace, output);
  const std::vector<Answer> answers = answers_of(network.config());
  const std::size_t labels = static_cast<std::size_t>(network.config().num_labels());
  ASSERT_EQ(static_cast<std::size_t>(inputs.batch.samples()), expected.size());
  for (std::size_t s = 0; s < expected.size(); ++s) {
    const Answer& answer = answers[static_cast<std::size_t>(output.answers[s])];
    EXPECT_EQ(network.widths()[answer.width_index].fraction(), expected[s].at("width").get<double>()) << "sample " << s;
    EXPECT_EQ(inputs.batch.tokens(static_cast<Index>(s)), expected[s].at("tokens").get<Index>());
    const auto logits = expected[s].at("logits").get<std::vector<double>>();
    EXPECT_LE(relative_error(logits, [&](std::size_t e) { return output.logits[s * labels + e]; }), tolerance<T>)
        << "sample " << s;
  }
}

template <class T>
void compare_case(const fs::path& folder) {
  SCOPED_TRACE(folder.filename().string() + (std::is_same_v<T, float> ? ", float" : ", double"));
  const auto network = load<T>(folder);
  for (const LastLayer last_layer : {LastLayer::all_tokens, LastLayer::first_tokens}) {
    SCOPED_TRACE(last_layer == LastLayer::all_tokens ? "all tokens" : "first tokens");
    if (!network->config().sharcs) {
      compare_pass(folder, *network, "", network->widths().full(), "", last_layer);
      continue;
    }
    for (const Width& width : network->widths()) {
      SCOPED_TRACE("width " + width.suffix());
      compare_pass(folder, *network, "", width, "_" + width.suffix(), last_layer);
      compare_pass(folder, *network, "padded_", width, "_" + width.suffix(), last_layer);
    }
  }
  if (network->config().sharcs) compare_routed(folder, *network);
}

class GoldenModels : public ::testing::TestWithParam<fs::path> {};

TEST_P(GoldenModels, FloatAgreesWithTheAuthorsCodeAtEverySimdTarget) {
  if (!has_backbone(GetParam())) GTEST_SKIP() << "no backbone for " << GetParam();
  kernels::at_every_simd_target([&] { compare_case<float>(GetParam()); });
}
TEST_P(GoldenModels, FloatAgreesWithTheAuthorsCodeInPortableKernels) {
  if (!has_backbone(GetParam())) GTEST_SKIP() << "no backbone for " << GetParam();
  kernels::with_portable_kernels([] { compare_case<float>(GetParam()); });
}
TEST_P(GoldenModels, DoubleAgreesWithTheAuthorsCode) {
  if (!has_backbone(GetParam())) GTEST_SKIP() << "no backbone for " << GetParam();
  compare_case<double>(GetParam());
}

std::string name_of_case(const ::testing::TestParamInfo<fs::path>& folder) { return folder.param.filename().string(); }
INSTANTIATE_TEST_SUITE_P(Small, GoldenModels, ::testing::ValuesIn(small_cases()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Large, GoldenModels, ::testing::ValuesIn(large_cases()), name_of_case);

}  // namespace
}  // namespace sharcs::internal::golden_models_test
