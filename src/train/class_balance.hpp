#pragma once

#include <span>
#include <vector>

#include "data/tokenized_dataset.hpp"
#include "sharcs/training_options.hpp"

namespace sharcs::internal {

/// What makes a training learn rare classes, too. Weights alone do not: where one sample of a hundred has the rare
/// class, most batches have none, and in the others its gradient is so long that it is scaled down. So its samples come
/// several times an epoch, and weights do the rest.
struct ClassBalance {
  /// How often a sample of each class occurs in an epoch; empty: once.
  std::vector<int> copies = {};
  /// Factors of the classes' losses, whose mean over what an epoch shows is 1; empty: 1 each.
  std::vector<float> weights = {};

  /// How often each sample occurs; empty: once. Nothing for a regression.
  std::vector<int> copies_of(std::span<const std::int32_t> labels) const;
};

/// For the labels of a training set; `classes`: how many there are. A class of less than a fifth of an even share gets
/// so many copies that it has that fifth, at most ten.
ClassBalance class_balance(std::span<const std::int32_t> labels, int classes, ClassWeights how);

}  // namespace sharcs::internal
