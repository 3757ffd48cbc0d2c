#pragma once

#include <cstdint>
#include <vector>

namespace sharcs::internal {

/// What an epoch has trained so far, repetitions counted.
struct EpochTally {
  struct OfWidth {
    std::int64_t samples = 0;
    double task_loss = 0;  ///< sums over the samples
    double router_loss = 0;
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

}  // namespace sharcs::internal
