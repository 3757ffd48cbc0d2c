#include "infer/word_labels.hpp"

#include <nlohmann/json.hpp>

#include "data/tag_set.hpp"

namespace sharcs::internal {

WordLabels::WordLabels(const ModelConfig& config, const std::vector<std::string>& words, const Prediction& prediction)
    : config_(config), words_(words), prediction_(prediction) {
  std::size_t row = 0;
  for (const int label : prediction.labels) {
    probabilities_.emplace_back();
    if (label >= 0)
      probabilities_.back() = prediction.probabilities[row++ * config.labels.size() + static_cast<std::size_t>(label)];
  }
}

const std::string* WordLabels::label(std::size_t word) const {
  const int label = prediction_.labels[word];
  return label < 0 ? nullptr : &config_.labels[static_cast<std::size_t>(label)];
}

nlohmann::ordered_json WordLabels::labels_json() const {
  auto list = nlohmann::ordered_json::array();
  for (std::size_t w = 0; w < words_.size(); ++w)
    list.push_back(label(w) ? nlohmann::ordered_json(*label(w)) : nlohmann::ordered_json());
  return list;
}

nlohmann::ordered_json WordLabels::probabilities_json() const {
  auto list = nlohmann::ordered_json::array();
  for (const std::optional<float>& each : probabilities_)
    list.push_back(each ? nlohmann::ordered_json(*each) : nlohmann::ordered_json());
  return list;
}

nlohmann::ordered_json WordLabels::entities_json() const {
  const TagSet tags(config_.labels);
  if (!tags.has_entities()) return {};
  std::vector<int> labels;
  std::vector<std::size_t> places;  // of the words that were read
  for (std::size_t w = 0; w < words_.size(); ++w)
    if (prediction_.labels[w] >= 0) labels.push_back(prediction_.labels[w]), places.push_back(w);
  auto list = nlohmann::ordered_json::array();
  for (const Entity& entity : tags.entities(labels)) {
    const std::size_t first = places[entity.first], last = places[entity.last];
    std::string text;
    for (std::size_t w = first; w <= last; ++w) text += (text.empty() ? "" : " ") + words_[w];
    list.push_back({{"type", tags.types()[entity.type]}, {"first", first}, {"last", last}, {"text", std::move(text)}});
  }
  return list;
}

}  // namespace sharcs::internal
