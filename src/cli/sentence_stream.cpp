#include "cli/sentence_stream.hpp"

#include <algorithm>
#include <utility>

#include "core/quote.hpp"
#include "io/utf8.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

Sample read_sentence(std::string line, const std::string& place, Pairs pairs, InvalidText invalid_text) {
  const auto fail = [&](const std::string& message) { throw DataError(place + ": " + message); };
  if (const std::size_t invalid = find_invalid_text(line); invalid != std::string::npos) {
    if (invalid_text == InvalidText::refuse) fail(invalid_text_message(line, invalid));
    replace_invalid_text(line);
  }
  if (line.find_first_not_of(" \t") == std::string::npos)
    fail(pairs == Pairs::yes ? "is empty; expected a pair of sentences" : "is empty; expected a sentence");
  if (line.starts_with("__label__"))
    fail("begins with \"__label__\"; expected a sentence; --format fasttext reads what fastText does");
  Sample sample = {.text = std::move(line)};
  const std::size_t tab = sample.text.find('\t');
  if (pairs == Pairs::no || (pairs == Pairs::automatic && tab == std::string::npos)) return sample;
  if (const auto tabs = std::ranges::count(sample.text, '\t'); pairs == Pairs::automatic && tabs > 1)
    fail("has " + std::to_string(tabs) +
         " TABs; expected a sentence, or two with a TAB between them; --pairs no reads such a line as one sentence");
  if (tab == std::string::npos || sample.text.find('\t', tab + 1) != std::string::npos)
    fail("expected two sentences separated by a TAB, found " + quote(sample.text));
  sample.pair = sample.text.substr(tab + 1);
  sample.text.erase(tab);
  return sample;
}

SentenceBatch SentenceStream::next() {
  if (!problem_.empty()) throw DataError(problem_);
  SentenceBatch batch;
  while (batch.empty() && problem_.empty() && !at_end_) {
    at_end_ = !input_.read(waiting_);
    if (at_end_ && !waiting_.empty()) waiting_ += '\n';  // the last line may lack its end
    std::size_t begin = 0;
    for (std::size_t end; problem_.empty() && (end = waiting_.find('\n', begin)) != std::string::npos; begin = end + 1)
      add(waiting_.substr(begin, end - begin), batch);
    waiting_.erase(0, begin);
  }
  if (at_end_ && line_ == 0) throw DataError(input_.name() + ": is empty; expected a line for each sentence");
  if (batch.empty() && !problem_.empty()) throw DataError(problem_);
  return batch;
}

void SentenceStream::add(std::string line, SentenceBatch& batch) {
  ++line_;
  if (line.ends_with('\r')) line.pop_back();
  if (line_ == 1) line.erase(0, byte_order_mark_size(line, input_.name()));
  try {
    const std::string place = input_.name() + ":" + std::to_string(line_);
    Sample sample = read_sentence(std::move(line), place, pairs_, options_.invalid_text);
    sample.line = line_;
    batch.samples.push_back(std::move(sample));
  } catch (const DataError& error) {
    if (options_.on_error == OnError::stop)
      problem_ = error.what();
    else
      batch.bad_lines.push_back({line_, error.what()});
  }
}

}  // namespace sharcs::internal
