#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sharcs::internal {

/// Share of a text's tokens that are masked in training and evaluation.
inline constexpr double usual_masked_share = 0.15;

/// What logits say of a masked token: the likeliest token of the vocabulary, and how likely the true one is.
struct MaskGuess {
  static constexpr std::size_t numbers = 3;

  std::int32_t token = 0;
  float log_probability = 0;  ///< of this token
  float log_truth = 0;        ///< logarithm of the probability of the true one; 0 where it is not known

  /// From a row of logits, one for each token of the vocabulary. `truth`: the true one, or -1.
  static MaskGuess of(std::span<const float> logits, std::int32_t truth);
  /// From what a recording keeps of it.
  static MaskGuess in(std::span<const float> recorded) {
    return {static_cast<std::int32_t>(recorded[0]), recorded[1], recorded[2]};
  }
};

/// What a recording keeps of the logits of a text's masked tokens, [tokens, vocabulary]: [tokens, MaskGuess::numbers].
/// `truths`: one a token, or empty.
std::vector<float> mask_guesses(std::span<const float> logits, std::size_t vocabulary,
                                std::span<const std::int32_t> truths);

/// The tokens that recorded guesses name.
std::vector<int> guessed_tokens(std::span<const float> recorded);

/// How sure an answer to a text is: the mean of its guesses' probabilities.
float mean_probability(std::span<const float> recorded);

}  // namespace sharcs::internal
