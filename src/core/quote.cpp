#include "core/quote.hpp"

namespace sharcs::internal {

std::string quote(std::string_view text) {
  std::size_t longest = 100;
  while (longest < text.size() && longest > 96 && (text[longest] & 0xC0) == 0x80) --longest;  // not inside a character
  constexpr char digits[] = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      result += "\\x";
      result += digits[byte >> 4];
      result += digits[byte & 15];
    } else {
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
  }
  return result += text.size() > longest ? "…\"" : "\"";
}

}  // namespace sharcs::internal
