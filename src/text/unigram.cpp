#include "text/unigram.hpp"

#include <algorithm>
#include <utility>

#include "text/unicode.hpp"

namespace sharcs::internal {

Unigram::Unigram(const Vocabulary& vocabulary, std::vector<double> scores, std::int32_t unknown)
    : scores_(std::move(scores)),
      unknown_(unknown),
      unknown_score_(*std::min_element(scores_.begin(), scores_.end()) - 10) {  // SentencePiece's penalty
  for (std::size_t i = 0; i < vocabulary.size(); ++i)
    if (const auto id = static_cast<std::int32_t>(i); vocabulary.has(id)) pieces_.insert(vocabulary.token(id), id);
}

void Unigram::encode(std::string_view word, std::vector<std::int32_t>& ids, std::vector<std::size_t>* ends) const {
  // The best pieces up to each place in the word, from left to right; of two equally good ways, the one found first.
  struct Way {
    double score = 0;
    std::size_t start = 0;  // of the last piece
    std::int32_t id = TokenTable::absent;
  };
  std::vector<Way> ways(word.size() + 1);
  for (std::size_t start = 0; start < word.size();) {
    const auto reach = [&](std::size_t end, std::int32_t id, double score) {
      const double sum = ways[start].score + score;
      if (ways[end].id == TokenTable::absent || sum > ways[end].score) ways[end] = {sum, start, id};
    };
    const std::size_t next = start + character_at(word, start).bytes;
    const std::size_t last = std::min(word.size(), start + pieces_.longest());
    bool covered = false;  // whether the character at `start` is a piece
    TokenHash hash;
    for (std::size_t end = start; end < last;) {
      hash.append(word[end++]);
      if (end < word.size() && is_continuation_byte(word[end])) continue;
      const std::int32_t id = pieces_.find(word.substr(start, end - start), hash);
      if (id == TokenTable::absent) continue;
      reach(end, id, scores_[static_cast<std::size_t>(id)]);
      covered = covered || end == next;
    }
    if (!covered) reach(next, unknown_, unknown_score_);
    start = next;
  }

  const std::size_t before = ids.size(), ends_before = ends != nullptr ? ends->size() : 0;
  for (std::size_t end = word.size(); end > 0; end = ways[end].start) {
    const bool fused = ways[end].id == unknown_ && ids.size() > before && ids.back() == unknown_;
    if (fused) continue;
    ids.push_back(ways[end].id);
    if (ends != nullptr) ends->push_back(end);
  }
  std::reverse(ids.begin() + static_cast<std::ptrdiff_t>(before), ids.end());
  if (ends != nullptr) std::reverse(ends->begin() + static_cast<std::ptrdiff_t>(ends_before), ends->end());
}

}  // namespace sharcs::internal
