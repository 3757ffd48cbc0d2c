#include "text/json_place.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/quote.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

using nlohmann::json;

json read_tokenizer_json_file(const std::filesystem::path& path) {
  const std::string text = read_text_file(path);
  json document;
  try {
    document = json::parse(text);
  } catch (const json::parse_error& error) {
    const std::string_view before = std::string_view(text).substr(0, error.byte > 0 ? error.byte - 1 : 0);
    throw TokenizerError(path.string() + ":" + std::to_string(1 + std::count(before.begin(), before.end(), '\n')) +
                         ": not valid JSON at byte " + std::to_string(error.byte) + "; expected a JSON object");
  } catch (const json::exception&) {
    throw TokenizerError(path.string() + ": has a number that is too large; expected a JSON object");
  }
  if (!document.is_object())
    throw TokenizerError(path.string() + ": is a JSON " + document.type_name() + "; expected an object");
  return document;
}

JsonPlace::JsonPlace(const json& document, std::string file) : value_(&document), file_(std::move(file)) {}

JsonPlace JsonPlace::member(const std::string& key) const {
  const std::string path = path_.empty() ? key : path_ + "." + key;
  if (!present()) return {nullptr, file_, path};
  const auto found = object().find(key);
  return {found == value_->end() ? nullptr : &*found, file_, path};
}

std::size_t JsonPlace::size() const { return list().size(); }

JsonPlace JsonPlace::element(std::size_t index) const {
  return {&list()[index], file_, path_ + "[" + std::to_string(index) + "]"};
}

std::string JsonPlace::text() const {
  if (!present() || !value_->is_string()) fail("a string");
  return value_->get<std::string>();
}

bool JsonPlace::truth() const {
  if (!present() || !value_->is_boolean()) fail("true or false");
  return value_->get<bool>();
}

std::int32_t JsonPlace::number(std::int32_t minimum, std::int32_t maximum) const {
  const bool whole = present() && value_->is_number_integer() &&
                     (!value_->is_number_unsigned() || value_->get<std::uint64_t>() <= INT32_MAX);
  if (!whole || value_->get<std::int64_t>() < minimum || value_->get<std::int64_t>() > maximum)
    fail("an integer from " + std::to_string(minimum) + " to " + std::to_string(maximum));
  return value_->get<std::int32_t>();
}

double JsonPlace::real() const {
  if (!present() || !value_->is_number()) fail("a number");
  return value_->get<double>();
}

const json& JsonPlace::object() const {
  if (!present() || !value_->is_object()) fail("an object");
  return *value_;
}

const json& JsonPlace::list() const {
  if (!present() || !value_->is_array()) fail("a list");
  return *value_;
}

void JsonPlace::fail(const std::string& expected) const {
  std::string found = "absent";
  if (value_ != nullptr)
    found = value_->is_string()       ? quote(value_->get<std::string>())
            : value_->is_structured() ? value_->is_array() ? "a list" : "an object"
                                      : value_->dump();
  throw TokenizerError(file_ + ": " + quote(path_) + " is " + found + "; expected " + expected);
}

}  // namespace sharcs::internal
