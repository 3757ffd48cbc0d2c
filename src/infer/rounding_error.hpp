#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/network.hpp"
#include "model/ragged_batch.hpp"
#include "sharcs/engine.hpp"

namespace sharcs::internal {

/// How far the result of a layer is from what it would be in fp32, when its weight and its inputs become int8 or bf16.
struct RoundingError {
  std::string weight;       ///< name of the parameter
  double squares = 0;       ///< Σ (result − fp32 result)²; of word embeddings: of the rows that were looked up
  double reference = 0;     ///< Σ (fp32 result)²
  double relative() const;  ///< the root of squares / reference
};

/// The errors of all weights that become int8 or bf16, each by itself: the inputs of a layer are those of the fp32
/// model at full width. The batch's samples must be ones that the model can read. Adds to `errors` what they hold
/// already.
void add_rounding_errors(const Network<float>& network, Precision precision, const RaggedBatch& batch,
                         std::span<const std::string> keep_fp32, std::vector<RoundingError>& errors);

}  // namespace sharcs::internal
