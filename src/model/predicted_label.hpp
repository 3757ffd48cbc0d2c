#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "core/matrix_view.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal {

// What logits say, for each kind of model. A multi-label model gives each label a probability of its own, the sigmoid
// of its logit. Its answer is a set of labels, written as an int: bit i is label i. The answer 0 is "none of them".

/// So many labels have a bit in such an int.
inline constexpr std::size_t most_labels_in_set = 31;

/// Whether label number `label` is in the set.
inline bool is_in_set(int set, std::size_t label) { return ((set >> label) & 1) != 0; }
/// The labels of the set, ascending.
std::vector<int> labels_in_set(int set);

/// "tokens", "texts", "answers in a text" or "masked tokens", for messages.
const char* what_is_labelled(const ModelConfig& config);

/// Whether a model labels what a task of this kind does, by the class of its head alone.
bool fits(TaskKind kind, const ModelConfig& config);

inline double sigmoid(double logit) { return 1 / (1 + std::exp(-logit)); }

/// The class with the largest logit, the first of equals. Multi-label: the set of labels whose probability is above the
/// model's threshold. 0 for a regression, and for more labels than fit a set.
template <class T>
int predicted_label(const ModelConfig& config, std::span<const T> logits);

/// Multi-label: all labels whose probability is above the model's threshold, ascending. Else none.
std::vector<int> labels_above_threshold(const ModelConfig& config, std::span<const float> probabilities);

/// Of a model that labels tokens: the label of each token, of logits [tokens, labels]; of masked ones the tokens of the
/// vocabulary. Of one that finds answers: the
/// rows where the answer begins and ends, twice 0 where there is none.
std::vector<int> predicted_labels(const ModelConfig& config, std::span<const float> logits);

/// Softmax of the logits, of each token's where tokens are labelled, of each column where answers are found;
/// multi-label: the sigmoid of each; none for a regression.
std::vector<float> probabilities_of(const ModelConfig& config, std::span<const float> logits);

/// How sure an answer with these probabilities is: its class's probability. Multi-label: that of its least sure label,
/// max(p, 1 - p).
double surest(bool multi_label, std::span<const float> probabilities);

/// The same for a model of any kind. Where tokens are labelled: of the least sure token.
double surest(const ModelConfig& config, std::span<const float> probabilities);

/// The probability that is given to the true class. Multi-label: the least of those given to the truth about each
/// label, p where it holds and 1 - p where it does not.
double probability_of_truth(const ModelConfig& config, std::span<const float> probabilities, int label);

}  // namespace sharcs::internal
