#include "data/answer_scores.hpp"

#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <map>
#include <vector>

#include "text/unicode.hpp"

namespace sharcs::internal {
namespace {

/// What Python's str.split() splits at.
bool splits_words(char32_t code) { return is_whitespace(code) || (code >= 0x1C && code <= 0x1F); }

/// What \w matches in Python.
bool belongs_to_word(char32_t code) { return code == '_' || is_letter(code) || is_number(code); }

bool is_ascii_punctuation(char32_t code) {
  return code < 0x7F && code > ' ' && !(code >= '0' && code <= '9') && !((code | 0x20) >= 'a' && (code | 0x20) <= 'z');
}

bool is_article(std::string_view word) { return word == "a" || word == "an" || word == "the"; }

std::vector<std::string> words_of(const std::string& normalized) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < normalized.size();) {
    const std::size_t end = std::min(normalized.find(' ', at), normalized.size());
    words.push_back(normalized.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

AnswerScore score_against(const std::string& answer, const std::string& truth, bool may_have_none) {
  AnswerScore score = {.exact = answer == truth ? 1.0 : 0.0};
  const std::vector<std::string> ours = words_of(answer), theirs = words_of(truth);
  if (may_have_none && (ours.empty() || theirs.empty())) {
    score.f1 = ours.empty() && theirs.empty() ? 1 : 0;
    return score;
  }
  std::map<std::string_view, int> left;
  for (const std::string& word : theirs) ++left[word];
  double same = 0;
  for (const std::string& word : ours)
    if (const auto found = left.find(word); found != left.end() && found->second > 0) --found->second, ++same;
  if (same == 0) return score;
  const double precision = same / static_cast<double>(ours.size()), recall = same / static_cast<double>(theirs.size());
  score.f1 = 2 * precision * recall / (precision + recall);
  return score;
}

}  // namespace

std::string normalized_answer(std::string_view text) {
  std::string lower;
  icu::UnicodeString::fromUTF8({text.data(), static_cast<std::int32_t>(text.size())})
      .toLower(icu::Locale::getRoot())
      .toUTF8String(lower);
  std::string plain;
  for (std::size_t at = 0; at < lower.size();) {
    const Character character = character_at(lower, at);
    if (!is_ascii_punctuation(character.code)) plain.append(lower, at, character.bytes);
    at += character.bytes;
  }
  // Articles leave a space behind, as in "the-end", whose dash is gone, but not in "theend".
  std::string result;
  bool space = false;
  const auto append = [&](std::string_view part) {
    if (space && !result.empty()) result += ' ';
    space = false;
    result += part;
  };
  for (std::size_t at = 0; at < plain.size();) {
    const Character first = character_at(plain, at);
    std::size_t end = at + first.bytes;
    if (splits_words(first.code)) {
      space = true;
    } else if (belongs_to_word(first.code)) {
      while (end < plain.size() && belongs_to_word(character_at(plain, end).code))
        end += character_at(plain, end).bytes;
      const auto run = std::string_view(plain).substr(at, end - at);
      if (is_article(run))
        space = true;
      else
        append(run);
    } else {
      append(std::string_view(plain).substr(at, first.bytes));
    }
    at = end;
  }
  return result;
}

AnswerScore score_answer(std::string_view answer, std::span<const std::string> truths, bool may_have_none) {
  const std::string ours = normalized_answer(answer);
  AnswerScore best;
  bool any = false;
  for (const std::string& truth : truths) {
    const std::string theirs = normalized_answer(truth);
    if (may_have_none && theirs.empty()) continue;
    const AnswerScore score = score_against(ours, theirs, may_have_none);
    best = {std::max(best.exact, score.exact), std::max(best.f1, score.f1)};
    any = true;
  }
  return any ? best : score_against(ours, "", may_have_none);
}

}  // namespace sharcs::internal
