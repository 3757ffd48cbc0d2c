#include "infer/batch_predictor.hpp"

#include <algorithm>
#include <cmath>

#include "model/predicted_label.hpp"

namespace sharcs::internal {
namespace {

/// Rows first .. first + count − 1 of a matrix with so many columns.
std::vector<float> rows(const std::vector<float>& matrix, Index first, Index count, Index cols) {
  const auto begin = matrix.begin() + first * cols;
  return {begin, begin + count * cols};
}

}  // namespace

void BatchPredictor::operator()(const RaggedBatch& piece, Index first) {
  std::vector<std::int32_t> lengths;
  for (Index s = 0; s < piece.samples(); ++s) lengths.push_back(static_cast<std::int32_t>(piece.tokens(s)));
  walk_.begin(lengths, first);
  run_answers<float>(encoder_, piece, walk_, *workspace_, output_, stop_);
  for (Index s = 0; s < piece.samples(); ++s) predictions_[static_cast<std::size_t>(first + s)] = prediction(piece, s);
}

Prediction BatchPredictor::prediction(const RaggedBatch& piece, Index sample) const {
  const ModelConfig& config = encoder_.config;
  const Answer& answer = encoder_.answers[static_cast<std::size_t>(output_.answers[static_cast<std::size_t>(sample)])];
  const Answer& full = encoder_.answers.back();
  const bool per_token = config.per_token;
  const bool came_to_router = !answer.is_exit() || answer.exit_layer > encoder_.stem_layers();
  Prediction prediction;
  prediction.logits = rows(output_.logits, per_token ? piece.head_offsets[static_cast<std::size_t>(sample)] : sample,
                           per_token ? std::ssize(piece.head_tokens_of(sample)) : 1, config.num_labels());
  if (encoder_.weights.router && came_to_router)
    prediction.router_logits = rows(output_.router_logits, sample, 1, encoder_.widths.size());
  prediction.answer = answer.name;
  prediction.width = encoder_.widths[answer.width_index].fraction();
  prediction.asked = walk_.asked(sample);
  prediction.multiply_adds = std::llround(walk_.multiply_adds(sample));
  const auto tokens = static_cast<double>(piece.tokens(sample));
  prediction.full_multiply_adds = std::llround(full.path.of(tokens) + full.own.of(tokens));
  if (config.is_regression()) return prediction;
  prediction.probabilities = probabilities_of(config, prediction.logits);
  if (per_token) {
    prediction.labels = predicted_labels(config, prediction.logits);
    return prediction;
  }
  prediction.label = static_cast<int>(std::ranges::max_element(prediction.logits) - prediction.logits.begin());
  prediction.labels = labels_above_threshold(config, prediction.probabilities);
  return prediction;
}

}  // namespace sharcs::internal
