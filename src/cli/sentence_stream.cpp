#include "cli/sentence_stream.hpp"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "core/quote.hpp"
#include "io/utf8.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

Sample read_sentence(std::string line, const std::string& place, bool pairs, InvalidText invalid_text) {
  const auto fail = [&](const std::string& message) { throw DataError(place + ": " + message); };
  if (const std::size_t invalid = find_invalid_utf8(line); invalid != std::string::npos) {
    if (invalid_text == InvalidText::refuse)
      fail("byte " + std::to_string(invalid + 1) + " of the line is not UTF-8 text");
    replace_invalid_utf8(line);
  }
  if (line.find_first_not_of(" \t") == std::string::npos)
    fail(pairs ? "is empty; expected a pair of sentences" : "is empty; expected a sentence");
  Sample sample = {.text = std::move(line)};
  if (!pairs) return sample;
  const std::size_t tab = sample.text.find('\t');
  if (tab == std::string::npos || sample.text.find('\t', tab + 1) != std::string::npos)
    fail("expected two sentences separated by a TAB, found " + quote(sample.text));
  sample.pair = sample.text.substr(tab + 1);
  sample.text.erase(tab);
  return sample;
}

SentenceStream::SentenceStream(const std::string& input, bool pairs, InvalidText invalid_text)
    : name_(input == "-" ? "standard input" : input),
      descriptor_(input == "-" ? STDIN_FILENO : ::open(input.c_str(), O_RDONLY | O_CLOEXEC)),
      pairs_(pairs),
      invalid_text_(invalid_text) {
  if (descriptor_ < 0) throw IoError(name_ + ": cannot open: " + std::generic_category().message(errno));
}

SentenceStream::~SentenceStream() {
  if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
}

std::vector<Sample> SentenceStream::next() {
  std::vector<Sample> samples;
  char buffer[1 << 16];
  while (samples.empty() && !at_end_) {
    const ssize_t count = ::read(descriptor_, buffer, sizeof buffer);
    if (count < 0) {
      if (errno == EINTR) continue;
      throw IoError(name_ + ": cannot read: " + std::generic_category().message(errno));
    }
    waiting_.append(buffer, static_cast<std::size_t>(count));
    at_end_ = count == 0;
    if (at_end_ && !waiting_.empty()) waiting_ += '\n';  // the last line may lack its end
    std::size_t begin = 0;
    for (std::size_t end; (end = waiting_.find('\n', begin)) != std::string::npos; begin = end + 1)
      samples.push_back(sample_of(waiting_.substr(begin, end - begin)));
    waiting_.erase(0, begin);
  }
  if (at_end_ && line_ == 0) throw DataError(name_ + ": is empty; expected a line for each sentence");
  return samples;
}

Sample SentenceStream::sample_of(std::string line) {
  ++line_;
  if (line.ends_with('\r')) line.pop_back();
  if (line_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
  Sample sample = read_sentence(std::move(line), name_ + ":" + std::to_string(line_), pairs_, invalid_text_);
  sample.line = line_;
  return sample;
}

}  // namespace sharcs::internal
