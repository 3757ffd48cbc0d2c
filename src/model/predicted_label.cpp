#include "model/predicted_label.hpp"

#include <algorithm>

#include "model/window_answer.hpp"
#include "nn/loss.hpp"

namespace sharcs::internal {

std::vector<int> labels_in_set(int set) {
  std::vector<int> labels;
  for (std::size_t label = 0; label < most_labels_in_set; ++label)
    if (is_in_set(set, label)) labels.push_back(static_cast<int>(label));
  return labels;
}

const char* what_is_labelled(const ModelConfig& config) {
  if (config.fills_masks) return "masked tokens";
  return config.finds_answers ? "answers in a text" : config.per_token ? "tokens" : "texts";
}

bool fits(TaskKind kind, const ModelConfig& config) {
  return (kind == TaskKind::token_classification) == (config.labels_tokens() && !config.fills_masks) &&
         (kind == TaskKind::question_answering) == config.finds_answers &&
         (kind == TaskKind::masked_lm) == config.fills_masks;
}

template <class T>
int predicted_label(const ModelConfig& config, std::span<const T> logits) {
  if (!config.multi_label) return static_cast<int>(std::ranges::max_element(logits) - logits.begin());
  if (logits.size() > most_labels_in_set) return 0;
  int set = 0;
  for (std::size_t label = 0; label < logits.size(); ++label)
    if (sigmoid(static_cast<double>(logits[label])) > config.label_threshold) set |= 1 << label;
  return set;
}
template int predicted_label<float>(const ModelConfig&, std::span<const float>);
template int predicted_label<double>(const ModelConfig&, std::span<const double>);

std::vector<int> predicted_labels(const ModelConfig& config, std::span<const float> logits) {
  if (config.finds_answers) {
    const WindowAnswer answer = WindowAnswer::in(logits);
    if (answer.says_none(no_answer_above(config))) return {0, 0};
    return {answer.first, answer.last};
  }
  const auto labels = static_cast<std::size_t>(config.num_labels());
  std::vector<int> of_tokens;
  for (std::size_t first = 0; first < logits.size(); first += labels) {
    const auto row = logits.subspan(first, labels);
    of_tokens.push_back(static_cast<int>(std::ranges::max_element(row) - row.begin()));
  }
  return of_tokens;
}

std::vector<int> labels_above_threshold(const ModelConfig& config, std::span<const float> probabilities) {
  std::vector<int> labels;
  for (std::size_t label = 0; config.multi_label && label < probabilities.size(); ++label)
    if (static_cast<double>(probabilities[label]) > config.label_threshold) labels.push_back(static_cast<int>(label));
  return labels;
}

std::vector<float> probabilities_of(const ModelConfig& config, std::span<const float> logits) {
  if (config.is_regression()) return {};
  if (config.finds_answers) {
    std::vector<float> of_rows(logits.size());
    for (std::size_t end = 0; end < 2; ++end) {
      std::vector<float> column;
      for (std::size_t i = end; i < logits.size(); i += 2) column.push_back(logits[i]);
      column = softmax(column);
      for (std::size_t row = 0; row < column.size(); ++row) of_rows[2 * row + end] = column[row];
    }
    return of_rows;
  }
  if (config.per_token) {
    std::vector<float> of_tokens(logits.size());
    const Index rows = std::ssize(logits) / config.num_labels();
    softmax<float>(MatrixView<const float>(logits.data(), rows, config.num_labels()),
                   MatrixView<float>(of_tokens.data(), rows, config.num_labels()));
    return of_tokens;
  }
  if (!config.multi_label) return softmax(logits);
  std::vector<float> probabilities;
  for (const float logit : logits) probabilities.push_back(static_cast<float>(sigmoid(static_cast<double>(logit))));
  return probabilities;
}

double surest(bool multi_label, std::span<const float> probabilities) {
  if (!multi_label) return static_cast<double>(*std::ranges::max_element(probabilities));
  double least = 1;
  for (const float probability : probabilities) {
    const auto p = static_cast<double>(probability);
    least = std::min(least, std::max(p, 1 - p));
  }
  return least;
}

double surest(const ModelConfig& config, std::span<const float> probabilities) {
  if (!config.labels_tokens() || config.fills_masks) return surest(config.multi_label, probabilities);
  const auto labels = static_cast<std::size_t>(config.num_labels());
  double least = 1;
  for (std::size_t first = 0; first < probabilities.size(); first += labels)
    least = std::min(least, surest(false, probabilities.subspan(first, labels)));
  return least;
}

double probability_of_truth(const ModelConfig& config, std::span<const float> probabilities, int label) {
  if (!config.multi_label) return static_cast<double>(probabilities[static_cast<std::size_t>(label)]);
  double least = 1;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    const auto p = static_cast<double>(probabilities[i]);
    least = std::min(least, is_in_set(label, i) ? p : 1 - p);
  }
  return least;
}

}  // namespace sharcs::internal
