#include "data/plain_texts.hpp"

#include <string>
#include <utility>

#include "io/input_file.hpp"
#include "io/table.hpp"
#include "io/utf8.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

PlainTexts::PlainTexts(const TaskDefinition& task, const std::filesystem::path& file, const ReadOptions& options) {
  texts_.file = input_name(file);
  if (task.format != TableFormat::by_extension)
    throw ConfigError(texts_.file + ": the format is " + to_string(task.format) +
                      "; expected none, since plain text has a text on each line");
  if (options.quoting || options.header || options.delimiter || !options.label_map.empty())
    throw ConfigError(texts_.file +
                      ": quoting, header, delimiter and label map are for tables; expected none of plain text");
  const std::string content = read_input(file);
  std::string_view lines = content;
  lines.remove_prefix(byte_order_mark_size(lines, texts_.file));
  read_lines(lines, options);
  if (texts_.empty() && !texts_.bad_lines.empty())
    throw DataError(texts_.bad_lines.front().problem + "; no other line can be read, either");
  if (texts_.empty()) throw DataError(texts_.file + ": has no text; expected a line at least");
}

void PlainTexts::read_lines(std::string_view content, const ReadOptions& options) {
  std::size_t document = 0, replaced = 0;
  bool is_open = false;  // whether the document has a line
  for (std::size_t line = 1; !content.empty(); ++line) {
    const std::size_t end = content.find('\n');
    std::string text(trimmed(content.substr(0, end)));
    content.remove_prefix(end == content.npos ? content.size() : end + 1);
    if (text.empty()) {
      document += is_open;
      is_open = false;
      continue;
    }
    if (const std::size_t invalid = find_invalid_text(text); invalid != text.npos) {
      const std::string problem = texts_.file + ":" + std::to_string(line) + ": " + invalid_text_message(text, invalid);
      if (options.invalid_text == InvalidText::refuse) {
        if (options.on_error == OnError::stop) throw DataError(problem);
        texts_.bad_lines.push_back({line, problem});
        continue;
      }
      replaced += replace_invalid_text(text);
    }
    is_open = true;
    texts_.samples.push_back({.text = std::move(text), .document = document, .line = line});
  }
  if (replaced > 0)
    texts_.notes.push_back(texts_.file + ": replaced " + std::to_string(replaced) +
                           (replaced == 1 ? " invalid sequence" : " invalid sequences") + " of bytes by U+FFFD");
}

}  // namespace sharcs::internal
