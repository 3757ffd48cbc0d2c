#include "io/utf8.hpp"

#include <unicode/utf8.h>

#include <cstdint>
#include <cstring>

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

}  // namespace sharcs::internal
