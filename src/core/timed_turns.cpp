#include "core/timed_turns.hpp"

#include <algorithm>

namespace sharcs::internal {

std::vector<std::vector<double>> time_in_turns(std::span<const std::function<double()>> runs,
                                               const TurnOptions& options) {
  std::vector<std::vector<double>> seconds(runs.size());
  double spent = 0;
  for (int round = 0; round < options.least_rounds || spent < options.least_seconds; ++round)
    for (std::size_t i = 0; i < runs.size(); ++i) {
      seconds[i].push_back(runs[i]());
      spent += seconds[i].back();
    }
  for (std::vector<double>& of_run : seconds) std::ranges::sort(of_run);
  return seconds;
}

double median_of(const std::vector<double>& ascending) { return ascending[ascending.size() / 2]; }

}  // namespace sharcs::internal
