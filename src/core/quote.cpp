#include "core/quote.hpp"

#include <fmt/format.h>
#include <unicode/utf8.h>

namespace sharcs::internal {

std::string quote(std::string_view text) {
  std::size_t longest = 100;
  while (longest < text.size() && longest > 96 && U8_IS_TRAIL(text[longest])) --longest;  // not inside a character
  std::string result = "\"";
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
  }
  return result += text.size() > longest ? "…\"" : "\"";
}

}  // namespace sharcs::internal
