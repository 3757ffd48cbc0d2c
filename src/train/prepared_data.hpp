#pragma once

#include "data/tokenized_dataset.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/trainer.hpp"
#include "train/run_identity.hpp"

namespace sharcs::internal {

/// What a training finds out about its data before the first step.
struct PreparedData {
  /// Lengths, labels and targets. The tokens are not kept: each step's batches are tokenized again, while the step
  /// before computes.
  SampleFacts train;
  TokenizedDataset dev;
  RunIdentity identity;
};

/// Tokenizes both data sets, on all threads. Throws ConfigError for the first sample with a token that the model has no
/// embedding for.
PreparedData prepare(const TrainingInputs& inputs, const TrainingOptions& options, const ModelConfig& config);

}  // namespace sharcs::internal
