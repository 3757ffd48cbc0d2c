#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sharcs::internal {

/// The settings of one run of a sweep.
struct GridPoint {
  /// The name of the run's folder: "window=3,seed=1". It follows from the settings alone, so that a run keeps its name
  /// when more values are added to the grid.
  std::string name;
  /// Keys like "training.window" with their values, in the grid's order.
  std::vector<std::pair<std::string, nlohmann::ordered_json>> settings;
};

/// All combinations of the values in a grid. {"training.window": [1, 3], "training.seed": [1, 2]} gives four, with the
/// seed changing first. A list of grids gives the combinations of each, for settings that belong together: two widths
/// with thresholds for two, three widths with thresholds for three.
///
/// Throws ConfigError when `grid` is not a grid, is empty, or has a value twice; `file` begins the message.
std::vector<GridPoint> grid_points(const nlohmann::ordered_json& grid, const std::string& file);

}  // namespace sharcs::internal
