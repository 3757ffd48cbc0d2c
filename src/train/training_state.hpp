#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/number.hpp"
#include "sharcs/trainer.hpp"

namespace sharcs::internal {

/// What an epoch has trained so far. A repeated sample counts each time.
struct EpochTally {
  struct OfWidth {
    std::int64_t samples = 0;
    double task_loss = 0;  ///< sum over the samples
    double router_loss = 0;

    /// NaN when there are no samples.
    double mean_task_loss() const { return mean(task_loss); }
    double mean_router_loss() const { return mean(router_loss); }

   private:
    double mean(double sum) const { return samples > 0 ? sum / static_cast<double>(samples) : nan; }
  };
  std::vector<OfWidth> widths = {};  ///< ascending by width
  std::int64_t tokens = 0;
  double seconds = 0;
  double learning_rate = 0;  ///< of the last step

  OfWidth total() const {
    OfWidth sum;
    for (const OfWidth& width : widths) {
      sum.samples += width.samples;
      sum.task_loss += width.task_loss;
      sum.router_loss += width.router_loss;
    }
    return sum;
  }
};

/// How far a run has come. A checkpoint holds this, the parameters, AdamW's moments and the hardness history. Nothing
/// else changes from step to step: random numbers come from the seed and the number of the step, not from a generator
/// that would have to be saved.
struct TrainingState {
  int epoch = 1;                 ///< the running epoch, from 1; after the last one, one more than there are
  std::int64_t step = 0;         ///< optimizer steps of this epoch that are done
  std::int64_t total_steps = 0;  ///< optimizer steps of all epochs that are done
  EpochTally tally = {};         ///< of this epoch
  std::vector<std::int32_t> widths_before = {};  ///< for each sample the width that the epoch before trained it at
  std::optional<EpochRecord> best = {};          ///< the best epoch so far
  std::optional<EpochRecord> last = {};          ///< the last finished epoch
};

}  // namespace sharcs::internal
