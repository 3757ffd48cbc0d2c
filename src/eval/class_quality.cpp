#include "eval/class_quality.hpp"

#include <algorithm>

#include "core/quote.hpp"
#include "data/context_windows.hpp"
#include "data/entity_scores.hpp"
#include "eval/evaluation_json.hpp"
#include "model/predicted_label.hpp"

namespace sharcs::internal {

double ClassQuality::precision() const { return share_of(right, predicted); }
double ClassQuality::recall() const { return share_of(right, samples); }
double ClassQuality::f1() const { return share_of(2 * right, samples + predicted); }

namespace {

std::vector<ClassQuality> tag_qualities(const Recording& recording, std::span<const int> answer_of_sample) {
  const TagSet tags(recording.config.labels);
  std::vector<EntityCounts> counts(tags.has_entities() ? tags.types().size() : tags.names().size());
  for (std::size_t i = 0; i < recording.size(); ++i) {
    const std::span<const int> truth = recording.true_tags_of(i);
    const std::vector<int> predicted = recording.tags_of(i, answer_of_sample[i]);
    if (tags.has_entities()) {
      add_entities(tags, truth, predicted, counts);
      continue;
    }
    for (std::size_t word = 0; word < truth.size(); ++word) {
      ++counts[static_cast<std::size_t>(truth[word])].truth;
      ++counts[static_cast<std::size_t>(predicted[word])].predicted;
      counts[static_cast<std::size_t>(truth[word])].right += truth[word] == predicted[word];
    }
  }
  std::vector<ClassQuality> qualities;
  for (const EntityCounts& each : counts)
    qualities.push_back({.samples = each.truth, .predicted = each.predicted, .right = each.right});
  return qualities;
}

constexpr const char* no_answer = "(no answer)";

std::string tag_names(const Recording& recording, std::span<const int> tags) {
  std::string list;
  for (const int tag : tags) list += (list.empty() ? "" : " ") + recording.config.labels[static_cast<std::size_t>(tag)];
  return list;
}

}  // namespace

std::vector<std::string> quality_names(const Recording& recording) {
  if (recording.finds_answers() || recording.fills_masks()) return {};
  if (!recording.labels_words()) return recording.classes;
  const TagSet tags(recording.config.labels);
  return tags.has_entities() ? tags.types() : tags.names();
}

std::vector<ClassQuality> class_qualities(const Recording& recording, std::span<const int> answer_of_sample) {
  if (recording.is_regression() || recording.finds_answers() || recording.fills_masks()) return {};
  if (recording.labels_words()) return tag_qualities(recording, answer_of_sample);
  std::vector<ClassQuality> classes(recording.outputs);
  const auto add = [&](int label, std::size_t ClassQuality::*count) {
    if (!recording.is_multi_label()) {
      ++(classes[static_cast<std::size_t>(label)].*count);
      return;
    }
    for (const int each : labels_in_set(label)) ++(classes[static_cast<std::size_t>(each)].*count);
  };
  for (std::size_t i = 0; i < recording.size(); ++i) {
    const int predicted = recording.label_of(i, answer_of_sample[i]), truth = recording.labels[i];
    add(truth, &ClassQuality::samples);
    add(predicted, &ClassQuality::predicted);
    if (recording.is_multi_label())
      add(truth & predicted, &ClassQuality::right);
    else if (truth == predicted)
      add(truth, &ClassQuality::right);
  }
  return classes;
}

std::vector<std::vector<std::size_t>> confusion_matrix(const Recording& recording,
                                                       std::span<const int> answer_of_sample) {
  if (recording.is_regression() || recording.is_multi_label() || recording.labels_words()) return {};
  std::vector<std::vector<std::size_t>> counts(recording.outputs, std::vector<std::size_t>(recording.outputs));
  for (std::size_t i = 0; i < recording.size(); ++i) {
    const int predicted = recording.label_of(i, answer_of_sample[i]);
    ++counts[static_cast<std::size_t>(recording.labels[i])][static_cast<std::size_t>(predicted)];
  }
  return counts;
}

std::string class_names(const Recording& recording, int label, const std::string& between) {
  if (!recording.is_multi_label()) return recording.classes[static_cast<std::size_t>(label)];
  std::string list;
  for (const int each : labels_in_set(label))
    list += (list.empty() ? "" : between) + recording.classes[static_cast<std::size_t>(each)];
  return list;
}

std::string said_of(const Recording& recording, std::size_t sample, int answer, const std::string& between) {
  if (recording.finds_answers()) {
    const bool none = recording.tags_of(sample, answer).back() == 0;
    return none ? no_answer : recording.answers[static_cast<std::size_t>(answer)].texts[sample];
  }
  if (recording.fills_masks()) {
    const std::vector<std::string>& texts = recording.answers[static_cast<std::size_t>(answer)].texts;
    return sample < texts.size() ? texts[sample] : "";
  }
  if (recording.labels_words()) return tag_names(recording, recording.tags_of(sample, answer));
  return class_names(recording, recording.label_of(sample, answer), between);
}

std::string truth_of(const Recording& recording, std::size_t sample, const std::string& between) {
  if (recording.finds_answers()) {
    if (recording.labels[sample] == 0 || sample >= recording.samples.size()) return no_answer;
    std::vector<std::string> texts = texts_of(recording.samples[sample]);
    std::ranges::sort(texts);
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    return listed(texts, " | ");
  }
  if (recording.fills_masks())
    return sample < recording.samples.size() ? listed(recording.samples[sample].words, " ") : "";
  if (recording.labels_words()) return tag_names(recording, recording.true_tags_of(sample));
  return class_names(recording, recording.labels[sample], between);
}

}  // namespace sharcs::internal
