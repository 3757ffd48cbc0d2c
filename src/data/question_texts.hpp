#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/task_definition.hpp"
#include "io/json_cursor.hpp"

namespace sharcs::internal {

/// The questions of a file, each with the text that its answer stands in:
///
///     {"data": [{"title": "…", "paragraphs": [{"context": "Paris is old.", "qas": [
///         {"id": "1", "question": "What is old?", "answers": [{"text": "Paris", "answer_start": 0}]}]}]}]}
///
///     {"id": "1", "question": "What is old?", "context": "Paris is old.",
///      "answers": {"text": ["Paris"], "answer_start": [0]}}
///
/// Above SQuAD's form, of version 1.1 or 2.0, below JSON Lines. Offsets count characters; in the samples they are
/// bytes.
class QuestionTexts {
 public:
  /// `file`: as read_input(). Throws IoError; ConfigError for a format that is neither of these; DataError for what
  /// cannot be read, with OnError::stop.
  QuestionTexts(const TaskDefinition& task, const std::filesystem::path& file, Split split, const ReadOptions& options);

  /// The questions as samples. Once: they are handed out.
  Dataset read() { return std::move(questions_); }

 private:
  void read_squad(const JsonCursor& document);
  void read_lines(std::string_view content);
  /// Adds the sample that `read` returns, or what is wrong with it.
  template <class Read>
  void add(std::size_t line, const Read& read);
  Sample question(const JsonCursor& fields, const std::string& context) const;
  bool needs_answers() const { return split_ != Split::test && task_.needs_labels; }

  const TaskDefinition& task_;
  Split split_;
  OnError on_error_;
  Dataset questions_;
};

/// Whether a file holds questions, by its beginning: JSON with "data" as SQuAD's, or with "question", "context" and
/// "answers" in its first line. False for what cannot be read.
bool holds_questions(const std::filesystem::path& file);

}  // namespace sharcs::internal
