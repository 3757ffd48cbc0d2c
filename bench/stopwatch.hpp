#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "options.hpp"

namespace sharcs::bench {

/// Something to be timed beside others.
struct Contender {
  std::string name;
  std::function<void()> run;
  /// Seconds of rest after its turn: a library whose idle threads spin for a while would slow down the next contender.
  double rest = 0;
};

/// Seconds of one call.
struct Timing {
  double best;
  double median;
};

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Times the contenders in turns, so that what else happens on the machine meets all of them alike.
inline std::vector<Timing> race(const std::vector<Contender>& contenders, const Options& options) {
  const double turn = options.seconds / options.rounds;
  std::vector<std::vector<double>> times(contenders.size());
  for (int round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      contenders[i].run();  // brings its data into the caches
      const double begin = now();
      contenders[i].run();
      // As many calls a reading as make the clock's own cost vanish.
      const int calls = std::clamp(static_cast<int>(2e-5 / std::max(now() - begin, 1e-9)), 1, 10000);
      do {
        const double start = now();
        for (int call = 0; call < calls; ++call) contenders[i].run();
        times[i].push_back((now() - start) / calls);
      } while (now() - begin < turn);
      if (contenders[i].rest > 0) std::this_thread::sleep_for(std::chrono::duration<double>(contenders[i].rest));
    }
  }
  std::vector<Timing> timings;
  for (auto& t : times) {
    std::sort(t.begin(), t.end());
    timings.push_back({t.front(), t[t.size() / 2]});
  }
  return timings;
}

}  // namespace sharcs::bench
