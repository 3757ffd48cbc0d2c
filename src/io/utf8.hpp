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

}  // namespace sharcs::internal
