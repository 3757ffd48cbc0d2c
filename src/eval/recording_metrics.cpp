#include "eval/recording_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/metrics.hpp"
#include "model/length_cost.hpp"
#include "model/predicted_label.hpp"
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
  if (recording.is_multi_label() || recording.labels_words()) return probabilities_of(recording.config, logits);
  return softmax(logits);
}

bool is_right(const Recording& recording, std::size_t sample, int answer) {
  if (recording.labels_words())
    return std::ranges::equal(recording.tags_of(sample, answer), recording.true_tags_of(sample));
  return recording.label_of(sample, answer) == recording.labels[sample];
}

double share_right(const Recording& recording, std::size_t sample, int answer) {
  if (!recording.labels_words()) return is_right(recording, sample, answer) ? 1 : 0;
  const std::vector<int> tags = recording.tags_of(sample, answer);
  const std::span<const int> truth = recording.true_tags_of(sample);
  std::size_t right = 0;
  for (std::size_t i = 0; i < tags.size(); ++i) right += tags[i] == truth[i];
  return static_cast<double>(right) / static_cast<double>(tags.size());
}

TagCounts tag_counts(const Recording& recording, const TagSet& tags, std::size_t sample, int answer) {
  return count_tags(tags, recording.true_tags_of(sample), recording.tags_of(sample, answer));
}

double true_probability(const Recording& recording, std::size_t sample, int answer) {
  const std::vector<float> probabilities = probabilities_of(recording, sample, answer);
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
    const TagSet tags(recording.config.labels);
    TagCounts counts;
    for (std::size_t i = 0; i < recording.size(); ++i) counts += tag_counts(recording, tags, i, answer_of_sample[i]);
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
  if (recording.labels_words() && recording.first_words.size() == recording.size() + 1 &&
      recording.labels.size() == recording.first_words.back())
    return;
  if ((recording.is_regression() ? recording.targets.size() / recording.outputs : recording.labels.size()) !=
      recording.size())
    throw ShapeError(purpose + " needs a label for each of the " + std::to_string(recording.size()) + " samples");
}

}  // namespace sharcs::internal
