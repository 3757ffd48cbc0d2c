#include <algorithm>
#include <cmath>

#include "core/number.hpp"
#include "sharcs/error.hpp"
#include "sharcs/policy.hpp"

namespace sharcs {
using namespace internal;

PolicyTimes::PolicyTimes(std::vector<Row> rows) : rows_(std::move(rows)) {
  if (rows_.empty()) throw ConfigError("the times of no policy; expected at least one");
  for (const Row& row : rows_)
    for (const double time : {row.call, row.token})
      if (!(time >= 0) || !std::isfinite(time))
        throw ConfigError("the policy \"" + row.policy.name() + "\" takes " + short_number(time) +
                          " seconds; expected 0 or more");
}

const PolicyTimes::Row& PolicyTimes::choose(std::size_t tokens, double seconds) const {
  const auto in_time = std::ranges::find_if(rows_, [&](const Row& row) { return row.of(tokens) <= seconds; });
  if (in_time != rows_.end()) return *in_time;
  return *std::ranges::min_element(rows_, {}, [&](const Row& row) { return row.of(tokens); });
}

}  // namespace sharcs
