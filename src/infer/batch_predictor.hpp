#pragma once

#include <span>
#include <stop_token>
#include <vector>

#include "infer/workspace_pool.hpp"
#include "model/answering_pass.hpp"
#include "model/encoder.hpp"
#include "routing/policy_walk.hpp"
#include "sharcs/engine.hpp"

namespace sharcs::internal {

/// Predicts the micro-batches of a call that one thread takes, one after the other.
class BatchPredictor {
 public:
  /// `policies`: one for all samples of the call, or one for each; `predictions`: one for each. All arguments must
  /// outlive it. Throws ConfigError when a policy does not fit the model.
  BatchPredictor(const Encoder<float>& encoder, std::span<const Policy> policies, const std::stop_token& stop,
                 WorkspacePool& workspaces, std::span<Prediction> predictions)
      : encoder_(encoder),
        stop_(stop),
        workspace_(workspaces.take()),
        predictions_(predictions),
        walk_(policies, encoder.config, encoder.widths, encoder.answers) {}

  /// Fills the predictions of the samples from `first` on. Throws Cancelled.
  void operator()(const RaggedBatch& piece, Index first);

 private:
  Prediction prediction(const RaggedBatch& piece, Index sample) const;

  const Encoder<float>& encoder_;
  const std::stop_token& stop_;
  WorkspacePool::Loan workspace_;
  std::span<Prediction> predictions_;
  PolicyWalk walk_;
  AnsweredBatch<float> output_;
};

}  // namespace sharcs::internal
