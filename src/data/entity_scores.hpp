#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "data/tag_set.hpp"

namespace sharcs::internal {

/// Entities of one type, or of all: how many there are, how many were predicted, and how many of these are right, that
/// is of the same type and with the same first and last word.
struct EntityCounts {
  std::size_t truth = 0, predicted = 0, right = 0;
  friend bool operator==(const EntityCounts&, const EntityCounts&) = default;
};

/// What the metrics of tags, those of answers and those of masked tokens are made of, summed over texts.
struct TagCounts {
  EntityCounts entities = {};              ///< of all types; none where the tags are not those of entities
  std::size_t words = 0, right_words = 0;  ///< or masked tokens
  double log_likelihood = 0;               ///< of masked tokens: the logarithms of the true ones' probabilities, summed
  std::size_t questions = 0;               ///< that were answered
  double exact_answers = 0, f1_sum = 0;    ///< their AnswerScore, summed

  TagCounts& operator+=(const TagCounts& other);
  friend bool operator==(const TagCounts&, const TagCounts&) = default;

  // Of the entities, as seqeval's overall ones; 0 where nothing is divided by.
  double precision() const;
  double recall() const;
  double f1() const;
  double word_accuracy() const;  ///< share of the words with the right tag, or of the masked tokens; 0 without any
  double perplexity() const;     ///< exp(-log_likelihood / words); 0 without any
  // Means over the questions; 0 without any.
  double answer_exact_match() const;
  double answer_f1() const;
};

/// Counts one text's entities and words. `truth` and `predicted`: a tag for each word, by index.
TagCounts count_tags(const TagSet& tags, std::span<const int> truth, std::span<const int> predicted);

/// The same for each type of TagSet::types(); added to `counts`, which has an element for each.
void add_entities(const TagSet& tags, std::span<const int> truth, std::span<const int> predicted,
                  std::vector<EntityCounts>& counts);

}  // namespace sharcs::internal
