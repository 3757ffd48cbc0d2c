#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>

#include "sharcs/comparison.hpp"

namespace sharcs::internal {

/// A routing beside its baselines, a line each: score, cost, shares of the widths, and by how much the routing leads.
/// widths: the model's, ascending, as fractions.
void print(const Comparison& comparison, const Task& task, const std::vector<double>& widths, std::ostream& out);

/// The baselines as a list of objects; the routing, without "lead", is the first.
nlohmann::ordered_json json_of(const Comparison& comparison);

}  // namespace sharcs::internal
