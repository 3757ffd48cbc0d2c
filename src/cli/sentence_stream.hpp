#pragma once

#include <string>
#include <vector>

#include "io/input_file.hpp"
#include "sharcs/dataset.hpp"

namespace sharcs::internal {

/// Whether a line has two sentences, with a TAB between them. automatic: where it has a TAB.
enum class Pairs { automatic, yes, no };

/// The sentence of a line, or its two around a TAB. Throws DataError beginning with `place` when it is empty, not a
/// pair, not UTF-8 or begins with fastText's mark of a label; with Pairs::automatic, also when it has several TABs.
Sample read_sentence(std::string line, const std::string& place, Pairs pairs, InvalidText invalid_text);

/// What has arrived: samples, and lines that are none. Both have their line's number.
struct SentenceBatch {
  std::vector<Sample> samples;
  std::vector<BadLine> bad_lines;

  bool empty() const { return samples.empty() && bad_lines.empty(); }
};

/// Sentences, or pairs separated by a TAB, one a line, from a file or standard input: in batches, as they arrive.
class SentenceStream {
 public:
  /// `input`: as InputFile. Throws IoError.
  SentenceStream(const std::string& input, Pairs pairs, const ReadOptions& options)
      : input_(input), pairs_(pairs), options_(options) {}

  /// The whole lines that have arrived; waits for one. Empty at the end. Throws IoError; DataError for an input without
  /// lines and, with OnError::stop, as read_sentence(), after the lines before the bad one have been handed out.
  SentenceBatch next();

 private:
  void add(std::string line, SentenceBatch& batch);

  InputFile input_;
  Pairs pairs_;
  ReadOptions options_;
  std::string waiting_;  // what has arrived of a line that is not whole
  bool at_end_ = false;
  std::string problem_;  // where it stops
  std::size_t line_ = 0;
};

}  // namespace sharcs::internal
