#include "io/json_cursor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "core/number.hpp"
#include "core/quote.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::size_t deepest = 200, most_members = 4096;

[[noreturn]] void throw_error(JsonKind kind, const std::string& message) {
  if (kind == JsonKind::config) throw ConfigError(message);
  if (kind == JsonKind::data) throw DataError(message);
  throw TokenizerError(message);
}

bool is_not_finite(const json& value) { return value.is_number_float() && !std::isfinite(value.get<double>()); }

// Python writes numbers that JSON does not have as these words. They are read by putting a string of the same length in
// their place, so that bytes keep their places in messages.
struct PythonNumber {
  std::string_view word, in_place;
  std::string text;  // the string's
  double value;
};
const PythonNumber python_numbers[] = {
    {"-Infinity", "\"\\u0001\x7f\"", "\x01\x7f", -std::numeric_limits<double>::infinity()},
    {"Infinity", "\"\\u0001\"", "\x01", std::numeric_limits<double>::infinity()},
    {"NaN", "\"\x7f\"", "\x7f", std::numeric_limits<double>::quiet_NaN()}};

/// Throws the error of the kind where the value is such a number: one that is used has to be finite.
JsonCursor finite(JsonCursor cursor) {
  if (is_not_finite(cursor.value())) cursor.fail("a finite number");
  return cursor;
}

std::string word_of(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

/// The text with such strings for all of Python's words outside of strings.
std::string without_python_numbers(std::string_view text) {
  std::string result(text);
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string) continue;
    for (const PythonNumber& number : python_numbers)
      if (text.substr(i).starts_with(number.word)) {
        result.replace(i, number.word.size(), number.in_place);
        i += number.word.size() - 1;
        break;
      }
  }
  return result;
}

template <class Json>
void restore_python_numbers(Json& value) {
  if (value.is_structured()) {
    for (Json& member : value) restore_python_numbers(member);
  } else if (value.is_string()) {
    for (const PythonNumber& number : python_numbers)
      if (value.template get_ref<const std::string&>() == number.text) {
        value = number.value;
        return;
      }
  }
}

/// "config.json:3", for the line of a byte.
std::string place_of(std::size_t byte, std::string_view text, const std::string& file) {
  const std::string_view before = text.substr(0, byte);
  return file + ":" + std::to_string(1 + std::count(before.begin(), before.end(), '\n'));
}

/// ".a.b[2]", where the value stands in `from`; none when it does not.
std::optional<std::string> path_to(const json* value, const json& from) {
  if (value == &from) return "";
  if (from.is_object())
    for (const auto& [key, member] : from.items())
      if (const auto rest = path_to(value, member)) return "." + key + *rest;
  if (from.is_array())
    for (std::size_t i = 0; i < from.size(); ++i)
      if (const auto rest = path_to(value, from[i])) return "[" + std::to_string(i) + "]" + *rest;
  return std::nullopt;
}

}  // namespace

struct JsonCursor::Document {
  json root;
  std::string file;
  JsonKind kind;
  std::string path = {};                       // of the root, in messages
  std::unordered_set<const json*> asked = {};  // members
};

JsonCursor JsonCursor::parse(std::string_view text, const std::string& file, JsonKind kind) {
  JsonCursor root(parse_json<json>(text, file, kind), file, kind);
  root.object();
  return root;
}

JsonCursor JsonCursor::load(const std::filesystem::path& file, JsonKind kind) {
  return parse(read_text_file(file), file.string(), kind);
}

JsonCursor::JsonCursor(json value, std::string file, JsonKind kind, std::string path)
    : document_(std::make_shared<Document>(Document{std::move(value), std::move(file), kind, std::move(path)})),
      nearest_(&document_->root),
      value_(nearest_) {}

JsonCursor::JsonCursor(std::shared_ptr<Document> document, const json* nearest, std::string missing)
    : document_(std::move(document)),
      nearest_(nearest),
      value_(missing.empty() ? nearest : nullptr),
      missing_(std::move(missing)) {}

JsonCursor JsonCursor::operator[](const std::string& key) const {
  if (!present()) return {document_, nearest_, missing_ + "." + key};
  const auto member = object().find(key);
  if (member == value_->end()) return {document_, value_, "." + key};
  if (document_->kind == JsonKind::config) document_->asked.insert(&*member);
  return finite({document_, &*member});
}

std::vector<std::string> JsonCursor::unread() const {
  std::vector<std::string> keys;
  if (!present()) return keys;
  for (const auto& [key, member] : object().items())
    if (!document_->asked.contains(&member)) keys.push_back(key);
  return keys;
}

void JsonCursor::refuse_unread(const std::string& message) const {
  if (const auto keys = unread(); !keys.empty()) (*this)[keys.front()].refuse(message);
}

JsonCursor JsonCursor::element(std::size_t index) const { return finite({document_, &list().at(index)}); }

const JsonCursor& JsonCursor::of_size(std::size_t size) const {
  if (list().size() != size) fail("a list of " + std::to_string(size));
  return *this;
}

