#include "cli/setting_grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "core/quote.hpp"
#include "io/checksum.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_points = 10000;
constexpr std::size_t longest_name = 100;

std::string text_of(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// "[[0.8, 1.01], [0, 0.8]]" as "0.8_1.01_0_0.8".
std::string name_of(const Json& value) {
  std::string name;
  for (const char c : value.is_string() ? value.get<std::string>() : text_of(value)) {
    if (c == '[' || c == ']' || c == '"') continue;
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    name += plain || c == '.' || c == '-' || c == '+' ? c : '_';
  }
  return name;
}

std::string last_part(const std::string& key) { return key.substr(key.rfind('.') + 1); }

std::string name_of(const GridPoint& point) {
  std::map<std::string, int> uses;
  for (const auto& [key, value] : point.settings) ++uses[last_part(key)];
  std::string name;
  for (const auto& [key, value] : point.settings)
    name += (name.empty() ? "" : ",") + (uses[last_part(key)] > 1 ? key : last_part(key)) + "=" + name_of(value);
  return name;
}

/// Tells apart what a name does not.
std::string digest_of(const GridPoint& point) {
  std::string all;
  for (const auto& [key, value] : point.settings) all += key + "=" + text_of(value) + "\n";
  return fmt::format("{:016x}", checksum(std::as_bytes(std::span(all)))).substr(0, 8);
}

void check_key(const std::string& key, const std::string& place) {
  const std::size_t dot = key.find('.');
  const std::string section = key.substr(0, dot);
  const bool whole =
      dot != std::string::npos && dot + 1 < key.size() && key.find("..") == std::string::npos && key.back() != '.';
  if (!whole || (section != "model" && section != "tokenizer" && section != "training"))
    throw ConfigError(place + ": " + quote(key) +
                      " is no setting of a training; expected a key of model, tokenizer or training, as in " +
                      "training.window");
}

/// place: "sweep.json: \"grid\"".
void add_points(const Json& grid, const std::string& place, std::vector<GridPoint>& points) {
  if (!grid.is_object())
    throw ConfigError(place + " is a JSON " + grid.type_name() +
                      "; expected an object of settings with lists of values, as in {\"training.window\": [1, 3]}");
  std::vector<GridPoint> own = {{}};
  for (const auto& [key, values] : grid.items()) {
    check_key(key, place);
    const std::string here = place + ", " + quote(key);
    if (!values.is_array() || values.empty())
      throw ConfigError(here + " is " + text_of(values) + "; expected a list of values");
    std::vector<GridPoint> longer;
    for (const GridPoint& point : own)
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::find(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(i), values[i]) !=
            values.begin() + static_cast<std::ptrdiff_t>(i))
          throw ConfigError(here + " has " + text_of(values[i]) + " twice");
        longer.push_back(point);
        longer.back().settings.emplace_back(key, values[i]);
      }
    own = std::move(longer);
    if (points.size() + own.size() > most_points)
      throw ConfigError(place + " has more than " + std::to_string(most_points) + " combinations");
  }
  if (grid.empty()) throw ConfigError(place + " is empty; expected settings with lists of values");
  std::ranges::move(own, std::back_inserter(points));
}

}  // namespace

std::vector<GridPoint> grid_points(const Json& grid, const std::string& file) {
  const std::string place = file + ": \"grid\"";
  std::vector<GridPoint> points;
  if (grid.is_array())
    for (std::size_t i = 0; i < grid.size(); ++i)
      add_points(grid[i], file + ": \"grid[" + std::to_string(i) + "]\"", points);
  else
    add_points(grid, place, points);
  if (points.empty()) throw ConfigError(place + " is empty; expected settings with lists of values");

  std::map<std::string, int> uses;
  std::set<std::string> digests;
  for (GridPoint& point : points) {
    point.name = name_of(point);
    ++uses[point.name];
    if (!digests.insert(digest_of(point)).second) throw ConfigError(place + " has " + quote(point.name) + " twice");
  }
  for (GridPoint& point : points)
    if (uses[point.name] > 1 || point.name.size() > longest_name)
      point.name = point.name.substr(0, longest_name) + "-" + digest_of(point);
  return points;
}

}  // namespace sharcs::internal
