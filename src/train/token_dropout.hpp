#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/ragged_batch.hpp"
#include "sharcs/tokenizer.hpp"

namespace sharcs::internal {

/// Replaces words by the mask token, so that a model learns not to lean on single ones (Iyyer et al. 2015, "word
/// dropout"; Gal and Ghahramani 2016, arXiv:1512.05287, section 4).
class TokenDropout {
 public:
  /// Replaces nothing.
  TokenDropout() = default;
  /// Replaces each token with this probability, but not those that stand in every input: [CLS], [SEP]. A vocabulary
  /// without a mask token lends its unknown token. Throws ConfigError when it has neither and probability > 0.
  TokenDropout(double probability, const Tokenizer& tokenizer);

  /// batch: the tokens of the training samples of these numbers, in this order. What is replaced in a sample depends on
  /// `key` and its number alone.
  void apply(std::span<const Index> samples, std::uint64_t key, RaggedBatch& batch) const;

 private:
  double probability_ = 0;
  std::int32_t replacement_ = 0;
  std::vector<std::int32_t> kept_ = {};
};

}  // namespace sharcs::internal
