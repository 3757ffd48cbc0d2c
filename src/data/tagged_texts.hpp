#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/task_definition.hpp"

namespace sharcs::internal {

/// The texts of a file whose words are given, most often with a tag each:
///
///     -DOCSTART- -X- O         {"tokens": ["Paris", "is", "old"], "ner_tags": ["B-LOC", "O", "O"]}
///
///     Paris NNP B-LOC
///     is VBZ O
///
/// On the left CoNLL's form: a word a line, in the first column, its tag in the last one; columns stand apart by spaces
/// or TABs, and blank lines between texts. On the right JSON Lines. Tags are text there, too: numbers are refused,
/// since the file does not say what they mean.
class TaggedTexts {
 public:
  /// `file`: as read_input(). Throws IoError; ConfigError where nothing says the format; DataError for what cannot be
  /// read, with OnError::stop, and for a file whose tags are partly IOB1 and partly IOB2: the same tags would mean
  /// different entities there.
  TaggedTexts(const TaskDefinition& task, const std::filesystem::path& file, Split split, const ReadOptions& options);

  /// The tags that occur, in the order of their bytes. Throws DataError when they are too many to be tags.
  std::vector<std::string> find_tags() const;
  /// The texts as samples of the task, which has its tags. Once: they are handed out. Throws DataError for a tag that
  /// the task does not have.
  Dataset read();

 private:
  void read_conll(const ReadOptions& options);
  void read_json(const ReadOptions& options);
  std::vector<std::string> words_in(std::size_t line, std::string_view json, const std::string& what) const;
  /// Adds the text, or what is wrong with it.
  void add(Sample text, const std::string& problem);
  void refuse_two_schemes() const;
  std::string at(std::size_t line) const { return file_ + ":" + std::to_string(line) + ": "; }
  /// The line of a word; in CoNLL's form the words of a text stand on lines that follow each other.
  std::size_t line_of(const Sample& text, std::size_t word) const { return text.line + (is_conll_ ? word : 0); }
  /// The number of a tag, among those that have occurred.
  int number_of(std::string_view tag);
  /// The tag of that number as the task calls it.
  const std::string& meant(int tag) const;

  const TaskDefinition& task_;
  std::filesystem::path path_;
  std::string file_;
  Split split_;
  OnError on_error_;
  bool is_conll_ = false;
  std::vector<std::string> tags_;                        // that occur, by their numbers
  std::map<std::string, int, std::less<>> tag_numbers_;  // the other way round
  std::vector<Sample> texts_;                            // with these numbers as tags
  std::vector<BadLine> bad_lines_;
  std::vector<std::string> notes_;
};

/// Whether a file has texts whose words are given, by the format or the name. JSON Lines of a model that labels texts
/// look the same.
bool has_given_words(TableFormat format, const std::filesystem::path& file);
/// Whether the name says that a file has a word a line: .conll, .bio, .iob, …, in upper or lower case, also before .gz.
bool is_conll_name(const std::filesystem::path& file);

}  // namespace sharcs::internal
