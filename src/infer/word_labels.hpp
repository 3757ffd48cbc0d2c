#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sharcs/classifier.hpp"

namespace sharcs::internal {

/// What Classifier::tag has said of a text's words, as programs write it.
class WordLabels {
 public:
  /// The arguments must outlive it.
  WordLabels(const ModelConfig& config, const std::vector<std::string>& words, const Prediction& prediction);

  /// Null for a word that was not read.
  const std::string* label(std::size_t word) const;
  std::optional<float> probability(std::size_t word) const { return probabilities_[word]; }

  /// A list with a label, or null, a word.
  nlohmann::ordered_json labels_json() const;
  /// The same with their probabilities.
  nlohmann::ordered_json probabilities_json() const;
  /// The names that the labels stand for: [{"type": "LOC", "first": 1, "last": 2, "text": "New York"}, …], first and
  /// last by their places among all words. Null where the labels are not those of entities.
  nlohmann::ordered_json entities_json() const;

 private:
  const ModelConfig& config_;
  const std::vector<std::string>& words_;
  const Prediction& prediction_;
  std::vector<std::optional<float>> probabilities_;
};

}  // namespace sharcs::internal
