#include "eval/class_quality.hpp"

#include "eval/evaluation_json.hpp"
#include "model/predicted_label.hpp"

namespace sharcs::internal {

double ClassQuality::precision() const { return share_of(right, predicted); }
double ClassQuality::recall() const { return share_of(right, samples); }
double ClassQuality::f1() const { return share_of(2 * right, samples + predicted); }

std::vector<ClassQuality> class_qualities(const Recording& recording, std::span<const int> answer_of_sample) {
  if (recording.is_regression()) return {};
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
  if (recording.is_regression() || recording.is_multi_label()) return {};
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

}  // namespace sharcs::internal
