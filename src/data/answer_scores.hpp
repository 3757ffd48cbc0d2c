#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sharcs::internal {

/// How well an answer to a question matches the true ones, as SQuAD's scripts measure it (Rajpurkar et al. 2016,
/// arXiv:1606.05250; 2018, arXiv:1806.03822).
struct AnswerScore {
  double exact = 0;  ///< 1 where it is one of them after normalized_answer(), else 0
  double f1 = 0;     ///< of its words and those of the true answer that it matches best
  friend bool operator==(const AnswerScore&, const AnswerScore&) = default;
};

/// The text as it is compared: lower case, without ASCII's punctuation, the articles a, an and the, and white space but
/// for one space between words.
std::string normalized_answer(std::string_view text);

/// `answer`: empty for "there is none". `truths`: empty where there is none. `may_have_none`: score as the script of
/// version 2 does, which counts an answer without words as none, in place of that of version 1.1.
AnswerScore score_answer(std::string_view answer, std::span<const std::string> truths, bool may_have_none);

}  // namespace sharcs::internal
