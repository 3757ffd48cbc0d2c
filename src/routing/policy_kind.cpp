#include "routing/policy_kind.hpp"

#include <algorithm>
#include <charconv>

#include "core/number.hpp"
#include "core/quote.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

const std::vector<PolicyKind>& policy_kinds() {
  static const std::vector<PolicyKind> kinds = [] {
    std::vector<PolicyKind> list = policies::all();
    std::ranges::sort(list, {}, &PolicyKind::place);
    return list;
  }();
  return kinds;
}

const PolicyKind* find_policy_kind(std::string_view name) {
  const auto found = std::ranges::find(policy_kinds(), name, &PolicyKind::name);
  return found == policy_kinds().end() ? nullptr : &*found;
}

std::string policy_forms() {
  std::string forms;
  for (const PolicyKind& kind : policy_kinds()) forms += (forms.empty() ? "" : ", ") + kind.form;
  return forms;
}

Policy policy_named(const std::string& text, const ModelConfig& config) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const PolicyKind* const kind = find_policy_kind(text.substr(0, colon));
  if (kind == nullptr) throw ConfigError("policy " + quote(text) + "; expected one of " + policy_forms());
  try {
    return kind->make(text.substr(std::min(colon + 1, text.size())), config);
  } catch (const ConfigError& error) {
    throw ConfigError("policy " + quote(text) + ": " + error.what() + "; the form is " + kind->form);
  }
}

ThresholdArgument read_thresholds(const std::string& argument, std::size_t most) {
  const std::size_t colon = std::min(argument.find(':'), argument.size());
  ThresholdArgument read;
  if (colon < argument.size()) read.confidence = Confidence(argument.substr(colon + 1));
  std::string_view rest = std::string_view(argument).substr(0, colon);
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, std::min(rest.find(','), rest.size()));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    double number = 0;
    const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (problem != std::errc() || end != word.data() + word.size() || !(number > 0) ||
        number > read.confidence.greatest())
      throw ConfigError("threshold " + quote(std::string(word)) + "; expected a number above 0 and at most " +
                        short_number(read.confidence.greatest()));
    read.numbers.push_back(number);
  }
  if (read.numbers.size() > most)
    throw ConfigError(std::to_string(read.numbers.size()) + " thresholds; expected " + std::to_string(most));
  while (read.numbers.size() < most) read.numbers.push_back(read.numbers.empty() ? 0.9 : read.numbers.back());
  return read;
}

}  // namespace sharcs::internal
