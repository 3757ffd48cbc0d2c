#pragma once

#include <filesystem>
#include <string_view>

#include "data/task_definition.hpp"

namespace sharcs::internal {

/// The lines of a file of plain text, each of them a text; white space at their ends is left out. A blank line ends a
/// document:
///
///     The first text of a document.
///     The second one.
///
///     A document of one text.
class PlainTexts {
 public:
  /// `file`: as read_input(). Throws IoError; ConfigError for a format that is another one; DataError for what cannot
  /// be read, with OnError::stop.
  PlainTexts(const TaskDefinition& task, const std::filesystem::path& file, const ReadOptions& options);

  /// The texts as samples. Once: they are handed out.
  Dataset read() { return std::move(texts_); }

 private:
  void read_lines(std::string_view content, const ReadOptions& options);

  Dataset texts_;
};

}  // namespace sharcs::internal
