#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace sharcs::internal {

/// Reads the keys of a JSON object that a program wrote after a schema of ours: every key must be there, others are
/// skipped. (Settings, which people write, are read by JsonReader.)
///
/// Every error is a DataError of one line: `metrics.jsonl:7: "train.widths[1].samples" is -2; expected an integer ≥ 0`.
class JsonFields {
 public:
  /// `object` must outlive the reader. `place` is the file, with the line where it has one; `path` ("train.") stands
  /// before the keys in messages.
  JsonFields(const nlohmann::json& object, std::string place, std::string path = "");

  bool has(const std::string& key) const { return object_.contains(key); }
  /// NaN for null.
  double number(const std::string& key) const;
  std::int64_t count(const std::string& key) const;
  /// A count less than `end`.
  std::int64_t index(const std::string& key, std::size_t end) const;
  bool flag(const std::string& key) const;
  std::string text(const std::string& key) const;
  JsonFields object(const std::string& key) const;

  std::vector<double> numbers(const std::string& key) const;
  /// As many as `size`.
  std::vector<double> numbers(const std::string& key, std::size_t size) const;
  std::vector<std::string> texts(const std::string& key) const;
  /// `size` counts, each less than `end`.
  std::vector<int> indices(const std::string& key, std::size_t size, std::size_t end) const;
  /// `size` rows of `size` counts, or no rows.
  std::vector<std::vector<std::int64_t>> square(const std::string& key, std::size_t size) const;

  /// read(fields of element) for each element of a list of objects.
  template <class Read>
  auto each(const std::string& key, const Read& read) const {
    std::vector<decltype(read(*this))> elements;
    const nlohmann::json& found = list(key);
    for (std::size_t i = 0; i < found.size(); ++i)
      elements.push_back(read(JsonFields(found[i], place_, path_ + key + "[" + std::to_string(i) + "].")));
    return elements;
  }

  /// The object itself.
  const nlohmann::json& whole() const { return object_; }
  [[noreturn]] void fail(const std::string& key, const std::string& expected) const;

 private:
  const nlohmann::json& at(const std::string& key, const std::string& expected) const;
  const nlohmann::json& list(const std::string& key) const;
  double number(const nlohmann::json& found, const std::string& path) const;
  std::int64_t count(const nlohmann::json& found, const std::string& path) const;
  [[noreturn]] void fail_at(const std::string& path, const nlohmann::json& found, const std::string& expected) const;

  const nlohmann::json& object_;
  std::string place_;
  std::string path_;
};

/// JSON has neither NaN nor infinity: null stands for them.
nlohmann::ordered_json finite_or_null(double value);

}  // namespace sharcs::internal
