#include "model/mask_guess.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/elementwise.hpp"

namespace sharcs::internal {

MaskGuess MaskGuess::of(std::span<const float> logits, std::int32_t truth) {
  const auto best = std::ranges::max_element(logits);
  const auto largest = static_cast<double>(*best);
  std::vector<float> powers(logits.size());
  const double log_sum = std::log(static_cast<double>(kernels::exp_below<float>(logits, *best, 1.0f, powers.data())));
  MaskGuess guess = {.token = static_cast<std::int32_t>(best - logits.begin()),
                     .log_probability = static_cast<float>(-log_sum)};
  if (truth >= 0)
    guess.log_truth =
        static_cast<float>(static_cast<double>(logits[static_cast<std::size_t>(truth)]) - largest - log_sum);
  return guess;
}

std::vector<float> mask_guesses(std::span<const float> logits, std::size_t vocabulary,
                                std::span<const std::int32_t> truths) {
  std::vector<float> recorded;
  for (std::size_t row = 0; row * vocabulary < logits.size(); ++row) {
    const MaskGuess guess =
        MaskGuess::of(logits.subspan(row * vocabulary, vocabulary), truths.empty() ? -1 : truths[row]);
    recorded.insert(recorded.end(), {static_cast<float>(guess.token), guess.log_probability, guess.log_truth});
  }
  return recorded;
}

std::vector<int> guessed_tokens(std::span<const float> recorded) {
  std::vector<int> tokens;
  for (std::size_t i = 0; i < recorded.size(); i += MaskGuess::numbers)
    tokens.push_back(MaskGuess::in(recorded.subspan(i)).token);
  return tokens;
}

float mean_probability(std::span<const float> recorded) {
  double sum = 0;
  for (std::size_t i = 0; i < recorded.size(); i += MaskGuess::numbers)
    sum += std::exp(static_cast<double>(MaskGuess::in(recorded.subspan(i)).log_probability));
  return static_cast<float>(sum * MaskGuess::numbers / static_cast<double>(recorded.size()));
}

}  // namespace sharcs::internal
