#include "eval/recording_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/answer_scores.hpp"
#include "data/context_windows.hpp"
#include "data/metrics.hpp"
#include "model/length_cost.hpp"
#include "model/mask_guess.hpp"
#include "model/predicted_label.hpp"
#include "model/window_answer.hpp"
#include "nn/loss.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

void require_one_answer_each(const Recording& recording, std::size_t answers) {
  if (answers != recording.size())
    throw ShapeError(std::to_string(answers) + " chosen answers for " + std::to_string(recording.size()) + " samples");
}

std::vector<Answer> answers_in(const Recording& recording) {
  std::vector<Answer> answers;
  int width_index = 0;
  for (const RecordedAnswer& recorded : recording.answers) {
    answers.push_back({.name = recorded.name,
                       .exit_layer = recorded.exit_layer,
                       .width_index = recorded.exit_layer > 0 ? 0 : width_index++,
                       .path = recorded.path,
                       .own = difference_of(recorded.cost, recorded.path)});
  }
  return answers;
}

double cost_of(const Recording& recording, std::size_t sample, int answer) {
  return recording.answers[static_cast<std::size_t>(answer)].cost.of(recording.tokens[sample]);
}

std::vector<float> probabilities_of(const Recording& recording, std::size_t sample, int answer) {
  const auto logits = recording.logits_of(sample, answer);
  if (recording.is_regression()) return {};
  if (recording.finds_answers()) return {static_cast<float>(WindowAnswer::in(logits).probability())};
  if (recording.fills_masks()) return {mean_probability(logits)};
  if (recording.is_multi_label() || recording.labels_words()) return probabilities_of(recording.config, logits);
  return softmax(logits);
}

namespace {

/// The labels of a window.
constexpr int none_is_right = 0, answer_is_here = 2;

/// Whether the window's question has no other window.
bool is_alone(const Recording& recording, std::size_t i) {
  const auto& questions = recording.questions;
  return (i == 0 || questions[i - 1] != questions[i]) &&
         (i + 1 == questions.size() || questions[i + 1] != questions[i]);
}

/// What the window is worth by itself: where the answer is elsewhere, "none" is right.
AnswerScore score_of_window(const Recording& recording, std::size_t i, int answer) {
  const WindowAnswer found = WindowAnswer::in(recording.logits_of(i, answer));
  const bool is_part = !is_alone(recording, i);
  if (found.last == 0 ||
      ((is_part || may_have_none(recording)) && found.says_none(no_answer_above(recording.config)))) {
    const bool right = recording.labels[i] == none_is_right || (is_part && recording.labels[i] != answer_is_here);
    return right ? AnswerScore{1, 1} : AnswerScore{};
  }
  const RecordedAnswer& recorded = recording.answers[static_cast<std::size_t>(answer)];
  return {static_cast<double>(recorded.exact[i]), static_cast<double>(recorded.f1[i])};
}

TagCounts counts_of(const AnswerScore& score) {
  return {.questions = 1, .exact_answers = score.exact, .f1_sum = score.f1};
}

/// Of the question whose windows are first … end − 1.
AnswerScore score_of_question(const Recording& recording, std::span<const int> answer_of_sample, std::size_t first,
                              std::size_t end) {
  std::size_t best = end;
  WindowAnswer of_best;
  double none = 0;
  for (std::size_t i = first; i < end; ++i) {
    const WindowAnswer found = WindowAnswer::in(recording.logits_of(i, answer_of_sample[i]));
    none = i == first ? static_cast<double>(found.none) : std::min(none, static_cast<double>(found.none));
    if (found.last == 0 || (best < end && found.score <= of_best.score)) continue;
    best = i;
    of_best = found;
  }
  const double above = no_answer_above(recording.config);
  if (best == end || (may_have_none(recording) && none - static_cast<double>(of_best.score) > above))
    return recording.labels[first] == none_is_right ? AnswerScore{1, 1} : AnswerScore{};
  const RecordedAnswer& recorded = recording.answers[static_cast<std::size_t>(answer_of_sample[best])];
  return {static_cast<double>(recorded.exact[best]), static_cast<double>(recorded.f1[best])};
}

}  // namespace

bool may_have_none(const Recording& recording) {
  return recording.config.task && recording.config.task->no_answer_above.has_value();
}

void score_texts(Recording& recording, std::span<const Sample> windows) {
  std::vector<std::string> truths;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    if (i == 0 || recording.questions[i] != recording.questions[i - 1]) truths = texts_of(windows[i]);
    for (RecordedAnswer& answer : recording.answers) {
      const AnswerScore score = score_answer(answer.texts[i], truths, may_have_none(recording));
      answer.exact.push_back(static_cast<float>(score.exact));
      answer.f1.push_back(static_cast<float>(score.f1));
    }
  }
}

bool is_right(const Recording& recording, std::size_t sample, int answer) {
  if (recording.finds_answers()) return score_of_window(recording, sample, answer).exact == 1;
  if (recording.labels_words())
    return std::ranges::equal(recording.tags_of(sample, answer), recording.true_tags_of(sample));
  return recording.label_of(sample, answer) == recording.labels[sample];
}

