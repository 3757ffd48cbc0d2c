#include "text/charsmap.hpp"

#include <unicode/brkiter.h>
#include <unicode/utext.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "io/utf8.hpp"
#include "text/unicode.hpp"

namespace sharcs::internal {
namespace {

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string encode_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i) text += i <= count ? base64_digits[bits >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = base64_digits.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if ((count += 6) < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

// The parts of a unit of Darts-clone's double array (Yata 2008).
std::uint32_t label(std::uint32_t unit) { return unit & (1u << 31 | 0xFF); }
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
std::uint32_t value(std::uint32_t unit) { return unit & ~(1u << 31); }
std::size_t offset(std::uint32_t unit) { return std::size_t{unit >> 10} << ((unit & 1u << 9) >> 6); }

std::unique_ptr<icu::BreakIterator> grapheme_iterator() {
  static const std::unique_ptr<const icu::BreakIterator> prototype = [] {
    UErrorCode status = U_ZERO_ERROR;
    std::unique_ptr<const icu::BreakIterator> made(
        icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
    if (U_FAILURE(status)) throw std::runtime_error(std::string("ICU's break rules: ") + u_errorName(status));
    return made;
  }();
  return std::unique_ptr<icu::BreakIterator>(prototype->clone());  // a tenth of the time of making one
}

}  // namespace

std::optional<Charsmap> Charsmap::parse(const std::string& base64) {
  const std::optional<std::string> bytes = decode_base64(base64);
  return bytes ? of_bytes(*bytes) : std::nullopt;
}

std::optional<Charsmap> Charsmap::of_bytes(const std::string& bytes) {
  std::uint32_t trie_bytes = 0;
  if (bytes.size() < sizeof trie_bytes) return std::nullopt;
  std::memcpy(&trie_bytes, bytes.data(), sizeof trie_bytes);  // little-endian, as are all machines we run on
  if (trie_bytes == 0 || trie_bytes % 4 != 0 || trie_bytes > bytes.size() - sizeof trie_bytes) return std::nullopt;
  Charsmap map;
  map.base64_ = encode_base64(bytes);
  map.units_.resize(trie_bytes / 4);
  std::memcpy(map.units_.data(), bytes.data() + sizeof trie_bytes, trie_bytes);
  map.replacements_ = bytes.substr(sizeof trie_bytes + trie_bytes);
  map.replacements_ += '\0';
  if (find_invalid_utf8(map.replacements_) != std::string_view::npos) return std::nullopt;
  return map.is_sound() ? std::optional(std::move(map)) : std::nullopt;
}

bool Charsmap::is_sound() const {
  for (std::size_t place = 0; place < units_.size(); ++place) {
    const std::uint32_t unit = units_[place];
    if (value(unit) != unit || !has_leaf(unit)) continue;  // a replacement's place, or a unit without one
    const std::size_t leaf = place ^ offset(unit);
    if (leaf >= units_.size() || value(units_[leaf]) >= replacements_.size() ||
        is_continuation_byte(replacements_[value(units_[leaf])]))
      return false;
  }
  return true;
}

std::optional<std::string_view> Charsmap::find(std::string_view part) const {
  std::size_t place = offset(units_[0]);
  for (const char c : part) {
    if (c == '\0') break;
    place ^= static_cast<unsigned char>(c);
    if (place >= units_.size() || label(units_[place]) != static_cast<unsigned char>(c)) break;
    const std::uint32_t unit = units_[place];
    place ^= offset(unit);
    if (!has_leaf(unit)) continue;
    if (place >= units_.size() || value(units_[place]) >= replacements_.size()) break;
    const std::string_view found = std::string_view(replacements_).substr(value(units_[place]));
    return found.substr(0, found.find('\0'));
  }
  return std::nullopt;
}

void Charsmap::apply(std::string_view text, std::size_t longest, std::string& result) const {
  result.clear();
  const auto replace = [&](std::string_view part) {
    const auto replacement = find(part);
    if (replacement) result += *replacement;
    return replacement.has_value();
  };
  std::unique_ptr<icu::BreakIterator> graphemes;
  UErrorCode status = U_ZERO_ERROR;
  UText source = UTEXT_INITIALIZER;
  for (std::size_t at = 0; at < text.size() && result.size() <= longest;) {
    std::size_t end = at + 1;
    // Two ASCII characters in a row are two graphemes, except for CR LF.
    const bool ascii = end == text.size() || static_cast<unsigned char>(text[end]) < 0x80;
    if (static_cast<unsigned char>(text[at]) >= 0x80 || !ascii || text[at] == '\r') {
      if (graphemes == nullptr) {
        graphemes = grapheme_iterator();
        utext_openUTF8(&source, text.data(), static_cast<std::int64_t>(text.size()), &status);
        graphemes->setText(&source, status);
      }
      end = static_cast<std::size_t>(graphemes->following(static_cast<std::int32_t>(at)));
    }
    const std::string_view grapheme = text.substr(at, end - at);
    at = end;
    if (grapheme.size() < 6 && replace(grapheme)) continue;
    for (std::size_t i = 0; i < grapheme.size();) {
      const std::string_view character = grapheme.substr(i, character_at(grapheme, i).bytes);
      if (!replace(character)) result += character;
      i += character.size();
    }
  }
  utext_close(&source);
  if (U_FAILURE(status)) throw std::runtime_error(std::string("ICU's break rules: ") + u_errorName(status));
}

}  // namespace sharcs::internal
