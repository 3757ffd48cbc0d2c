#include "data/metrics.hpp"

namespace sharcs::internal::metrics {

std::vector<MetricDefinition> pearson() { return {{.name = "pearson", .measure = correlation}}; }

}  // namespace sharcs::internal::metrics
