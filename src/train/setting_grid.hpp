#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sharcs::internal {

/// What a run of a sweep has of its own.
struct GridPoint {
  /// Made of the settings alone, so that a run keeps it when values are added to the grid; fit for a folder:
  /// "window=3,seed=1".
  std::string name;
  /// "training.window" and the like with their values, in the grid's order.
  std::vector<std::pair<std::string, nlohmann::ordered_json>> settings;
};

/// All combinations of the values in a grid: {"training.window": [1, 3], "training.seed": [1, 2]}. The last key changes
/// fastest. A list of grids is their union, for settings that only fit together: widths and thresholds for them.
///
/// Throws ConfigError for what is no grid, is empty or says the same twice; `file` stands before the place in messages.
std::vector<GridPoint> grid_points(const nlohmann::ordered_json& grid, const std::string& file);

}  // namespace sharcs::internal
