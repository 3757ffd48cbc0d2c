#include "text/vocabulary.hpp"

#include <algorithm>

namespace sharcs::internal {

void TokenTable::insert(std::string_view token, std::int32_t id) {
  if (slots_.size() < 2 * (used_ + 1)) {
    std::vector<Slot> old(std::max<std::size_t>(16, 2 * slots_.size()));
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.id != absent)
        slots_[place_of(std::string_view(bytes_).substr(slot.offset, slot.length), slot.hash)] = slot;
  }
  const std::uint32_t hash = TokenHash(token).value();
  Slot& slot = slots_[place_of(token, hash)];
  if (slot.id == absent) {
    slot = {hash, id, static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(token.size())};
    bytes_ += token;
    ++used_;
    longest_ = std::max(longest_, token.size());
  }
  slot.id = id;
}

void Vocabulary::add(const std::string& token, std::int32_t id) {
  const std::int32_t before = ids_.find(token);
  if (before != TokenTable::absent) entries_[static_cast<std::size_t>(before)] = {};
  if (entries_.size() <= static_cast<std::size_t>(id)) entries_.resize(static_cast<std::size_t>(id) + 1);
  entries_[static_cast<std::size_t>(id)] = {token, true};
  ids_.insert(token, id);
}

bool Vocabulary::has(std::int32_t id) const {
  return id >= 0 && static_cast<std::size_t>(id) < entries_.size() && entries_[static_cast<std::size_t>(id)].used;
}

const std::string& Vocabulary::token(std::int32_t id) const {
  static const std::string nothing;
  return has(id) ? entries_[static_cast<std::size_t>(id)].token : nothing;
}

}  // namespace sharcs::internal
