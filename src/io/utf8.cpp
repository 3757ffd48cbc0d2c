#include "io/utf8.hpp"

#include <fmt/format.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

struct Sequence {
  std::size_t bytes;  // of the sequence, or of the maximal ill-formed part
  bool valid;
};

Sequence sequence_at(std::string_view text, std::size_t at) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  std::size_t end = at;
  UChar32 code;
  U8_NEXT(bytes, end, text.size(), code);
  return {end - at, code >= 0};
}

}  // namespace

std::size_t find_invalid_utf8(std::string_view text, std::size_t from) {
  for (std::size_t at = from; at < text.size();) {
    std::uint64_t word;
    if (at + sizeof(word) <= text.size()) {
      std::memcpy(&word, text.data() + at, sizeof(word));
      if ((word & 0x8080808080808080u) == 0) {
        at += sizeof(word);
        continue;
      }
    }
    const Sequence sequence = sequence_at(text, at);
    if (!sequence.valid) return at;
    at += sequence.bytes;
  }
  return std::string_view::npos;
}

std::size_t replace_invalid_utf8(std::string& text) {
  std::size_t bad = find_invalid_utf8(text);
  if (bad == std::string_view::npos) return 0;
  std::string clean;
  clean.reserve(text.size() + 16);
  std::size_t count = 0, from = 0;
  for (; bad != std::string_view::npos; bad = find_invalid_utf8(text, from)) {
    clean.append(text, from, bad - from).append("\xEF\xBF\xBD");
    from = bad + sequence_at(text, bad).bytes;
    ++count;
  }
  clean.append(text, from);
  text = std::move(clean);
  return count;
}

std::size_t byte_order_mark_size(std::string_view text, const std::string& file) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    throw DataError(file + ": is UTF-16; expected UTF-8 (convert it with: iconv -f UTF-16 -t UTF-8)");
  return text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
}

std::size_t find_invalid_text(std::string_view line) { return std::min(find_invalid_utf8(line), line.find('\0')); }

std::string invalid_text_message(std::string_view line, std::size_t at) {
  const std::string byte = line[at] == '\0' ? "NUL" : fmt::format("0x{:02x}", static_cast<unsigned char>(line[at]));
  return byte + " at byte " + std::to_string(at + 1) + " of the line is not UTF-8 text";
}

std::size_t replace_invalid_text(std::string& text) {
  const std::size_t invalid = replace_invalid_utf8(text);
  const auto nuls = static_cast<std::size_t>(std::ranges::count(text, '\0'));
  if (nuls == 0) return invalid;
  std::string clean;
  clean.reserve(text.size() + 2 * nuls);
  for (const char c : text) {
    if (c == '\0')
      clean += "\xEF\xBF\xBD";
    else
      clean += c;
  }
  text = std::move(clean);
  return invalid + nuls;
}

}  // namespace sharcs::internal
