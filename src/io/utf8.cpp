#include "io/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace sharcs::internal {
namespace {

struct Sequence {
  std::size_t bytes;  // of the sequence, or of the maximal ill-formed part
  bool valid;
};

Sequence sequence_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {1, true};
  // The second byte's range carries the rules against overlong forms, surrogates and too large values.
  unsigned low = 0x80, high = 0xBF;
  std::size_t length = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {1, false};
  }
  if (byte(1) < low || byte(1) > high) return {1, false};
  for (std::size_t i = 2; i < length; ++i)
    if (byte(i) < 0x80 || byte(i) > 0xBF) return {i, false};
  return {length, true};
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
