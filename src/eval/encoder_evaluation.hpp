#pragma once

#include "data/tokenized_dataset.hpp"
#include "model/encoder.hpp"
#include "sharcs/communicator.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs::internal {

/// What evaluate() of evaluation.hpp does for a classifier, for an encoder and a data set at hand: the trainer's own
/// encoder in the middle of training, too. Of several ranks each answers its part of the samples, and all return the
/// same; times are then sums over the ranks.
Evaluation evaluate(const Encoder<float>& encoder, const Task& task, const TokenizedDataset& dataset,
                    const RoutingPolicy& policy, Index micro_batch_tokens, const EvaluationOptions& options,
                    Communicator& ranks = Communicator::alone());

}  // namespace sharcs::internal
