#include "train/schedule.hpp"

#include <cmath>
#include <string>

#include "core/number_range.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

Schedule::Schedule(const ScheduleOptions& options) : options_(options) {
  const auto check = [](const char* what, double value) {
    if (!(value >= 0 && std::isfinite(value)))
      throw ConfigError(std::string(what) + " is " + short_number(value) + "; expected a number ≥ 0");
  };
  check("learning rate", options.peak);
  check("number of warm-up steps", options.warmup);
  check("number of steps", options.total);
}

double Schedule::learning_rate(double done) const {
  if (done < options_.warmup) return options_.peak * (done / options_.warmup);
  if (options_.shape == ScheduleShape::constant) return options_.peak;
  // A warm-up that reaches the end leaves nothing to come down: the rate is 0 from there on.
  if (done >= options_.total) return 0;
  return options_.peak * ((options_.total - done) / (options_.total - options_.warmup));
}

}  // namespace sharcs::internal
