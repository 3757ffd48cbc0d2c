#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace sharcs::internal {

/// Reads a JSON file of a tokenizer. Throws IoError, or TokenizerError when it is not one JSON object.
nlohmann::json read_tokenizer_json_file(const std::filesystem::path& path);

/// A value inside a tokenizer's JSON file, and where it stands.
///
/// Every error is a TokenizerError of one line: `tokenizer.json: "model.unk_token" is 7; expected a string`.
class JsonPlace {
 public:
  /// `file` stands for the whole document, which must outlive the places in it.
  JsonPlace(const nlohmann::json& document, std::string file);

  /// null counts as absent.
  bool present() const { return value_ != nullptr && !value_->is_null(); }
  /// A member of an object; not present when the object, or the place itself, has none.
  JsonPlace member(const std::string& key) const;
  /// Elements of a list. Throws when it is none.
  std::size_t size() const;
  JsonPlace element(std::size_t index) const;

  std::string text() const;
  std::string text_or(const std::string& fallback) const { return present() ? text() : fallback; }
  bool truth() const;
  bool truth_or(bool fallback) const { return present() ? truth() : fallback; }
  std::int32_t number(std::int32_t minimum, std::int32_t maximum) const;
  double real() const;
  /// An object or a list, for code that walks through it.
  const nlohmann::json& object() const;
  const nlohmann::json& list() const;

  const std::string& file() const { return file_; }
  [[noreturn]] void fail(const std::string& expected) const;

 private:
  JsonPlace(const nlohmann::json* value, const std::string& file, std::string path)
      : value_(value), file_(file), path_(std::move(path)) {}

  const nlohmann::json* value_;
  std::string file_;
  std::string path_;
};

}  // namespace sharcs::internal
