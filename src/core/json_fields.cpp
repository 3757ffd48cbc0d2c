#include "core/json_fields.hpp"

#include <cmath>
#include <limits>

#include "core/nan.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

using nlohmann::json;
using nlohmann::ordered_json;

ordered_json finite_or_null(double value) { return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr); }

JsonFields::JsonFields(const json& object, std::string place, std::string path)
    : object_(object), place_(std::move(place)), path_(std::move(path)) {
  if (!object_.is_object()) fail_at(path_.empty() ? path_ : path_.substr(0, path_.size() - 1), object_, "an object");
}

double JsonFields::number(const std::string& key) const { return number(at(key, "a number or null"), path_ + key); }

std::int64_t JsonFields::count(const std::string& key) const { return count(at(key, "an integer ≥ 0"), path_ + key); }

std::int64_t JsonFields::index(const std::string& key, std::size_t end) const {
  const std::int64_t found = count(key);
  if (static_cast<std::uint64_t>(found) >= end) fail(key, "an integer less than " + std::to_string(end));
  return found;
}

bool JsonFields::flag(const std::string& key) const {
  const json& found = at(key, "true or false");
  if (!found.is_boolean()) fail_at(path_ + key, found, "true or false");
  return found.get<bool>();
}

std::string JsonFields::text(const std::string& key) const {
  const json& found = at(key, "a text");
  if (!found.is_string()) fail_at(path_ + key, found, "a text");
  return found.get<std::string>();
}

JsonFields JsonFields::object(const std::string& key) const {
  return {at(key, "an object"), place_, path_ + key + "."};
}

std::vector<double> JsonFields::numbers(const std::string& key) const {
  std::vector<double> numbers;
  for (const json& element : list(key)) numbers.push_back(number(element, path_ + key));
  return numbers;
}

std::vector<double> JsonFields::numbers(const std::string& key, std::size_t size) const {
  if (list(key).size() != size) fail(key, "a list of " + std::to_string(size));
  return numbers(key);
}

std::vector<std::string> JsonFields::texts(const std::string& key) const {
  std::vector<std::string> texts;
  for (const json& element : list(key)) {
    if (!element.is_string()) fail_at(path_ + key, element, "a text");
    texts.push_back(element.get<std::string>());
  }
  return texts;
}

std::vector<int> JsonFields::indices(const std::string& key, std::size_t size, std::size_t end) const {
  std::vector<int> indices;
  if (list(key).size() != size) fail(key, "a list of " + std::to_string(size));
  for (const json& element : list(key)) {
    const std::int64_t found = count(element, path_ + key);
    if (static_cast<std::uint64_t>(found) >= end) fail(key, "integers less than " + std::to_string(end));
    indices.push_back(static_cast<int>(found));
  }
  return indices;
}

std::vector<std::vector<std::int64_t>> JsonFields::square(const std::string& key, std::size_t size) const {
  const json& rows = list(key);
  std::vector<std::vector<std::int64_t>> counts;
  const std::string expected = std::to_string(size) + " rows of " + std::to_string(size) + " integers ≥ 0, or none";
  if (!rows.empty() && rows.size() != size) fail(key, expected);
  for (const json& row : rows) {
    if (!row.is_array() || row.size() != size) fail(key, expected);
    counts.emplace_back();
    for (const json& element : row) counts.back().push_back(count(element, path_ + key));
  }
  return counts;
}

void JsonFields::fail(const std::string& key, const std::string& expected) const {
  fail_at(path_ + key, at(key, expected), expected);
}

const json& JsonFields::at(const std::string& key, const std::string& expected) const {
  const auto found = object_.find(key);
  if (found == object_.end()) throw DataError(place_ + ": \"" + path_ + key + "\" is absent; expected " + expected);
  return *found;
}

const json& JsonFields::list(const std::string& key) const {
  const json& found = at(key, "a list");
  if (!found.is_array()) fail_at(path_ + key, found, "a list");
  return found;
}

double JsonFields::number(const json& found, const std::string& path) const {
  if (found.is_null()) return nan;
  if (!found.is_number()) fail_at(path, found, "a number or null");
  return found.get<double>();
}

std::int64_t JsonFields::count(const json& found, const std::string& path) const {
  if (!found.is_number_integer() || found < 0 || found > std::numeric_limits<std::int64_t>::max())
    fail_at(path, found, "an integer ≥ 0");
  return found.get<std::int64_t>();
}

void JsonFields::fail_at(const std::string& path, const json& found, const std::string& expected) const {
  std::string text = found.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > 60) text = "a long " + std::string(found.type_name());
  throw DataError(place_ + ": " + (path.empty() ? "found " : "\"" + path + "\" is ") + text +
                  (path.empty() ? ", expected " : "; expected ") + expected);
}

}  // namespace sharcs::internal
