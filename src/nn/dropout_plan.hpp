#pragma once

#include <optional>

#include "core/random.hpp"
#include "kernels/dropout.hpp"

namespace sharcs::internal {

/// Where dropout falls in one pass. Every use has a key of its own, derived from the key of the step, and counts rows
/// over the whole batch: the masks do not depend on threads or on how the batch is cut into micro-batches.
struct DropoutPlan {
  float hidden = 0;      ///< hidden_dropout_prob: embeddings, and each sub-layer's output before the residual
  float attention = 0;   ///< attention_probs_dropout_prob
  float classifier = 0;  ///< before the classifier
  std::optional<float> of_embeddings = {};  ///< embedding_dropout, where it is not `hidden`
  std::uint64_t key = 0;
  std::uint64_t first_token = 0;   ///< number, in the batch, of the pass's first token
  std::uint64_t first_sample = 0;  ///< and of its first sample, or of the first row that a head for tokens reads

  kernels::Dropout embeddings() const {
    return {of_embeddings.value_or(hidden), derive_key(key, "embeddings"), first_token};
  }
  kernels::Dropout probabilities(std::uint64_t layer) const {
    return {attention, derive_key(key, "probabilities", layer), first_token};
  }
  /// Of the vectors of relative positions; rows are those of their table.
  kernels::Dropout positions(std::uint64_t layer) const { return {hidden, derive_key(key, "positions", layer)}; }
  kernels::Dropout attention_output(std::uint64_t layer) const {
    return {hidden, derive_key(key, "attention output", layer), first_token};
  }
  kernels::Dropout output(std::uint64_t layer) const { return {hidden, derive_key(key, "output", layer), first_token}; }
  kernels::Dropout head_input() const { return {classifier, derive_key(key, "head input"), first_sample}; }
  kernels::Dropout head_output() const { return {classifier, derive_key(key, "head output"), first_sample}; }
};

}  // namespace sharcs::internal
