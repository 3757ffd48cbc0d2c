#include "text/vocabulary.hpp"

namespace sharcs::internal {

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
