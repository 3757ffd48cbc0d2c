#include "text/normalizer.hpp"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <stdexcept>

#include "sharcs/error.hpp"
#include "text/unicode.hpp"

namespace sharcs::internal {
namespace {

/// A form of Unicode's normalization as of Unicode 11, which is what Hugging Face's tables know.
class UnicodeForm {
 public:
  explicit UnicodeForm(const icu::Normalizer2* (*instance)(UErrorCode&))
      : known_(u"[:Age=11.0:]", status_),
        form_(*checked(instance(status_)), known_),
        canonical_(checked(icu::Normalizer2::getNFDInstance(status_))) {
    known_.freeze();
  }
  const icu::Normalizer2& form() const { return form_; }

  /// The text with long runs of combining marks in Unicode's canonical order: `text` itself, or a view of `sorted`. It
  /// has the same normalized forms. ICU sorts marks by insertion, which takes the square of a run's length.
  std::string_view with_sorted_marks(std::string_view text, std::string& sorted) const {
    constexpr std::size_t long_run = 32;
    std::size_t copied = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t begin = at;
      std::size_t marks = 0;
      while (at < text.size()) {
        const Character character = character_at(text, at);
        if (!is_reordered(character.code)) break;
        ++marks;
        at += character.bytes;
      }
      if (marks > long_run) {
        if (copied == 0) sorted.clear();
        sorted.append(text, copied, begin - copied);
        append_sorted(text.substr(begin, at - begin), sorted);
        copied = at;
      }
      if (at < text.size()) at += character_at(text, at).bytes;
    }
    if (copied == 0) return text;
    sorted.append(text, copied);
    return sorted;
  }

 private:
  bool is_reordered(char32_t code) const {
    if (code < 0x300) return false;
    // These three are no marks themselves, but decompose into two.
    const bool becomes_marks = code == 0x0F73 || code == 0x0F75 || code == 0x0F81;
    const auto c = static_cast<UChar32>(code);
    return (becomes_marks || u_getCombiningClass(c) != 0) && known_.contains(c);
  }

  void append_sorted(std::string_view marks, std::string& sorted) const {
    std::vector<std::pair<std::uint8_t, UChar32>> all;
    icu::UnicodeString parts;
    for (std::size_t at = 0; at < marks.size();) {
      const Character character = character_at(marks, at);
      at += character.bytes;
      const auto code = static_cast<UChar32>(character.code);
      if (!canonical_->getDecomposition(code, parts)) parts = icu::UnicodeString(code);
      for (std::int32_t i = 0; i < parts.length(); i = parts.moveIndex32(i, 1))
        all.emplace_back(u_getCombiningClass(parts.char32At(i)), parts.char32At(i));
    }
    std::ranges::stable_sort(all, {}, [](const auto& mark) { return mark.first; });
    for (const auto& [order, code] : all) append_utf8(static_cast<char32_t>(code), sorted);
  }

  const icu::Normalizer2* checked(const icu::Normalizer2* normalizer) const {
    if (U_FAILURE(status_)) throw std::runtime_error(std::string("ICU's data: ") + u_errorName(status_));
    return normalizer;
  }

  UErrorCode status_ = U_ZERO_ERROR;
  icu::UnicodeSet known_;
  icu::FilteredNormalizer2 form_;
  const icu::Normalizer2* canonical_;
};

const UnicodeForm& unicode_form(Normalizer::Form form) {
  static const UnicodeForm nfc(icu::Normalizer2::getNFCInstance), nfd(icu::Normalizer2::getNFDInstance),
      nfkc(icu::Normalizer2::getNFKCInstance), nfkd(icu::Normalizer2::getNFKDInstance);
  switch (form) {
    case Normalizer::Form::nfc:
      return nfc;
    case Normalizer::Form::nfd:
      return nfd;
    case Normalizer::Form::nfkc:
      return nfkc;
    case Normalizer::Form::nfkd:
      break;
  }
  return nfkd;
}

/// BertNormalizer, character by character. What Unicode's decomposition may reorder is held back until the next
/// character that it leaves alone.
class BertPass {
 public:
  BertPass(const Normalizer::BertNormalizer& rules, std::string& result)
      : rules_(rules),
        unicode_(unicode_form(Normalizer::Form::nfd)),
        decomposition_(unicode_.form()),
        result_(result) {}

