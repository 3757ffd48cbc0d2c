#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sharcs::internal {

/// Reads a JSON object key by key and remembers which keys were asked for.
///
/// Every error is a ConfigError of one line: `config.json: "hidden_size" is "x"; expected an integer ≥ 1`.
class JsonReader {
 public:
  /// Parses `text`, which must be one JSON object. `name` is the file's name in messages.
  JsonReader(std::string_view text, std::string name);
  /// `prefix` ("sharcs.") stands before the keys in messages.
  JsonReader(nlohmann::json object, std::string name, std::string prefix);

  bool has(const std::string& key) const;
  /// Each returns false, leaving `value` as it is, when the key is absent or null.
  bool read(const std::string& key, int& value, int minimum, int maximum);
  bool read(const std::string& key, double& value, double minimum, double maximum);
  bool read(const std::string& key, float& value, double minimum, double maximum);
  bool read(const std::string& key, bool& value);
  bool read(const std::string& key, std::string& value);
  bool read(const std::string& key, std::vector<double>& value);
  /// A nested object; an empty reader when the key is absent.
  JsonReader object(const std::string& key);
  /// The raw value, marked as read.
  const nlohmann::json& raw(const std::string& key);
  /// The keys nobody asked for.
  std::vector<std::string> unread() const;
  const nlohmann::json& whole() const { return object_; }
  const std::string& name() const { return name_; }

  [[noreturn]] void fail(const std::string& key, const std::string& expected) const;

 private:
  const nlohmann::json* find(const std::string& key);

  nlohmann::json object_;
  std::string name_;
  std::string prefix_;
  std::set<std::string> asked_;
};

/// What is wrong with `text`, which the parser refused, and in which line of the file `name`.
std::string invalid_json(const nlohmann::json::parse_error& error, std::string_view text, const std::string& name);

/// A number as short as it can be written: 0.25, 1, 2e-05.
std::string short_number(double value);

}  // namespace sharcs::internal
