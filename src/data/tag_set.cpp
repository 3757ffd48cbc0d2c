#include "data/tag_set.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sharcs::internal {
namespace {

/// What seqeval calls the type of a tag without one.
constexpr const char* no_type = "_";

/// seqeval's end_of_chunk(): whether an entity that `before` belongs to has ended before `tag`.
bool ends_before(const Tag& before, const Tag& tag) {
  if (before.prefix == 'E' || before.prefix == 'S') return true;
  if ((before.prefix == 'B' || before.prefix == 'I') && (tag.prefix == 'B' || tag.prefix == 'S' || tag.prefix == 'O'))
    return true;
  return before.prefix != 'O' && before.type != tag.type;
}

/// seqeval's start_of_chunk(): whether an entity begins with `tag`.
bool begins_with(const Tag& before, const Tag& tag) {
  if (tag.prefix == 'B' || tag.prefix == 'S') return true;
  if ((tag.prefix == 'E' || tag.prefix == 'I') &&
      (before.prefix == 'E' || before.prefix == 'S' || before.prefix == 'O'))
    return true;
  return tag.prefix != 'O' && before.type != tag.type;
}

}  // namespace

Tag parse_tag(std::string_view name) {
  const Tag none = {};
  if (name == "O") return {'O', no_type};
  constexpr std::string_view with_type = "BIESLU", alone = "BIES";
  if (name.size() == 1) return alone.find(name[0]) == alone.npos ? none : Tag{name[0], no_type};
  if (name.size() < 3 || name[1] != '-' || with_type.find(name[0]) == with_type.npos) return none;
  const std::string_view type = name.substr(2);
  // Without a type of its own, an L or U is not told from what is outside.
  if (type == no_type && alone.find(name[0]) == alone.npos) return none;
  return {name[0], std::string(type)};
}

TagSet::TagSet(std::vector<std::string> names) : names_(std::move(names)) {
  std::set<std::string> types;
  for (const std::string& name : names_) {
    tags_.push_back(parse_tag(name));
    if (tags_.back().prefix != 'O') types.insert(tags_.back().type);
  }
  const bool all = std::ranges::all_of(tags_, [](const Tag& tag) { return tag.prefix != '\0'; });
  if (!all) return;
  types_.assign(types.begin(), types.end());
  for (const Tag& tag : tags_)
    type_of_.push_back(tag.prefix == 'O'
                           ? types_.size()
                           : static_cast<std::size_t>(std::ranges::find(types_, tag.type) - types_.begin()));
}

std::vector<Entity> TagSet::entities(std::span<const int> tags) const {
  static const Tag outside = {'O', no_type};
  std::vector<Entity> found;
  const Tag* before = &outside;
  std::size_t type_before = types_.size(), first = 0;
  for (std::size_t i = 0; i <= tags.size(); ++i) {
    const auto index = i < tags.size() ? static_cast<std::size_t>(tags[i]) : 0;
    const Tag& tag = i < tags.size() ? tags_[index] : outside;
    if (ends_before(*before, tag)) found.push_back({.type = type_before, .first = first, .last = i - 1});
    if (begins_with(*before, tag)) first = i;
    before = &tag;
    if (i < tags.size()) type_before = type_of_[index];
  }
  return found;
}

}  // namespace sharcs::internal
