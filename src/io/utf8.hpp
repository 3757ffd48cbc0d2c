#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sharcs::internal {

/// The offset of the first byte at or after `from` that does not belong to a well-formed UTF-8 sequence (The Unicode
/// Standard, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF), or npos. `from` is the start of a
/// sequence.
std::size_t find_invalid_utf8(std::string_view text, std::size_t from = 0);

/// Puts U+FFFD in the place of every ill-formed sequence, one for each maximal part of one (as the Unicode Standard and
/// the WHATWG decoder do), and returns how many.
std::size_t replace_invalid_utf8(std::string& text);

/// What editors put before text in UTF-8; not a part of it.
inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// The bytes of the byte order mark that a file's text begins with: none or three. Throws DataError for UTF-16, which
/// begins with a mark of its own. `file` is for the message.
std::size_t byte_order_mark_size(std::string_view text, const std::string& file);

/// The three functions below are of the lines of text files, which hold no NUL, either: a file full of them is UTF-16.

/// The offset of the first byte that is NUL or ill-formed UTF-8, or npos.
std::size_t find_invalid_text(std::string_view line);

/// "0xe9 at byte 5 of the line is not UTF-8 text", of the byte at this offset.
std::string invalid_text_message(std::string_view line, std::size_t at);

/// As replace_invalid_utf8(); NULs are replaced, too.
std::size_t replace_invalid_text(std::string& text);

}  // namespace sharcs::internal
