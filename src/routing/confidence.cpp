#include "routing/confidence.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/quote.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

const std::vector<ConfidenceMeasure>& measures() {
  static const std::vector<ConfidenceMeasure> list = confidences::all();
  return list;
}

}  // namespace

std::string internal::known_confidences() {
  std::string names;
  for (const ConfidenceMeasure& measure : measures()) names += (names.empty() ? "" : ", ") + measure.name;
  return names;
}

double internal::agreement_of_regression(const AnswerQuery& query) { return std::exp(-query.change); }

Confidence::Confidence(std::string_view name) {
  for (const ConfidenceMeasure& measure : measures())
    if (measure.name == name) {
      measure_ = &measure;
      return;
    }
  throw ConfigError("confidence " + quote(std::string(name)) + "; expected one of " + known_confidences());
}

const std::string& Confidence::name() const { return measure_->name; }
double Confidence::greatest() const { return measure_->greatest; }

double Confidence::of(const AnswerQuery& query) const {
  if (query.words <= 1) return measure_->of(query);
  double least = std::numeric_limits<double>::infinity();
  const std::size_t labels = query.logits.size() / query.words;
  for (std::size_t word = 0; word < query.words; ++word) {
    AnswerQuery of_word = query;
    of_word.words = 1;
    of_word.logits = query.logits.subspan(word * labels, labels);
    of_word.probabilities = query.probabilities.subspan(word * labels, labels);
    least = std::min(least, measure_->of(of_word));
  }
  return least;
}

}  // namespace sharcs
