#include "core/quote.hpp"

#include <fmt/format.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

bool may_stand_in_a_line(UChar32 code) {
  const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
  const bool separator = code == 0x2028 || code == 0x2029;
  const bool turns_direction = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return !control && !separator && !turns_direction;  // negative codes, of bytes that are not UTF-8, are below 0x20
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    UChar32 code;
    U8_NEXT(text.data(), at, text.size(), code);
    if (may_stand_in_a_line(code)) {
      result += text.substr(begin, at - begin);
      continue;
    }
    for (std::size_t i = begin; i < at; ++i) result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
  }
  return result;
}

std::string quote(std::string_view text) {
  std::size_t longest = 100;
  while (longest < text.size() && longest > 96 && U8_IS_TRAIL(text[longest])) --longest;  // not inside a character
  std::string escaped;
  for (const char c : text.substr(0, longest)) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return '"' + one_line(escaped) + (text.size() > longest ? "…\"" : "\"");
}

std::string tsv_cell(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
  return text;
}

std::string listed(const std::vector<std::string>& names, const char* between) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : between) + name;
  return list;
}

}  // namespace sharcs::internal

sharcs::Error::Error(const std::string& message) : std::runtime_error(internal::one_line(message)) {}
