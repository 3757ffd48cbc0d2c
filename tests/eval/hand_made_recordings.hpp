#pragma once

#include "core/number.hpp"
#include "core/random.hpp"
#include "eval/recording_metrics.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs::internal::testing {

/// A recording of two classes whose label is always 0. `right[w]` holds, a character a sample, 1 where width w is
/// right. Sample i has i + 1 tokens; a token costs (w + 1) · 100 at width w, of which 50 are shared.
inline Recording recording_of(const std::vector<std::string>& right) {
  Recording recording;
  recording.outputs = 2;
  recording.classes = {"no", "yes"};
  recording.metrics = {"accuracy"};
  for (std::size_t width = 0; width < right.size(); ++width) {
    RecordedAnswer& answer = recording.answers.emplace_back();
    answer.width = static_cast<double>(width + 1) / static_cast<double>(right.size());
    answer.name = short_number(answer.width);
    answer.cost = {.linear = 100.0 * static_cast<double>(width + 1)};
    answer.path = {.linear = 50};
    for (const char outcome : right[width]) {
      const float lead = outcome == '1' ? 1 : -1;
      answer.logits.insert(answer.logits.end(), {lead, 0});
    }
  }
  for (std::size_t i = 0; i < right.front().size(); ++i) {
    recording.tokens.push_back(static_cast<std::int32_t>(i + 1));
    recording.labels.push_back(0);
  }
  return recording;
}

/// Widths 0.25 and 1, four samples of 1 to 4 tokens, two classes: the narrow width is right for samples 0 and 1, the
/// wide one for 0, 2 and 3. A token costs 10 at the narrow width, 100 at the wide one.
inline Recording four_samples() {
  return {.task = "doubts",
          .classes = {"no", "yes"},
          .metrics = {"accuracy"},
          .data = "dev.tsv",
          .outputs = 2,
          .answers = {{.name = "0.25", .width = 0.25, .cost = {.linear = 10}, .logits = {0, 1, 0, 1, 0, 1, 0, 1}},
                      {.name = "1", .width = 1, .cost = {.linear = 100}, .logits = {0, 1, 1, 0, 1, 0, 1, 0}}},
          .tokens = {1, 2, 3, 4},
          .labels = {1, 1, 0, 0}};
}

}  // namespace sharcs::internal::testing
