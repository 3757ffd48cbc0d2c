#include "core/json_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "sharcs/error.hpp"

namespace sharcs::internal {

using nlohmann::json;

std::string short_number(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

std::string invalid_json(const json::parse_error& error, std::string_view text, const std::string& name) {
  const std::string_view before = text.substr(0, error.byte > 0 ? error.byte - 1 : 0);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  return name + ":" + std::to_string(line) + ": not valid JSON at byte " + std::to_string(error.byte) +
         "; expected a JSON object";
}

JsonReader::JsonReader(std::string_view text, std::string name) : name_(std::move(name)) {
  try {
    object_ = json::parse(text);
  } catch (const json::parse_error& error) {
    throw ConfigError(invalid_json(error, text, name_));
  }
  if (!object_.is_object()) throw ConfigError(name_ + ": found a JSON " + object_.type_name() + ", expected an object");
}

JsonReader::JsonReader(json object, std::string name, std::string prefix)
    : object_(std::move(object)), name_(std::move(name)), prefix_(std::move(prefix)) {
  if (!object_.is_object())
    throw ConfigError(name_ + ": \"" + prefix_.substr(0, prefix_.size() - 1) + "\" is a JSON " + object_.type_name() +
                      "; expected an object");
}

bool JsonReader::has(const std::string& key) const { return object_.contains(key) && !object_.at(key).is_null(); }

const json* JsonReader::find(const std::string& key) {
  asked_.insert(key);
  const auto at = object_.find(key);
  return at == object_.end() || at->is_null() ? nullptr : &*at;
}

void JsonReader::fail(const std::string& key, const std::string& expected) const {
  std::string found =
      object_.contains(key) ? object_.at(key).dump(-1, ' ', false, json::error_handler_t::replace) : "absent";
  if (found.size() > 60) found = found.substr(0, 57) + "...";
  throw ConfigError(name_ + ": \"" + prefix_ + key + "\" is " + found + "; expected " + expected);
}

bool JsonReader::read(const std::string& key, int& value, int minimum, int maximum) {
  const json* found = find(key);
  if (found == nullptr) return false;
  const std::string expected = "an integer from " + std::to_string(minimum) + " to " + std::to_string(maximum);
  if (!found->is_number()) fail(key, expected);
  const double number = found->get<double>();
  if (number != std::floor(number) || number < minimum || number > maximum) fail(key, expected);
  value = static_cast<int>(number);
  return true;
}

bool JsonReader::read(const std::string& key, double& value, double minimum, double maximum) {
  const json* found = find(key);
  if (found == nullptr) return false;
  const std::string expected = "a number from " + short_number(minimum) + " to " + short_number(maximum);
  if (!found->is_number()) fail(key, expected);
  const double number = found->get<double>();
  if (!(number >= minimum && number <= maximum)) fail(key, expected);
  value = number;
  return true;
}

bool JsonReader::read(const std::string& key, float& value, double minimum, double maximum) {
  double number = value;
  if (!read(key, number, minimum, maximum)) return false;
  value = static_cast<float>(number);
  return true;
}

bool JsonReader::read(const std::string& key, bool& value) {
  const json* found = find(key);
  if (found == nullptr) return false;
  if (!found->is_boolean()) fail(key, "true or false");
  value = found->get<bool>();
  return true;
}

bool JsonReader::read(const std::string& key, std::string& value) {
  const json* found = find(key);
  if (found == nullptr) return false;
  if (!found->is_string()) fail(key, "a string");
  value = found->get<std::string>();
  return true;
}

bool JsonReader::read(const std::string& key, std::vector<double>& value) {
  const json* found = find(key);
  if (found == nullptr) return false;
  if (!found->is_array()) fail(key, "a list of numbers");
  std::vector<double> numbers;
  for (const json& item : *found) {
    if (!item.is_number()) fail(key, "a list of numbers");
    numbers.push_back(item.get<double>());
  }
  value = std::move(numbers);
  return true;
}

JsonReader JsonReader::object(const std::string& key) {
  const json* found = find(key);
  return {found == nullptr ? json::object() : *found, name_, prefix_ + key + "."};
}

const json& JsonReader::raw(const std::string& key) {
  static const json nothing;
  const json* found = find(key);
  return found == nullptr ? nothing : *found;
}

std::vector<std::string> JsonReader::unread() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object_.items())
    if (!asked_.contains(key)) keys.push_back(key);
  return keys;
}

}  // namespace sharcs::internal
