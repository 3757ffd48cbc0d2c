#include "text/normalizer.hpp"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <span>
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

/// Bytes begin to end − 1 of a text become `content`.
struct Edit {
  std::size_t begin, end;
  std::string_view content;
};

// The edits of a step that leaves the rest of the text as it is: from left to right, until `take` returns false.

template <class Take>
void for_each_edit(const Normalizer::Replace& rule, std::string_view text, const Take& take) {
  for (std::size_t at = text.find(rule.pattern); at != std::string_view::npos;) {
    const std::size_t end = at + rule.pattern.size();
    if (!take(Edit{at, end, rule.content})) return;
    at = text.find(rule.pattern, end);
  }
}

template <class Take>
void for_each_edit(const Normalizer::Strip& rule, std::string_view text, const Take& take) {
  std::size_t begin = 0, end = text.size();
  while (rule.left && begin < end) {
    const Character first = character_at(text, begin);
    if (!is_whitespace(first.code)) break;
    begin += first.bytes;
  }
  while (rule.right && begin < end) {
    std::size_t last = end - 1;
    while (is_continuation_byte(text[last])) --last;
    if (!is_whitespace(character_at(text, last).code)) break;
    end = last;
  }
  if (begin > 0 && !take(Edit{0, begin, {}})) return;
  if (end < text.size()) take(Edit{end, text.size(), {}});
}

template <class Take>
void for_each_edit(const Normalizer::Prepend& rule, std::string_view text, const Take& take) {
  if (!text.empty()) take(Edit{0, 0, rule.text});
}

template <class Take>
void for_each_edit(const Normalizer::ReplacePattern& rule, std::string_view text, const Take& take) {
  if (rule.pattern == Normalizer::Pattern::leading_underline) {
    constexpr std::string_view underline = "▁";
    if (text.starts_with(underline)) take(Edit{0, underline.size(), rule.content});
    return;
  }
  if (rule.pattern == Normalizer::Pattern::runs_of_white_space) {
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = at, count = 0;
      for (; end < text.size(); ++count) {
        const Character character = character_at(text, end);
        if (!is_whitespace(character.code)) break;
        end += character.bytes;
      }
      const bool matches = count > 1 || (count == 1 && (text[at] == '\n' || text[at] == '\r' || text[at] == '\t'));
      if (matches && !take(Edit{at, end, rule.content})) return;
      at = count == 0 ? at + character_at(text, at).bytes : end;
    }
    return;
  }
  const bool outer = rule.pattern == Normalizer::Pattern::outer_spaces;
  for (std::size_t space = text.find(' '); space != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_not_of(' ', space), text.size());
    const bool matches = outer ? space == 0 || end == text.size() : end - space >= 2;
    if (matches && !take(Edit{space, end, rule.content})) return;
    space = text.find(' ', end);
  }
}

template <class Rule>
concept EditsText = requires(const Rule& rule) {
  for_each_edit(rule, std::string_view(), [](const Edit&) { return true; });
};

template <EditsText Rule>
void apply(const Rule& rule, std::string_view text, std::size_t longest, std::string& result) {
  result.clear();
  std::size_t at = 0;
  for_each_edit(rule, text, [&](const Edit& edit) {
    result.append(text, at, edit.begin - at);
    result += edit.content;
    at = edit.end;
    return result.size() <= longest;
  });
  result.append(text, at);
}

void apply(const Normalizer::Precompiled& charsmap, std::string_view text, std::size_t longest, std::string& result) {
  charsmap->apply(text, longest, result);
}

/// Where the bytes from `first` on come from, together.
TextRange origin_of(std::span<const TextRange> origins, std::size_t first, std::size_t count) {
  TextRange range = origins[first];
  for (const TextRange& each : origins.subspan(first, count)) range.end = std::max(range.end, each.end);
  return range;
}

template <class Rule>
AlignedText edited(const Rule& rule, const AlignedText& from) {
  AlignedText to;
  std::size_t at = 0;
  const auto copy = [&](std::size_t end) {
    to.text.append(from.text, at, end - at);
    to.origins.insert(to.origins.end(), from.origins.begin() + static_cast<std::ptrdiff_t>(at),
                      from.origins.begin() + static_cast<std::ptrdiff_t>(end));
  };
  for_each_edit(rule, from.text, [&](const Edit& edit) {
    copy(edit.begin);
    // From the last character that it replaces, as Hugging Face's tokenizers have it, or the one that it is put before.
    const TextRange origin = from.origins[edit.begin == edit.end ? edit.begin : edit.end - 1];
    to.text += edit.content;
    to.origins.resize(to.text.size(), origin);
    at = edit.end;
    return true;
  });
  copy(from.text.size());
  return to;
}

/// The result of a step that works from character to character, or from one group of characters to the next.
template <class Rule>
class StepAlignment {
 public:
  StepAlignment(const Rule& rule, const AlignedText& from, std::size_t longest)
      : rule_(rule), from_(from), longest_(longest) {}

