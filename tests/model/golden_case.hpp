#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <type_traits>
#include <vector>

#include "formats/checkpoint.hpp"
#include "model/golden_tensors.hpp"
#include "model/network.hpp"

namespace sharcs::internal::testing {

/// How far a result may be from the authors' code: relative to the largest value of the tensor.
template <class T>
constexpr double tolerance = std::is_same_v<T, float> ? 2e-5 : 1e-6;

inline double largest_magnitude(const std::vector<double>& values) {
  double magnitude = 0;
  for (const double value : values) magnitude = std::max(magnitude, std::abs(value));
  return magnitude;
}

/// Largest difference over `scale`; 0 where nothing differs.
template <class At>
double relative_error(const std::vector<double>& expected, const At& at, double scale) {
  double difference = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    difference = std::max(difference, std::abs(static_cast<double>(at(i)) - expected[i]));
  return difference == 0 ? 0 : difference / scale;
}
/// Largest difference over the largest magnitude of the expected values.
template <class At>
double relative_error(const std::vector<double>& expected, const At& at) {
  return relative_error(expected, at, largest_magnitude(expected));
}

struct Inputs {
  RaggedBatch batch;
  Index padded_length = 0;
  std::vector<std::int32_t> labels;
  std::vector<float> targets;
  std::vector<float> width_labels;
};

inline Inputs read_inputs(const std::filesystem::path& file, bool regression) {
  const GoldenTensors tensors(file);
  const auto ids = tensors.integers("input_ids"), mask = tensors.integers("attention_mask");
  const auto types =
      tensors.has("token_type_ids") ? tensors.integers("token_type_ids") : std::vector<std::int64_t>(ids.size(), 0);
  const Index samples = tensors.shape("input_ids")[0], length = tensors.shape("input_ids")[1];
  Inputs inputs;
  inputs.padded_length = length;
  for (Index s = 0; s < samples; ++s) {
    std::vector<std::int32_t> sample_ids, sample_types;
    for (Index t = s * length; t < (s + 1) * length; ++t) {
      if (mask[t] == 0) continue;
      sample_ids.push_back(static_cast<std::int32_t>(ids[t]));
      sample_types.push_back(static_cast<std::int32_t>(types[t]));
    }
    inputs.batch.add(sample_ids, sample_types);
  }
  if (regression)
    for (const double target : tensors.values("labels")) inputs.targets.push_back(static_cast<float>(target));
  else
    for (const std::int64_t label : tensors.integers("labels"))
      inputs.labels.push_back(static_cast<std::int32_t>(label));
  if (tensors.has("width_mult_label"))
    for (const double label : tensors.values("width_mult_label"))
      inputs.width_labels.push_back(static_cast<float>(label));
  return inputs;
}

template <class T>
std::unique_ptr<Network<T>> load(const std::filesystem::path& folder) {
  const ModelConfig config = ModelConfig::load(folder / "config.json");
  auto network = std::make_unique<Network<T>>(config);
  CheckpointReader reader(folder, config, {});
  const LoadReport report = read_parameters(*network, reader, 1);
  EXPECT_EQ(report.summary(), "") << folder;
  network->pack();
  return network;
}

}  // namespace sharcs::internal::testing