  void add(char32_t code) {
    if (rules_.clean_text) {
      if (code == '\t' || code == '\n' || code == '\r') code = ' ';
      if (code == 0xFFFD || is_control(code)) return;
      if (is_whitespace(code)) code = ' ';
    }
    const bool apart = rules_.handle_chinese_chars && is_chinese(code);
    if (apart) decompose(' ');
    decompose(code);
    if (apart) decompose(' ');
  }

  void finish() {
    if (held_.isEmpty()) return;
    if (held_.length() > long_run) sort_held();
    UErrorCode status = U_ZERO_ERROR;
    const icu::UnicodeString decomposed = decomposition_.normalize(held_, status);
    if (U_FAILURE(status)) throw std::bad_alloc();
    for (std::int32_t at = 0; at < decomposed.length();) {
      const UChar32 code = decomposed.char32At(at);
      at += U16_LENGTH(code);
      if (!is_nonspacing_mark(static_cast<char32_t>(code))) append(static_cast<char32_t>(code));
    }
    held_.remove();
  }

 private:
  void decompose(char32_t code) {
    if (!rules_.strip_accents) return append(code);
    if (!decomposition_.isInert(static_cast<UChar32>(code))) {
      held_.append(static_cast<UChar32>(code));
      return;
    }
    finish();
    if (!is_nonspacing_mark(code)) append(code);
  }

  void sort_held() {
    std::string text, sorted;
    held_.toUTF8String(text);
    held_ = icu::UnicodeString::fromUTF8(icu::StringPiece(unicode_.with_sorted_marks(text, sorted)));
  }

  void append(char32_t code) {
    if (rules_.lowercase) {
      append_lower_case(code, result_);
    } else {
      append_utf8(code, result_);
    }
  }

  static constexpr std::int32_t long_run = 32;

  const Normalizer::BertNormalizer& rules_;
  const UnicodeForm& unicode_;
  const icu::Normalizer2& decomposition_;
  std::string& result_;
  icu::UnicodeString held_;
};

/// What a text may grow to. Unicode's longest decomposition takes 11 times the bytes of its character, and a table of
/// SentencePiece about as much. Beyond this, a few steps that each double the text would fill the memory.
std::size_t longest_result(std::string_view text) { return 32 * text.size() + 4096; }

bool is_printable_ascii(char byte) { return byte >= ' ' && byte < 0x7F; }

void apply(const Normalizer::BertNormalizer& rules, std::string_view text, std::size_t, std::string& result) {
  result.clear();
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    // Printable ASCII, nearly everything in English text, needs no look at Unicode's tables.
    std::size_t end = at;
    while (end < text.size() && is_printable_ascii(text[end])) ++end;
    const std::size_t start = result.size();
    result.append(text, at, end - at);
    if (rules.lowercase)
      for (std::size_t i = start; i < result.size(); ++i)
        result[i] = static_cast<char>(result[i] | (result[i] >= 'A' && result[i] <= 'Z' ? 0x20 : 0));
    if (end == text.size()) return;

    BertPass pass(rules, result);
    for (at = end; at < text.size() && !is_printable_ascii(text[at]);) {
      const Character character = character_at(text, at);
      pass.add(character.code);
      at += character.bytes;
    }
    pass.finish();
  }
}

void apply(Normalizer::Form form, std::string_view text, std::size_t, std::string& result) {
  result.clear();
  icu::StringByteSink<std::string> sink(&result);
  UErrorCode status = U_ZERO_ERROR;
  const UnicodeForm& unicode = unicode_form(form);
  std::string sorted;
  text = unicode.with_sorted_marks(text, sorted);
  unicode.form().normalizeUTF8(0, {text.data(), static_cast<std::int32_t>(text.size())}, sink, nullptr, status);
  if (U_FAILURE(status)) throw std::bad_alloc();
}

void apply(Normalizer::Lowercase, std::string_view text, std::size_t, std::string& result) {
  result.clear();
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    append_lower_case(character.code, result);
    at += character.bytes;
  }
}

