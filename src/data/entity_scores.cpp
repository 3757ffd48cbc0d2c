#include "data/entity_scores.hpp"

#include <cassert>
#include <cmath>

namespace sharcs::internal {
namespace {

double share(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

TagCounts& TagCounts::operator+=(const TagCounts& other) {
  entities.truth += other.entities.truth;
  entities.predicted += other.entities.predicted;
  entities.right += other.entities.right;
  words += other.words;
  right_words += other.right_words;
  log_likelihood += other.log_likelihood;
  questions += other.questions;
  exact_answers += other.exact_answers;
  f1_sum += other.f1_sum;
  return *this;
}

double TagCounts::precision() const { return share(entities.right, entities.predicted); }
double TagCounts::recall() const { return share(entities.right, entities.truth); }
double TagCounts::f1() const { return share(2 * entities.right, entities.truth + entities.predicted); }
double TagCounts::word_accuracy() const { return share(right_words, words); }
double TagCounts::perplexity() const { return words == 0 ? 0 : std::exp(-log_likelihood / static_cast<double>(words)); }
double TagCounts::answer_exact_match() const {
  return questions == 0 ? 0 : exact_answers / static_cast<double>(questions);
}
double TagCounts::answer_f1() const { return questions == 0 ? 0 : f1_sum / static_cast<double>(questions); }

TagCounts count_tags(const TagSet& tags, std::span<const int> truth, std::span<const int> predicted) {
  assert(truth.size() == predicted.size());
  TagCounts counts = {.words = truth.size()};
  for (std::size_t i = 0; i < truth.size(); ++i) counts.right_words += truth[i] == predicted[i];
  if (!tags.has_entities()) return counts;
  std::vector<EntityCounts> by_type(tags.types().size());
  add_entities(tags, truth, predicted, by_type);
  for (const EntityCounts& type : by_type) {
    counts.entities.truth += type.truth;
    counts.entities.predicted += type.predicted;
    counts.entities.right += type.right;
  }
  return counts;
}

void add_entities(const TagSet& tags, std::span<const int> truth, std::span<const int> predicted,
                  std::vector<EntityCounts>& counts) {
  // Both are in the order of their last words, and no two of a text end with the same one.
  const std::vector<Entity> there = tags.entities(truth), found = tags.entities(predicted);
  auto other = found.begin();
  for (const Entity& entity : there) {
    ++counts[entity.type].truth;
    while (other != found.end() && other->last < entity.last) ++other;
    counts[entity.type].right += other != found.end() && *other == entity;
  }
  for (const Entity& entity : found) ++counts[entity.type].predicted;
}

}  // namespace sharcs::internal
