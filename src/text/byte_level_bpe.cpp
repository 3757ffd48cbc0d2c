#include "text/byte_level_bpe.hpp"

#include <queue>
#include <utility>

#include "text/unicode.hpp"

namespace sharcs::internal {
namespace {

struct ByteAlphabet {
  std::array<char32_t, 256> character;
  std::array<std::int16_t, 0x144> byte;  // -1 for characters that spell none

  ByteAlphabet() {
    byte.fill(-1);
    char32_t next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b != 0xAD);
      character[b] = printable ? b : next++;
      byte[character[b]] = static_cast<std::int16_t>(b);
    }
  }
};

const ByteAlphabet& byte_alphabet() {
  static const ByteAlphabet alphabet;
  return alphabet;
}

std::uint64_t pair_of(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
}

}  // namespace

std::string spell_bytes(std::string_view bytes) {
  std::string spelling;
  for (const char byte : bytes) append_utf8(byte_alphabet().character[static_cast<unsigned char>(byte)], spelling);
  return spelling;
}

std::optional<std::string> spelled_bytes(std::string_view spelling) {
  const ByteAlphabet& alphabet = byte_alphabet();
  std::string bytes;
  for (std::size_t at = 0; at < spelling.size();) {
    const Character character = character_at(spelling, at);
    if (character.code >= alphabet.byte.size() || alphabet.byte[character.code] < 0) return std::nullopt;
    bytes += static_cast<char>(alphabet.byte[character.code]);
    at += character.bytes;
  }
  return bytes;
}

ByteLevelBpe::ByteLevelBpe(const Vocabulary& vocabulary, std::vector<Merge> merges, Settings settings)
    : merges_(std::move(merges)), settings_(std::move(settings)) {
  for (unsigned byte = 0; byte < 256; ++byte)
    byte_ids_[byte] = vocabulary.id(spell_bytes(std::string(1, static_cast<char>(byte))));
  if (settings_.unknown_token) unknown_ = vocabulary.id(*settings_.unknown_token);

  std::size_t slots = 16;
  while (slots < 2 * merges_.size()) slots *= 2;
  ranks_.resize(slots);
  for (std::size_t rank = 0; rank < merges_.size(); ++rank) {
    const std::uint64_t pair = pair_of(merges_[rank].left, merges_[rank].right);
    ranks_[place_of(pair)] = {pair, static_cast<std::int32_t>(rank), merges_[rank].result};
  }

  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    const auto id = static_cast<std::int32_t>(i);
    const auto bytes = spelled_bytes(vocabulary.token(id));
    if (!bytes || bytes->empty()) continue;
    ids.clear();
    merge(*bytes, ids, nullptr);
    if (settings_.ignore_merges || (ids.size() == 1 && ids.front() == id)) whole_words_.insert(*bytes, id);
  }
}

std::size_t ByteLevelBpe::place_of(std::uint64_t pair) const {
  std::size_t at = (pair * 0x9E3779B97F4A7C15u) >> 32 & (ranks_.size() - 1);
  while (ranks_[at].pair != pair && ranks_[at].pair != RankedMerge{}.pair) at = (at + 1) & (ranks_.size() - 1);
  return at;
}

const ByteLevelBpe::RankedMerge* ByteLevelBpe::find(std::int32_t left, std::int32_t right) const {
  const std::uint64_t pair = pair_of(left, right);
  const RankedMerge& found = ranks_[place_of(pair)];
  return found.pair == pair ? &found : nullptr;
}

void ByteLevelBpe::encode(std::string_view word, std::vector<std::int32_t>& ids, std::vector<std::size_t>* ends) const {
  if (word.size() <= whole_words_.longest())
    if (const std::int32_t id = whole_words_.find(word); id != TokenTable::absent) {
      ids.push_back(id);
      if (ends != nullptr) ends->push_back(word.size());
      return;
    }
  merge(word, ids, ends);
}

void ByteLevelBpe::merge(std::string_view word, std::vector<std::int32_t>& ids, std::vector<std::size_t>* ends) const {
  constexpr std::int32_t gone = -1;
  struct Symbol {
    std::int32_t id, previous, next;  // places in the list; -1: none
    std::size_t end;                  // the byte of the word that it ends before
  };
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  bool after_unknown = false;
  for (std::size_t at = 0; at < word.size(); ++at) {
    const std::int32_t id = byte_ids_[static_cast<unsigned char>(word[at])];
    const bool known = id != TokenTable::absent;
    if (known || (unknown_ != TokenTable::absent && !(after_unknown && settings_.fuse_unknown))) {
      const auto place = static_cast<std::int32_t>(symbols.size());
      symbols.push_back({known ? id : unknown_, place - 1, place + 1, at + 1});
    } else if (!symbols.empty()) {
      symbols.back().end = at + 1;  // a byte without a token counts to the one before
    }
    after_unknown = !known;
  }
  if (symbols.empty()) return;
  symbols.back().next = -1;

  struct Candidate {
    std::int32_t rank, place, result;
    bool operator<(const Candidate& other) const {  // the queue's top is its largest
      return rank != other.rank ? rank > other.rank : place > other.place;
    }
  };
  std::priority_queue<Candidate> queue;
  const auto consider = [&](std::int32_t place) {
    if (place < 0 || symbols[static_cast<std::size_t>(place)].next < 0) return;
    const Symbol& left = symbols[static_cast<std::size_t>(place)];
    const Symbol& right = symbols[static_cast<std::size_t>(left.next)];
    if (const RankedMerge* found = find(left.id, right.id)) queue.push({found->rank, place, found->result});
  };
  for (std::size_t place = 0; place + 1 < symbols.size(); ++place) consider(static_cast<std::int32_t>(place));

  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[static_cast<std::size_t>(best.place)];
    if (left.id == gone || left.next < 0) continue;
    Symbol& right = symbols[static_cast<std::size_t>(left.next)];
    // An earlier merge may have changed one of the two: the candidate is then out of date.
    const RankedMerge* now = find(left.id, right.id);
    if (now == nullptr || now->result != best.result) continue;
    left.id = best.result;
    left.next = right.next;
    left.end = right.end;
    right.id = gone;
    if (left.next >= 0) symbols[static_cast<std::size_t>(left.next)].previous = best.place;
    consider(left.previous);
    consider(best.place);
  }
  for (const Symbol& symbol : symbols) {
    if (symbol.id == gone) continue;
    ids.push_back(symbol.id);
    if (ends != nullptr) ends->push_back(symbol.end);
  }
}

}  // namespace sharcs::internal
