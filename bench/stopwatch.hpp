#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "options.hpp"

namespace sharcs::internal::bench {

/// Something to be timed beside others.
struct Contender {
  std::string name;
  std::function<void()> run;
  /// Seconds of rest after its turn: a library whose idle threads spin for a while would slow down the next contender.
  double rest = 0;
};

/// The middle one; of an even number the greater of both.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Seconds of one call.
struct Timing {
  double best = 0;
  double median = 0;
  std::vector<double> best_of_turn = {};

  /// This time over `other`'s, the median over the turns: clock rates and what else runs change from turn to turn, but
  /// hardly within one.
  double over(const Timing& other) const {
    std::vector<double> ratios;
    for (std::size_t turn = 0; turn < best_of_turn.size(); ++turn)
      ratios.push_back(best_of_turn[turn] / other.best_of_turn[turn]);
    return bench::median(std::move(ratios));
  }
};

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Times the contenders in turns, so that what else happens on the machine meets all of them alike.
inline std::vector<Timing> race(const std::vector<Contender>& contenders, const Options& options) {
  const double turn = options.seconds / options.rounds;
  std::vector<std::vector<double>> times(contenders.size());
  std::vector<Timing> timings(contenders.size());
  for (int round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      contenders[i].run();  // brings its data into the caches
      const double begin = now();
      contenders[i].run();
      // As many calls a reading as make the clock's own cost vanish.
      const int calls = std::clamp(static_cast<int>(2e-5 / std::max(now() - begin, 1e-9)), 1, 10000);
      const auto first = static_cast<std::ptrdiff_t>(times[i].size());
      do {
        const double start = now();
        for (int call = 0; call < calls; ++call) contenders[i].run();
        times[i].push_back((now() - start) / calls);
      } while (now() - begin < turn);
      timings[i].best_of_turn.push_back(*std::min_element(times[i].begin() + first, times[i].end()));
      if (contenders[i].rest > 0) std::this_thread::sleep_for(std::chrono::duration<double>(contenders[i].rest));
    }
  }
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    timings[i].best = *std::min_element(times[i].begin(), times[i].end());
    timings[i].median = median(std::move(times[i]));
  }
  return timings;
}

}  // namespace sharcs::internal::bench
