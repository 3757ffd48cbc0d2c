#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix_view.hpp"
#include "model/mask_guess.hpp"
#include "model/ragged_batch.hpp"
#include "sharcs/tokenizer.hpp"

namespace sharcs::internal {

/// How tokens are hidden from a model that learns to tell them (Devlin et al. 2019, section 3.1).
struct MaskingShares {
  double chosen = usual_masked_share;  ///< of the tokens: those that are to be told
  double masks = 0.8;                  ///< of the chosen ones: the mask token stands in their place
  double random = 0.1;                 ///< of the chosen ones: a token drawn at random does; the others stay
};

/// Chooses tokens of samples, hides them and keeps what they are. Special tokens are not chosen.
class TokenMasking {
 public:
  /// Throws ConfigError when the vocabulary has no mask token.
  TokenMasking(const Tokenizer& tokenizer, const MaskingShares& shares);

  /// batch: the tokens of these samples, in this order. Its head tokens become the chosen ones, with their truths; each
  /// sample has one at least. What is chosen in a sample depends only on `key` and on the sample's number.
  void apply(std::span<const Index> samples, std::uint64_t key, RaggedBatch& batch) const;

 private:
  MaskingShares shares_;
  std::int32_t mask_ = 0;
  std::uint64_t vocabulary_;
  std::vector<std::int32_t> special_;
};

/// The id of [MASK] or <mask>. Throws ConfigError when the vocabulary has neither. `place`: the folder that it comes
/// from, for the message; empty when it comes from none.
std::int32_t mask_id_of(const Tokenizer& tokenizer, const std::string& place = "");

/// The key of the one drawing that evaluations use, so that their figures can be compared.
std::uint64_t masking_key_of_evaluation();

}  // namespace sharcs::internal
