#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sharcs::internal {

/// A tag of a word, taken apart: "B-PER" has the prefix 'B' and the type "PER", "I" the type "_", "O" no type.
struct Tag {
  char prefix;
  std::string type;
  friend bool operator==(const Tag&, const Tag&) = default;
};

/// A run of words that is one name: "New York" of "in/O New/B-LOC York/I-LOC".
struct Entity {
  std::size_t type;         ///< by index, see TagSet::types()
  std::size_t first, last;  ///< its words, both included
  friend bool operator==(const Entity&, const Entity&) = default;
};

/// The tags of a task, by their index. Tags of entities are "O", or a prefix and a type: B (begins), I (inside), E or L
/// (ends), S or U (a word alone). Any other tags, such as those of parts of speech, say something of single words.
class TagSet {
 public:
  explicit TagSet(std::vector<std::string> names);

  const std::vector<std::string>& names() const { return names_; }
  /// Whether all tags are those of entities, and one of them begins an entity.
  bool has_entities() const { return !types_.empty(); }
  /// The types of entities, in the order of their bytes: "LOC", "PER". Empty without entities.
  const std::vector<std::string>& types() const { return types_; }

  /// The entities that the tags of a text stand for, as the default mode of the package seqeval reads them: IOB1, IOB2
  /// and IOBES as they are meant, of BILOU only what that mode knows ("U-PER U-PER" is one entity there). What is ill
  /// formed has a meaning, too: an I of another type begins an entity. Only where has_entities().
  std::vector<Entity> entities(std::span<const int> tags) const;

 private:
  std::vector<std::string> names_;
  std::vector<Tag> tags_;             // by index
  std::vector<std::size_t> type_of_;  // by index; of "O" the number of types
  std::vector<std::string> types_;
};

/// The parts of a tag, where it is one of entities; otherwise the prefix is NUL.
Tag parse_tag(std::string_view name);

}  // namespace sharcs::internal
