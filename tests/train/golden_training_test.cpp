// Agreement with the authors' code: optimizer steps, and head and neuron importance. tests/golden/README.md says what
// the files hold.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "golden_folder.hpp"
#include "io/file.hpp"
#include "model/golden_case.hpp"
#include "train/gradient_accumulator.hpp"
#include "train/importance.hpp"
#include "train/optimizer.hpp"

namespace sharcs::internal::golden_training_test {
namespace {

using testing::GoldenTensors;
using testing::load;
using testing::read_inputs;
using testing::relative_error;
using testing::tolerance;

/// Folders of a set whose name starts with `prefix`: the cases may be several, of any size.
std::vector<std::filesystem::path> folders(const testing::GoldenSet& set, const std::string& prefix) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(set.folder))
    if (entry.is_directory() && entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
  return found;
}

template <class T>
void compare_parameters(const Network<T>& network, const std::filesystem::path& file) {
  const GoldenTensors expected(file);
  for (const TensorInfo& tensor : expected.tensors()) {
    const auto values = expected.values(tensor.name);
    const auto found = network.values().values(network.encoder().backbone->canonical_name(tensor.name));
    // Where a gradient nearly cancels, Adam's division turns the rounding of the stored weights (float) into a few
    // times as much.
    const double allowed = std::max(tolerance<T>, 5e-6);
    EXPECT_LE(relative_error(values, [&](std::size_t e) { return found[e]; }), allowed)
        << file.filename() << ": " << tensor.name;
  }
}

template <class T>
void compare_steps(const std::filesystem::path& folder) {
  const auto network = load<T>(folder);
  const auto steps = nlohmann::json::parse(read_text_file(folder / "steps.json"));
  Adamw<T> optimizer(network->layout(), {.beta1 = steps.at("betas")[0].get<double>(),
                                         .beta2 = steps.at("betas")[1].get<double>(),
                                         .eps = steps.at("eps").get<double>(),
                                         .weight_decay = steps.at("weight_decay").get<double>()});
  GradientAccumulator<T> accumulator(*network, {.dropout = false});
  for (const auto& step : steps.at("steps")) {
    const std::string number = std::to_string(step.at("step").get<int>());
    const auto inputs = read_inputs(folder / ("batch_" + number + ".safetensors"), false);
    const Index samples = inputs.batch.samples();
    const auto count = static_cast<double>(samples);
    const MicroBatchOutcome outcome =
        accumulator.add({.width = network->widths().at(step.at("width").get<double>()),
                         .tokens = inputs.batch,
                         .labels = inputs.labels,
                         .targets = {},
                         .width_labels = {inputs.width_labels.data(), samples, network->widths().size()},
                         .task_weight = 1 / count,
                         .router_weight = 1 / count});
    EXPECT_NEAR(outcome.task_loss / count, step.at("loss_task").get<double>(), tolerance<T>) << "step " << number;
    EXPECT_NEAR(outcome.router_loss / count, step.at("loss_router").get<double>(), tolerance<T>) << "step " << number;
    optimizer.step(network->values(), accumulator.gradients(), step.at("learning_rate").get<double>());
    accumulator.gradients().clear();
    optimizer.catch_up(network->values());
    network->pack();
    // The weights stand after every second step.
    if (step.at("step").get<int>() % 2 == 0)
      compare_parameters(*network, folder / ("after_" + number + ".safetensors"));
  }
}

class GoldenAdamw : public testing::GoldenTest {};
SHARCS_FOR_EACH_GOLDEN_SET(GoldenAdamw);

TEST_P(GoldenAdamw, StepsAgreeWithTheAuthorsCode) {
  const auto cases = folders(GetParam(), "adamw_steps");
  ASSERT_FALSE(cases.empty());
  for (const auto& folder : cases) {
    compare_steps<float>(folder);
    compare_steps<double>(folder);
  }
}

template <class T>
void compare_importance(const std::filesystem::path& folder) {
  const auto network = load<T>(folder);
  ImportanceMeter<T> meter(*network);
  int batches = 0;
  for (; std::filesystem::exists(folder / ("batch_" + std::to_string(batches + 1) + ".safetensors")); ++batches) {
    const auto inputs = read_inputs(folder / ("batch_" + std::to_string(batches + 1) + ".safetensors"),
                                    network->config().is_regression());
    meter.add(inputs.batch, inputs.labels, inputs.targets);
  }
  const GoldenTensors expected(folder / "importance.safetensors");
  const auto compare = [&](const char* values_name, const char* order_name,
                           const std::vector<std::vector<double>>& found) {
    std::vector<double> flat;
    std::vector<std::int64_t> order;
    for (const auto& layer : found) {
      flat.insert(flat.end(), layer.begin(), layer.end());
      for (const Index i : descending_order(layer)) order.push_back(i);
    }
    EXPECT_LE(relative_error(expected.values(values_name), [&](std::size_t e) { return flat[e]; }), tolerance<T>)
        << values_name;
    EXPECT_EQ(order, expected.integers(order_name));
  };
  compare("head_importance", "head_order", meter.importance().heads);
  compare("neuron_importance", "neuron_order", meter.importance().neurons);

  reorder(*network, NewOrder::of(network->config(), meter.importance(), Reordering::heads_and_neurons));
  compare_parameters(*network, folder / "reordered.safetensors");
  const auto inputs =
      read_inputs(folder / ("batch_" + std::to_string(batches) + ".safetensors"), network->config().is_regression());
  Workspace workspace;
  TrainingPass<T> pass(network->encoder(), workspace);
  pass.forward(inputs.batch, network->widths().widest(), {});
  EXPECT_LE(relative_error(expected.values("logits"), [&](std::size_t e) { return pass.logits().data[e]; }),
            tolerance<T>)
      << "logits";
}

class GoldenImportance : public testing::GoldenTest {};
SHARCS_FOR_EACH_GOLDEN_SET(GoldenImportance);

TEST_P(GoldenImportance, ValuesOrderAndReorderedWeightsAgreeWithTheAuthorsCode) {
  const auto cases = folders(GetParam(), "importance");
  ASSERT_FALSE(cases.empty());
  for (const auto& folder : cases) {
    compare_importance<float>(folder);
    compare_importance<double>(folder);
  }
}

}  // namespace
}  // namespace sharcs::internal::golden_training_test
