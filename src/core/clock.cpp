#include "core/clock.hpp"

#include <algorithm>
#include <chrono>

namespace sharcs::internal {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

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
