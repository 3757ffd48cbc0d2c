#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "report/run_folder.hpp"

namespace sharcs::internal::testing {

struct SyntheticRunOptions {
  std::string name = "run";
  std::vector<double> widths = {0.25, 1};
  int epochs = 10;
  int samples = 400;
  std::uint64_t seed = 1;
};

/// A run as training might leave it, without training: smooth curves with noise, sentences of known difficulty, and
/// answers that are the likelier right the easier the sentence and the wider the width.
RunFolder synthetic_run(const SyntheticRunOptions& options = {});

/// Writes metrics.jsonl, training.json, config.json and recording.json.
void save_run(const RunFolder& run, const std::filesystem::path& folder);

}  // namespace sharcs::internal::testing