  AlignedText operator()() {
    const std::string whole = applied(from_.text);
    // Up to a space, what stands before and behind it does not matter to most steps.
    for (std::size_t at = 0; at < from_.text.size();) {
      const std::size_t end = std::min(from_.text.find(' ', at + 1), from_.text.size());
      add_chunk(at, end);
      at = end;
    }
    if (to_.text == whole) return std::move(to_);
    return by_ends(whole);
  }

 private:
  std::string applied(std::string_view text) const {
    std::string result;
    apply(rule_, text, longest_, result);
    return result;
  }

  void add(std::string_view text, TextRange origin) {
    to_.text += text;
    to_.origins.resize(to_.text.size(), origin);
  }

  void add_chunk(std::size_t begin, std::size_t end) {
    const std::string_view text = std::string_view(from_.text).substr(begin, end - begin);
    const std::string result = applied(text);
    const auto is_alike = [](char a, char b) { return is_printable_ascii(a) && (a | 0x20) == (b | 0x20); };
    if (std::ranges::equal(text, result, is_alike)) {
      to_.text += result;
      to_.origins.insert(to_.origins.end(), from_.origins.begin() + static_cast<std::ptrdiff_t>(begin),
                         from_.origins.begin() + static_cast<std::ptrdiff_t>(end));
      return;
    }
    if (!add_characters(begin, end, false, result) && !add_characters(begin, end, true, result))
      add(result, origin_of(from_.origins, begin, end - begin));
  }

  /// Character by character, or each with the marks behind it; false where that gives something else. What a character
  /// and its marks become comes from them one by one, as Hugging Face's tokenizers have it.
  bool add_characters(std::size_t begin, std::size_t end, bool with_marks, std::string_view expected) {
    const std::size_t before = to_.text.size();
    for (std::size_t at = begin; at < end;) {
      std::size_t next = at + character_at(from_.text, at).bytes;
      while (with_marks && next < end && is_mark(character_at(from_.text, next).code))
        next += character_at(from_.text, next).bytes;
      const std::string result = applied(std::string_view(from_.text).substr(at, next - at));
      std::size_t source = at;
      for (std::size_t made = 0; made < result.size();) {
        const std::size_t bytes = character_at(result, made).bytes, of_source = character_at(from_.text, source).bytes;
        add(std::string_view(result).substr(made, bytes), origin_of(from_.origins, source, of_source));
        made += bytes;
        if (source + of_source < next) source += of_source;
      }
      at = next;
    }
    if (std::string_view(to_.text).substr(before) == expected) return true;
    to_.text.resize(before);
    to_.origins.resize(before);
    return false;
  }

  /// What is alike at both ends comes from there; what is between them, from all that is between them.
  AlignedText by_ends(const std::string& whole) const {
    const std::string& text = from_.text;
    const std::size_t most = std::min(text.size(), whole.size());
    std::size_t head = 0, tail = 0;
    while (head < most && text[head] == whole[head]) ++head;
    while (tail < most - head && text[text.size() - 1 - tail] == whole[whole.size() - 1 - tail]) ++tail;
    AlignedText to = {.text = whole,
                      .origins = {from_.origins.begin(), from_.origins.begin() + static_cast<std::ptrdiff_t>(head)}};
    const std::size_t middle = text.size() - head - tail;
    const TextRange origin = middle > 0           ? origin_of(from_.origins, head, middle)
                             : head < text.size() ? TextRange{from_.origins[head].begin, from_.origins[head].begin}
                                                  : TextRange{};
    to.origins.resize(whole.size() - tail, origin);
    to.origins.insert(to.origins.end(), from_.origins.end() - static_cast<std::ptrdiff_t>(tail), from_.origins.end());
    return to;
  }

  const Rule& rule_;
  const AlignedText& from_;
  std::size_t longest_;
  AlignedText to_;
};

}  // namespace

AlignedText AlignedText::of(std::string_view text) {
  AlignedText aligned = {.text = std::string(text), .origins = {}};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = at + character_at(text, at).bytes;
    aligned.origins.resize(end, {at, end});
    at = end;
  }
  return aligned;
}

AlignedText Normalizer::aligned(AlignedText text) const {
  const std::size_t longest = longest_result(text.text);
  for (const Step& step : steps_) {
    if (text.text.empty()) break;
    text = std::visit(
        [&]<class Rule>(const Rule& rule) {
          if constexpr (EditsText<Rule>)
            return edited(rule, text);
          else
            return StepAlignment<Rule>(rule, text, longest)();
        },
        step);
    if (text.text.size() > longest)
      throw TokenizerError("the tokenizer's normalizer makes more than " + std::to_string(longest) +
                           " bytes of a text; expected at most 32 times what it takes");
  }
  return text;
}

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
