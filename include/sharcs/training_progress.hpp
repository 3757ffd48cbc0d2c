#pragma once

#include <cstdint>
#include <vector>

namespace [[gnu::visibility("default")]] sharcs {

/// Where training stands, after a step.
struct TrainingProgress {
  int epoch = 1;  ///< from 1
  int epochs = 1;
  std::int64_t step = 0;   ///< optimizer steps of this epoch done
  std::int64_t steps = 0;  ///< of how many
  double loss_task = 0;    ///< running mean over the epoch
  double loss_router = 0;  ///< the same; NaN while there are no labels
  double learning_rate = 0;
  double samples_per_second = 0;          ///< of this epoch so far
  double seconds_left = 0;                ///< of the whole training; NaN while nothing is known
  std::vector<double> widths = {};        ///< the model's, ascending, as fractions
  std::vector<double> width_shares = {};  ///< share of this epoch's training samples at each
};

}  // namespace gnu::visibility("default")]]sharcs
