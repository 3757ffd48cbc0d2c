#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sharcs/calibration.hpp"

namespace sharcs::internal {

/// "0.871 [0.850, 0.891]".
std::string estimate_text(const Estimate& estimate);

/// What compare() found, a line each: score, cost, the widths' shares of the samples, and by how much the routing
/// leads.
void print_comparison(const std::vector<OperatingPoint>& points, const Recording& recording, std::ostream& out);

/// The same as a list of objects; the routing, without "lead", is the first.
nlohmann::ordered_json comparison_json(const std::vector<OperatingPoint>& points);

}  // namespace sharcs::internal