void apply(Normalizer::StripAccents, std::string_view text, std::size_t, std::string& result) {
  result.clear();
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    if (!is_mark(character.code)) result.append(text, at, character.bytes);
    at += character.bytes;
  }
}

void apply(const Normalizer::Replace& rule, std::string_view text, std::size_t longest, std::string& result) {
  result.clear();
  for (std::size_t at = 0; at < text.size() && result.size() <= longest;) {
    const std::size_t found = text.find(rule.pattern, at);
    result.append(text, at, found - at);
    if (found == std::string_view::npos) return;
    result += rule.content;
    at = found + rule.pattern.size();
  }
}

void apply(const Normalizer::Strip& rule, std::string_view text, std::size_t, std::string& result) {
  while (rule.left && !text.empty()) {
    const Character first = character_at(text, 0);
    if (!is_whitespace(first.code)) break;
    text.remove_prefix(first.bytes);
  }
  while (rule.right && !text.empty()) {
    std::size_t last = text.size() - 1;
    while (is_continuation_byte(text[last])) --last;
    if (!is_whitespace(character_at(text, last).code)) break;
    text.remove_suffix(text.size() - last);
  }
  result = text;
}

void apply(const Normalizer::Prepend& rule, std::string_view text, std::size_t, std::string& result) {
  result = text.empty() ? std::string() : rule.text;
  result += text;
}

void apply(const Normalizer::ReplacePattern& rule, std::string_view text, std::size_t longest, std::string& result) {
  result.clear();
  if (rule.pattern == Normalizer::Pattern::leading_underline) {
    constexpr std::string_view underline = "▁";
    if (text.starts_with(underline)) {
      result = rule.content;
      text.remove_prefix(underline.size());
    }
    result += text;
    return;
  }
  if (rule.pattern == Normalizer::Pattern::runs_of_white_space) {
    for (std::size_t at = 0; at < text.size() && result.size() <= longest;) {
      std::size_t end = at, count = 0;
      for (; end < text.size(); ++count) {
        const Character character = character_at(text, end);
        if (!is_whitespace(character.code)) break;
        end += character.bytes;
      }
      const bool matches = count > 1 || (count == 1 && (text[at] == '\n' || text[at] == '\r' || text[at] == '\t'));
      if (count == 0) end = at + character_at(text, at).bytes;
      if (matches)
        result += rule.content;
      else
        result.append(text, at, end - at);
      at = end;
    }
    return;
  }
  const bool outer = rule.pattern == Normalizer::Pattern::outer_spaces;
  for (std::size_t at = 0; at < text.size() && result.size() <= longest;) {
    const std::size_t space = text.find(' ', at), end = std::min(text.find_first_not_of(' ', space), text.size());
    result.append(text, at, space - at);
    if (space == std::string_view::npos) return;
    const bool matches = outer ? space == 0 || end == text.size() : end - space >= 2;
    if (matches)
      result += rule.content;
    else
      result.append(text, space, end - space);
    at = end;
  }
}

void apply(const Normalizer::Precompiled& charsmap, std::string_view text, std::size_t longest, std::string& result) {
  charsmap->apply(text, longest, result);
}

}  // namespace

const char* Normalizer::regex_of(Pattern pattern) {
  switch (pattern) {
    case Pattern::runs_of_spaces:
      return " {2,}";
    case Pattern::outer_spaces:
      return "\\A +| +\\z";
    case Pattern::runs_of_white_space:
      return "\\s{2,}|[\\n\\r\\t]";
    case Pattern::leading_underline:
      break;
  }
  return "\\A▁";
}

std::string_view Normalizer::operator()(std::string_view text, std::string& result) const {
  const std::size_t longest = longest_result(text);
  std::string before;
  for (const Step& step : steps_) {
    if (&step != &steps_.front()) {
      before.swap(result);
      text = before;
    }
    std::visit([&](const auto& rules) { apply(rules, text, longest, result); }, step);
    if (result.size() > longest)
      throw TokenizerError("the tokenizer's normalizer makes more than " + std::to_string(longest) +
                           " bytes of a text; expected at most 32 times what it takes");
  }
  return steps_.empty() ? text : std::string_view(result);
}

}  // namespace sharcs::internal
