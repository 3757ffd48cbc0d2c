#include "routing/confidence.hpp"

#include <cmath>

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
double Confidence::of(const AnswerQuery& query) const { return measure_->of(query); }

}  // namespace sharcs
