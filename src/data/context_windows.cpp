#include "data/context_windows.hpp"

#include <algorithm>

#include "core/quote.hpp"
#include "core/threads.hpp"
#include "sharcs/error.hpp"
#include "text/unicode.hpp"

namespace sharcs::internal {

Dataset windows_of(const Dataset& questions, const Tokenizer& tokenizer, std::size_t max_length, std::size_t stride) {
  tokenizer.encode_windows("", "", max_length, stride);  // throws here, and not in the parallel loop
  std::vector<std::size_t> counts(questions.size());
  parallel_for(static_cast<Index>(questions.size()), [&](Index i) {
    const Sample& sample = questions.samples[static_cast<std::size_t>(i)];
    counts[static_cast<std::size_t>(i)] =
        tokenizer.encode_windows(sample.text, sample.pair.value_or(""), max_length, stride).size();
  });
  Dataset windows = {.file = questions.file, .samples = {}, .notes = questions.notes, .bad_lines = questions.bad_lines};
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const Sample& question = questions.samples[i];
    if (counts[i] > most_windows)
      throw DataError(questions.file + (question.line > 0 ? ":" + std::to_string(question.line) : "") + ": question " +
                      quote(question.id.empty() ? std::to_string(i + 1) : question.id) + ": its context takes " +
                      std::to_string(counts[i]) + " windows; expected at most " + std::to_string(most_windows));
    for (std::size_t w = 0; w < counts[i]; ++w) {
      Sample& window = windows.samples.emplace_back(question);
      window.question = i;
      window.window = w;
    }
  }
  return windows;
}

TokenSpan span_of(std::span<const TextRange> answers, const Encoding& window) {
  if (answers.empty()) return {};
  const TextRange answer = answers.front();
  TokenSpan span;
  std::size_t begin = std::string::npos, end = 0;  // of the context that the window has
  for (std::size_t i = 0; i < window.ranges.size(); ++i) {
    const TextRange& range = window.ranges[i];
    if (range.empty()) continue;
    begin = std::min(begin, range.begin);
    end = std::max(end, range.end);
    // The last token that begins at or before the answer's beginning, the first that ends at or behind its end.
    if (range.begin <= answer.begin) span.first = static_cast<std::int32_t>(i);
    if (range.end >= answer.end && span.last == 0) span.last = static_cast<std::int32_t>(i);
  }
  if (begin > answer.begin || end < answer.end || span.last < span.first) return {};
  return span;
}

std::vector<std::int32_t> answer_places(const Encoding& window) {
  std::vector<std::int32_t> places = {0};
  for (std::size_t i = 1; i < window.words.size(); ++i)
    if (window.words[i] == 0) places.push_back(static_cast<std::int32_t>(i));
  return places;
}

TextRange answer_range(const std::string& context, TextRange first, TextRange last) {
  return without_outer_spaces(context, {first.begin, std::max(first.begin, last.end)});
}

std::vector<std::string> texts_of(const Sample& question) {
  std::vector<std::string> texts;
  if (question.answers && question.pair)
    for (const TextRange& range : *question.answers)
      texts.push_back(question.pair->substr(range.begin, range.end - range.begin));
  return texts;
}

}  // namespace sharcs::internal
