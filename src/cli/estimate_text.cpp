#include "cli/estimate_text.hpp"

#include "core/text_table.hpp"

namespace sharcs::internal {

std::string estimate_text(const Estimate& estimate) {
  return decimal(estimate.value, 3) + " [" + decimal(estimate.interval.low, 3) + ", " +
         decimal(estimate.interval.high, 3) + "]";
}

nlohmann::ordered_json estimate_json(const Estimate& estimate) {
  return {{"value", estimate.value}, {"interval", {estimate.interval.low, estimate.interval.high}}};
}

}  // namespace sharcs::internal
