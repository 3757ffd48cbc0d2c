#include "text/pre_tokenizer.hpp"

#include <algorithm>

#include "text/unicode.hpp"

namespace sharcs::internal {
namespace {

/// Moves `at` over the characters for which `belongs` holds.
template <class Belongs>
void skip_while(std::string_view text, std::size_t& at, const Belongs& belongs) {
  while (at < text.size()) {
    const Character character = character_at(text, at);
    if (!belongs(character.code)) return;
    at += character.bytes;
  }
}

std::string_view next(PreTokenizer::BertPreTokenizer, std::string_view text, std::size_t& at) {
  skip_while(text, at, is_whitespace);
  const std::size_t start = at;
  skip_while(text, at, [](char32_t c) { return !is_whitespace(c) && !is_punctuation(c); });
  if (at == start && at < text.size()) at += character_at(text, at).bytes;
  return text.substr(start, at - start);
}

std::string_view next(PreTokenizer::Whitespace, std::string_view text, std::size_t& at) {
  skip_while(text, at, is_whitespace);
  const std::size_t start = at;
  skip_while(text, at, is_word_character);
  if (at == start) skip_while(text, at, [](char32_t c) { return !is_whitespace(c) && !is_word_character(c); });
  return text.substr(start, at - start);
}

std::string_view next(PreTokenizer::WhitespaceSplit, std::string_view text, std::size_t& at) {
  skip_while(text, at, is_whitespace);
  const std::size_t start = at;
  skip_while(text, at, [](char32_t c) { return !is_whitespace(c); });
  return text.substr(start, at - start);
}

std::string_view next(PreTokenizer::Punctuation, std::string_view text, std::size_t& at) {
  const std::size_t start = at;
  skip_while(text, at, [](char32_t c) { return !is_punctuation(c); });
  if (at == start) at += character_at(text, at).bytes;
  return text.substr(start, at - start);
}

enum class Class { letter, number, space, other };

Class class_of(char32_t code) {
  if (is_letter(code)) return Class::letter;
  if (is_number(code)) return Class::number;
  return is_whitespace(code) ? Class::space : Class::other;
}

/// 's 't 're 've 'm 'll 'd
std::size_t bytes_of_contraction(std::string_view text) {
  if (text.size() < 2 || text[0] != '\'') return 0;
  if (text[1] == 's' || text[1] == 't' || text[1] == 'm' || text[1] == 'd') return 2;
  const std::string_view pair = text.substr(1, 2);
  return pair == "re" || pair == "ve" || pair == "ll" ? 3 : 0;
}

// The pattern is 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ (Radford et al. 2019,
// gpt-2/src/encoder.py); it matches at every place, so the words cover the text.
std::string_view next(const PreTokenizer::ByteLevel& rules, std::string_view text, std::size_t& at) {
  const std::size_t start = at;
  if (!rules.use_regex) {
    at = text.size();
    return text.substr(start);
  }
  if (const std::size_t contraction = bytes_of_contraction(text.substr(at)); contraction > 0) {
    at += contraction;
    return text.substr(start, contraction);
  }
  if (text[at] == ' ' && at + 1 < text.size() && class_of(character_at(text, at + 1).code) != Class::space) ++at;
  const Class first = class_of(character_at(text, at).code);
  skip_while(text, at, [&](char32_t c) { return class_of(c) == first; });
  if (first == Class::space && at < text.size()) {
    // The last white space of a run goes to the word behind it, as in " word"; a run of one is a word by itself.
    std::size_t last = at - 1;
    while (is_continuation_byte(text[last])) --last;
    if (last > start) at = last;
  }
  return text.substr(start, at - start);
}

std::string_view next(const PreTokenizer::Metaspace& rules, std::string_view text, std::size_t& at) {
  const std::size_t start = at;
  const std::size_t found = rules.split ? text.find(rules.replacement, start + 1) : std::string_view::npos;
  at = std::min(found, text.size());
  return text.substr(start, at - start);
}

template <class Rules>
std::string_view rewrite_for(const Rules&, std::string_view text, bool, std::string&) {
  return text;
}

std::string_view rewrite_for(const PreTokenizer::ByteLevel& rules, std::string_view text, bool,
                             std::string& rewritten) {
  if (!rules.add_prefix_space || text.starts_with(' ')) return text;
  return rewritten.append(1, ' ').append(text);
}

std::string_view rewrite_for(const PreTokenizer::Metaspace& rules, std::string_view text, bool begins,
                             std::string& rewritten) {
  for (const char byte : text) {
    if (byte == ' ')
      rewritten += rules.replacement;
    else
      rewritten += byte;
  }
  using Prefix = PreTokenizer::Metaspace::Prefix;
  const bool prefixed = rules.prefix == Prefix::always || (rules.prefix == Prefix::first && begins);
  if (prefixed && !rewritten.starts_with(rules.replacement)) rewritten.insert(0, rules.replacement);
  return rewritten;
}

}  // namespace

std::vector<TextRange> PreTokenizer::origins_of(const Step& step, std::string_view text,
                                                std::span<const TextRange> origins, std::size_t size) {
  const auto* spaces = std::get_if<Metaspace>(&step);
  std::vector<TextRange> moved;
  for (std::size_t i = 0; i < text.size(); ++i)
    moved.insert(moved.end(), spaces != nullptr && text[i] == ' ' ? spaces->replacement.size() : 1, origins[i]);
  // What is more was put before the text. Hugging Face's tokenizers take a "▁" there for the first character, a space
  // for nothing.
  TextRange of_prefix = origins.front();
  if (spaces == nullptr) of_prefix.end = of_prefix.begin;
  moved.insert(moved.begin(), size - moved.size(), of_prefix);
  return moved;
}

std::string_view PreTokenizer::next_word(const Step& step, std::string_view text, std::size_t& at) {
  return std::visit([&](const auto& rules) { return next(rules, text, at); }, step);
}

std::string_view PreTokenizer::rewrite(const Step& step, std::string_view text, bool begins, std::string& rewritten) {
  return std::visit([&](const auto& rules) { return rewrite_for(rules, text, begins, rewritten); }, step);
}

}  // namespace sharcs::internal