double JsonCursor::number_or_nan() const {
  if (exists() && value_->is_null()) return nan;
  if (!exists() || !value_->is_number()) fail("a number or null");
  return value_->get<double>();
}

const json& JsonCursor::object() const {
  if (!is_object()) fail("an object");
  return *value_;
}

const json& JsonCursor::list() const {
  if (!exists() || !value_->is_array()) fail("a list");
  return *value_;
}

const std::string& JsonCursor::file() const { return document_->file; }

std::string JsonCursor::found() const {
  constexpr std::size_t longest = 60;
  if (!exists()) return "absent";
  if (value_->is_string()) return quote(value_->get_ref<const std::string&>());
  if (is_not_finite(*value_)) return word_of(value_->get<double>());
  if (!value_->is_structured()) return value_->dump();
  if (value_->size() < longest) {
    std::string text = value_->dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() <= longest) return text;
  }
  return value_->is_array() ? "a list" : "an object";
}

std::string JsonCursor::path() const {
  std::string path = document_->path + path_to(nearest_, document_->root).value_or("") + missing_;
  return path.starts_with('.') ? path.substr(1) : path;
}

void JsonCursor::fail(const std::string& expected) const {
  if (path().empty()) throw_error(document_->kind, file() + ": found " + found() + ", expected " + expected);
  refuse("is " + found() + "; expected " + expected);
}

void JsonCursor::fail_integer(NumberRange range, double most) const {
  // For a number that is too large for its type, the message says the greatest that the type can hold.
  if (exists() && value_->is_number() && value_->get<double>() > most) range.greatest = std::min(range.greatest, most);
  fail(range.text("an integer"));
}

void JsonCursor::refuse(const std::string& message) const {
  throw_error(document_->kind, file() + ": " + quote(path()) + " " + message);
}

std::size_t find_too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > deepest) return i;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return std::string_view::npos;
}

namespace {

/// What the parser meets. Only keys matter.
class KeyReader : public nlohmann::json_sax<json> {
 public:
  using OnKey = std::function<void(const std::string& key, std::size_t depth)>;
  using OnEnd = std::function<void(std::size_t depth)>;
  KeyReader(const OnKey& on_key, const OnEnd& on_end) : on_key_(on_key), on_end_(on_end) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ > 0; }
  bool key(string_t& key) override {
    on_key_(key, depth_);
    return true;
  }
  bool end_object() override {
    if (on_end_) on_end_(depth_);
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override { return ++depth_ > 0; }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  const OnKey& on_key_;
  const OnEnd& on_end_;
  std::size_t depth_ = 0;
};

}  // namespace

void for_each_json_key(std::string_view text,
                       const std::function<void(const std::string& key, std::size_t depth)>& on_key,
                       const std::function<void(std::size_t depth)>& on_end) {
  KeyReader reader(on_key, on_end);
  json::sax_parse(text, &reader);
}

template <class Json>
Json parse_json(std::string_view text, const std::string& file, JsonKind kind) {
  if (const std::size_t byte = find_too_deep(text); byte != std::string_view::npos)
    throw_error(kind, place_of(byte, text, file) + ": more than " + std::to_string(deepest) +
                          " lists and objects inside each other; expected a JSON object");
  // An ordered object looks at all its members to add one, so that many of them would take the square of their number.
  if constexpr (std::is_same_v<Json, ordered_json>) {
    std::vector<std::size_t> members;  // of the objects that are open, by their depth
    for_each_json_key(
        text,
        [&](const std::string& key, std::size_t depth) {
          if (members.size() <= depth) members.resize(depth + 1);
          if (++members[depth] > most_members)
            throw_error(kind, file + ": an object has more than " + std::to_string(most_members) +
                                  " members, the next being " + quote(key) + "; expected fewer");
        },
        [&](std::size_t depth) {
          if (depth < members.size()) members[depth] = 0;
        });
  }
  try {
    return Json::parse(text);
  } catch (const typename Json::parse_error& error) {
    if (const std::string plain = without_python_numbers(text); kind != JsonKind::data && plain != text) {
      Json value = parse_json<Json>(plain, file, kind);
      restore_python_numbers(value);
      return value;
    }
    throw_error(kind, place_of(error.byte > 0 ? error.byte - 1 : 0, text, file) + ": not valid JSON at byte " +
                          std::to_string(error.byte) + "; expected a JSON object");
  } catch (const typename Json::out_of_range& error) {
    // The library's message ends with the number: "… number overflow parsing '1e999'".
    const std::string message = error.what();
    const std::size_t end = message.rfind('\''), begin = message.rfind('\'', end - 1) + 1;
    const std::string number = message.substr(begin, end - begin);
    throw_error(kind, place_of(text.find(number), text, file) + ": the number " + number + " is too large");
  }
}
template json parse_json(std::string_view, const std::string&, JsonKind);
template ordered_json parse_json(std::string_view, const std::string&, JsonKind);

ordered_json finite_or_null(double value) { return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr); }

}  // namespace sharcs::internal
