#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "data/entity_scores.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs::internal {

/// Throws ShapeError unless so many chosen answers are one for each sample.
void require_one_answer_each(const Recording& recording, std::size_t answers);

/// The answers of a recording, with its own costs.
std::vector<Answer> answers_in(const Recording& recording);

/// Multiply-adds of the sample when it gets this answer.
double cost_of(const Recording& recording, std::size_t sample, int answer);

/// The probabilities that an answer gives to the classes or labels; none of a regression.
std::vector<float> probabilities_of(const Recording& recording, std::size_t sample, int answer);
/// Whether the answer is the true class, or exactly the true labels, of all words where these are labelled.
bool is_right(const Recording& recording, std::size_t sample, int answer);
/// 1 where the answer is right, else 0; where words are labelled, the share of them that is right; of a window F1.
double share_right(const Recording& recording, std::size_t sample, int answer);
/// Where words are labelled: what metrics_at() is made of. Of a window: as if it were all of its question's context.
TagCounts tag_counts(const Recording& recording, const TagSet& tags, std::size_t sample, int answer);
/// The same for each sample with the answer that it gets. Of windows: the first one of a question has what all of them
/// answer together, as transformers' examples put them together, and the others nothing.
std::vector<TagCounts> tag_counts(const Recording& recording, std::span<const int> answer_of_sample);
/// Whether some questions have no answer, so that "none" is one.
bool may_have_none(const Recording& recording);
/// Fills `exact` and `f1` of each answer, whose texts are there; `windows`: the samples.
void score_texts(Recording& recording, std::span<const Sample> windows);
/// The probability that the answer gives to the true class, or to the truth about the label or word that it is least
/// sure of. Of a window that of its answer where it is right, else of all others.
double true_probability(const Recording& recording, std::size_t sample, int answer);
/// How far the answer of a regression is from the true values, as value_distance().
double error_of(const Recording& recording, std::size_t sample, int answer);

/// The task's metrics when each sample gets the answer with this index. Throws ShapeError when sizes differ.
MetricMap metrics_at(const Recording& recording, std::span<const int> answer_of_sample);

/// Multiply-adds of the routing over full width's, each summed over the samples.
double cost_fraction(const Recording& recording, const Routing& routing);

/// One answer of all samples, as Routing::answer_of_sample.
std::vector<int> everything_at(const Recording& recording, int answer);

/// Throws ShapeError unless every sample has a true class or value; `purpose` ("a comparison") begins the message.
void require_labels(const Recording& recording, const std::string& purpose);

}  // namespace sharcs::internal