double share_right(const Recording& recording, std::size_t sample, int answer) {
  if (recording.finds_answers()) return score_of_window(recording, sample, answer).f1;
  if (!recording.labels_words()) return is_right(recording, sample, answer) ? 1 : 0;
  const std::vector<int> tags = recording.tags_of(sample, answer);
  const std::span<const int> truth = recording.true_tags_of(sample);
  std::size_t right = 0;
  for (std::size_t i = 0; i < tags.size(); ++i) right += tags[i] == truth[i];
  return static_cast<double>(right) / static_cast<double>(tags.size());
}

namespace {

/// Of a block's masked tokens.
TagCounts guess_counts(const Recording& recording, std::size_t sample, int answer) {
  const std::span<const int> truth = recording.true_tags_of(sample);
  const std::span<const float> logits = recording.logits_of(sample, answer);
  TagCounts counts = {.words = truth.size()};
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const MaskGuess guess = MaskGuess::in(logits.subspan(i * MaskGuess::numbers));
    counts.right_words += guess.token == truth[i];
    counts.log_likelihood += static_cast<double>(guess.log_truth);
  }
  return counts;
}

}  // namespace

std::vector<TagCounts> tag_counts(const Recording& recording, std::span<const int> answer_of_sample) {
  std::vector<TagCounts> counts(recording.size());
  if (recording.finds_answers()) {
    for (std::size_t first = 0, end = 0; first < counts.size(); first = end) {
      while (end < counts.size() && recording.questions[end] == recording.questions[first]) ++end;
      counts[first] = counts_of(score_of_question(recording, answer_of_sample, first, end));
    }
    return counts;
  }
  const TagSet tags(recording.fills_masks() ? std::vector<std::string>() : recording.config.labels);
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = tag_counts(recording, tags, i, answer_of_sample[i]);
  return counts;
}

TagCounts tag_counts(const Recording& recording, const TagSet& tags, std::size_t sample, int answer) {
  if (recording.finds_answers()) return counts_of(score_of_window(recording, sample, answer));
  if (recording.fills_masks()) return guess_counts(recording, sample, answer);
  return count_tags(tags, recording.true_tags_of(sample), recording.tags_of(sample, answer));
}

double true_probability(const Recording& recording, std::size_t sample, int answer) {
  const std::vector<float> probabilities = probabilities_of(recording, sample, answer);
  if (recording.finds_answers()) {
    const auto p = static_cast<double>(probabilities.front());
    return is_right(recording, sample, answer) ? p : 1 - p;
  }
  if (recording.fills_masks()) {
    const std::span<const float> logits = recording.logits_of(sample, answer);
    double sum = 0;
    for (std::size_t i = 0; i < logits.size(); i += MaskGuess::numbers)
      sum += std::exp(static_cast<double>(MaskGuess::in(logits.subspan(i)).log_truth));
    return sum * MaskGuess::numbers / static_cast<double>(logits.size());
  }
  if (recording.labels_words()) {
    const std::span<const int> truth = recording.true_tags_of(sample);
    double least = 1;
    for (std::size_t i = 0; i < truth.size(); ++i)
      least = std::min(least,
                       static_cast<double>(probabilities[i * recording.outputs + static_cast<std::size_t>(truth[i])]));
    return least;
  }
  if (recording.is_multi_label())
    return probability_of_truth(recording.config, probabilities, recording.labels[sample]);
  return static_cast<double>(probabilities[static_cast<std::size_t>(recording.labels[sample])]);
}

double error_of(const Recording& recording, std::size_t sample, int answer) {
  return value_distance(recording.logits_of(sample, answer), recording.targets_of(sample));
}

MetricMap metrics_at(const Recording& recording, std::span<const int> answer_of_sample) {
  require_one_answer_each(recording, answer_of_sample.size());
  if (recording.is_regression()) {
    std::vector<double> values;
    for (std::size_t i = 0; i < recording.size(); ++i)
      std::ranges::copy(recording.logits_of(i, answer_of_sample[i]), std::back_inserter(values));
    return measure(recording.metrics, recording.targets, values, recording.outputs);
  }
  if (recording.labels_words()) {
    TagCounts counts;
    for (const TagCounts& each : tag_counts(recording, answer_of_sample)) counts += each;
    return measure(recording.metrics, counts);
  }
  std::vector<int> labels;
  for (std::size_t i = 0; i < recording.size(); ++i) labels.push_back(recording.label_of(i, answer_of_sample[i]));
  return measure(recording.metrics, recording.labels, labels);
}

double cost_fraction(const Recording& recording, const Routing& routing) {
  double full = 0;
  for (std::size_t i = 0; i < recording.size(); ++i) full += cost_of(recording, i, recording.full_width());
  return std::accumulate(routing.cost_of_sample.begin(), routing.cost_of_sample.end(), 0.0) / full;
}

std::vector<int> everything_at(const Recording& recording, int answer) {
  return std::vector<int>(recording.size(), answer);
}

void require_labels(const Recording& recording, const std::string& purpose) {
  if (recording.labels_words() && !recording.finds_answers() && recording.first_words.size() == recording.size() + 1 &&
      recording.labels.size() == recording.first_words.back())
    return;
  if ((recording.is_regression() ? recording.targets.size() / recording.outputs : recording.labels.size()) !=
      recording.size())
    throw ShapeError(purpose + " needs a label for each of the " + std::to_string(recording.size()) + " samples");
}

}  // namespace sharcs::internal
