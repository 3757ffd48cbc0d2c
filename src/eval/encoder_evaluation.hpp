#pragma once

#include "data/tokenized_dataset.hpp"
#include "model/encoder.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs {

/// What evaluate() of evaluation.hpp does for a classifier, for an encoder and a data set at hand: the trainer's own
/// encoder in the middle of training, too.
Evaluation evaluate(const Encoder<float>& encoder, const Task& task, const TokenizedDataset& dataset,
                    const RoutingPolicy& policy, Index micro_batch_tokens, const EvaluationOptions& options);

}  // namespace sharcs
