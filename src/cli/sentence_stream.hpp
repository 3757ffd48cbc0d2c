#pragma once

#include <string>
#include <vector>

#include "sharcs/dataset.hpp"

namespace sharcs::internal {

/// The sentence of a line, or its two around a TAB. Throws DataError beginning with `place` when it is empty, not a
/// pair or not UTF-8.
Sample read_sentence(std::string line, const std::string& place, bool pairs, InvalidText invalid_text);

/// Sentences, or pairs separated by a TAB, one a line, from a file or standard input: in batches, as they arrive.
class SentenceStream {
 public:
  /// `input`: a file, or "-" for standard input. Throws IoError.
  SentenceStream(const std::string& input, bool pairs, InvalidText invalid_text);
  ~SentenceStream();
  SentenceStream(const SentenceStream&) = delete;
  SentenceStream& operator=(const SentenceStream&) = delete;

  /// The whole lines that have arrived; waits for one. None at the end. Throws IoError; DataError for an input
  /// without lines, and as read_sentence().
  std::vector<Sample> next();

 private:
  Sample sample_of(std::string line);

  std::string name_;
  int descriptor_;
  bool pairs_;
  InvalidText invalid_text_;
  std::string waiting_;  // what has arrived of a line that is not whole
  bool at_end_ = false;
  std::size_t line_ = 0;
};

}  // namespace sharcs::internal
