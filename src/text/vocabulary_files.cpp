#include "text/vocabulary_files.hpp"

#include <string>
#include <string_view>

#include "core/file.hpp"
#include "core/utf8.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Calls take(line, number) for each line, without its line end, numbers from 1.
template <class Take>
void for_each_line(std::string_view text, const Take& take) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    take(line, number);
  }
}

[[noreturn]] void fail(const std::filesystem::path& path, std::size_t line, const std::string& message) {
  throw TokenizerError(path.string() + ":" + std::to_string(line) + ": " + message);
}

}  // namespace

Vocabulary read_vocab_txt(const std::filesystem::path& path) {
  const std::string text = read_text_file(path);
  Vocabulary vocabulary;
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    if (find_invalid_utf8(line) != std::string_view::npos) fail(path, number, "is not UTF-8; expected a token");
    vocabulary.add(std::string(line), static_cast<std::int32_t>(number - 1));
  });
  if (vocabulary.size() == 0) throw TokenizerError(path.string() + ": is empty; expected one token a line");
  return vocabulary;
}

}  // namespace sharcs
