#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/enum_names.hpp"
#include "core/number.hpp"

namespace sharcs::internal {

/// What a JSON file holds. Each kind has its own error, which its readers throw.
enum class JsonKind {
  config,     ///< ConfigError: settings, which people write
  data,       ///< DataError: results that a program has written
  tokenizer,  ///< TokenizerError
};

/// A place in a JSON document, with the value that stands there, if there is one. It knows its path and file, for
/// messages.
///
///     const auto config = JsonCursor::load("config.json", JsonKind::config);
///     const int size = config["hidden_size"].get<int>({.least = 1});              // throws where it is absent
///     const int router = config["sharcs"]["hidden_size_router"].get_or(1024, {.least = 1});
///
/// Every error is one line: `config.json: "hidden_size" is "x"; expected an integer ≥ 1`. Copies are cheap. Cursors
/// share their document: it lives as long as any of them. A document of settings remembers which members were asked
/// for; see unread().
class JsonCursor {
 public:
  /// The whole document. Throws the error of its kind when the text is not one JSON object (see parse_json()).
  static JsonCursor parse(std::string_view text, const std::string& file, JsonKind kind);
  /// The same from a file. Throws IoError, too.
  static JsonCursor load(const std::filesystem::path& file, JsonKind kind);
  /// A value that has been parsed before. `file` and `path` are for messages.
  JsonCursor(nlohmann::json value, std::string file, JsonKind kind, std::string path = {});

  /// Whether the document has the place, null or not.
  bool exists() const { return value_ != nullptr; }
  /// Whether a value stands there: null counts as none.
  bool present() const { return exists() && !value_->is_null(); }
  bool is_text() const { return exists() && value_->is_string(); }
  bool is_object() const { return exists() && value_->is_object(); }

  /// The member of an object. It does not exist where the object has no such key, or the object itself is not present.
  /// Throws where something other than an object stands.
  JsonCursor operator[](const std::string& key) const;
  /// The members of an object that nobody has asked for with operator[]. Of settings (JsonKind::config) only.
  std::vector<std::string> unread() const;
  /// Throws when there are such members: `config.json: "sharcs.widht" ` and then the message.
  void refuse_unread(const std::string& message) const;
  /// Asks for a member and does nothing with it.
  void skip(const std::string& key) const { (*this)[key]; }

  /// Elements of a list. Throws where something else stands, or nothing.
  std::size_t size() const { return list().size(); }
  JsonCursor element(std::size_t index) const;
  /// read(element) for each element of a list.
  template <class Read>
  auto each(const Read& read) const {
    std::vector<std::invoke_result_t<const Read&, const JsonCursor&>> elements;
    elements.reserve(size());
    for (std::size_t i = 0; i < size(); ++i) elements.push_back(std::invoke(read, element(i)));
    return elements;
  }
  /// This place, if it is a list of so many elements; else throws.
  const JsonCursor& of_size(std::size_t size) const;

  /// The value as a T: bool, a number, std::string, an enumeration that has EnumNames, or a vector of these. `range` is
  /// of numbers, or of the elements of a list of numbers. 3.0 is an integer.
  template <class T>
  T get(NumberRange range = {}) const;
  /// The same, or the fallback where none is present.
  template <class T>
  T get_or(T fallback, NumberRange range = {}) const {
    return present() ? get<T>(range) : std::move(fallback);
  }
  /// Reads into `value` where one is present; returns whether it did.
  template <class T>
  bool read(T& value, NumberRange range = {}) const {
    if (present()) value = get<T>(range);
    return present();
  }
  /// NaN for null: JSON has neither NaN nor infinities. See finite_or_null().
  double number_or_nan() const;

  /// The object or list itself, for code that walks through many values.
  const nlohmann::json& object() const;
  const nlohmann::json& list() const;
  const nlohmann::json& value() const { return *value_; }

  const std::string& file() const;
  /// Throws `file: "path" is …; expected …`.
  [[noreturn]] void fail(const std::string& expected) const;
  /// Throws `file: "path" ` and then the message.
  [[noreturn]] void refuse(const std::string& message) const;

 private:
  struct Document;
  JsonCursor(std::shared_ptr<Document> document, const nlohmann::json* nearest, std::string missing = {});

  template <class T>
  std::optional<T> whole_number() const;
  [[noreturn]] void fail_integer(NumberRange range, double most) const;
  std::string found() const;
  /// "a.b[2]". It is looked up in the document only when there is an error, so that it costs nothing to read.
  std::string path() const;

  std::shared_ptr<Document> document_;
  const nlohmann::json* nearest_;  ///< the value, or the last one on the way to it
  const nlohmann::json* value_;    ///< null where there is none
  std::string missing_;            ///< from there on: ".b.c"
};

/// Parses JSON text; Json is nlohmann::json or nlohmann::ordered_json. Throws the error of the kind, which names the
/// file and the line, for text that is not JSON, has a number that is too large for a double (1e999), or nests lists
/// and objects more than 200 deep: code that walks through them is recursive, and the stack is limited. An object of
/// ordered_json has at most 4096 members.
template <class Json>
Json parse_json(std::string_view text, const std::string& file, JsonKind kind);

/// Calls on_key(key, depth) for each key of JSON text, in the text's order, and on_end(depth) at the end of each
/// object. The depth counts the lists and objects around the key: 1 in the outermost object. Ends where the text is not
/// JSON. A callback of the parser itself would do the same, but then each object in another takes a look at all its
/// siblings.
void for_each_json_key(std::string_view text,
                       const std::function<void(const std::string& key, std::size_t depth)>& on_key,
                       const std::function<void(std::size_t depth)>& on_end = {});

/// Where JSON text begins to nest more than 200 deep; npos: nowhere.
std::size_t find_too_deep(std::string_view text);

/// JSON has neither NaN nor infinity: null stands for them.
nlohmann::ordered_json finite_or_null(double value);

// ---------------------------------------------------------------------------------------------------------------------

template <class T>
std::optional<T> JsonCursor::whole_number() const {
  const auto fitting = [](auto number) {
    return std::in_range<T>(number) ? std::optional(static_cast<T>(number)) : std::nullopt;
  };
  if (!exists() || !value_->is_number()) return std::nullopt;
  if (value_->is_number_unsigned()) return fitting(value_->get<std::uint64_t>());
  if (value_->is_number_integer()) return fitting(value_->get<std::int64_t>());
  const double number = value_->get<double>();
  if (number != std::floor(number) || std::abs(number) > 0x1p53) return std::nullopt;
  return fitting(static_cast<std::int64_t>(number));
}

template <class T>
T JsonCursor::get(NumberRange range) const {
  if constexpr (std::is_same_v<T, bool>) {
    if (!exists() || !value_->is_boolean()) fail("true or false");
    return value_->get<bool>();
  } else if constexpr (std::is_enum_v<T>) {
    const auto named = is_text() ? find_named<T>(value_->get_ref<const std::string&>()) : std::nullopt;
    if (!named) fail(one_of<T>());
    return *named;
  } else if constexpr (std::integral<T>) {
    const std::optional<T> number = whole_number<T>();
    if (!number || !range.contains(static_cast<double>(*number)))
      fail_integer(range, static_cast<double>(std::numeric_limits<T>::max()));
    return *number;
  } else if constexpr (std::floating_point<T>) {
    if (!exists() || !value_->is_number() || !range.contains(value_->get<double>())) fail(range.text("a number"));
    return value_->get<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!is_text()) fail("a string");
    return value_->get<std::string>();
  } else {
    using Element = typename T::value_type;
    if (!exists() || !value_->is_array())
      fail(std::integral<Element>         ? "a list of integers"
           : std::floating_point<Element> ? "a list of numbers"
                                          : "a list");
    return each([&](const JsonCursor& element) { return element.get<Element>(range); });
  }
}

}  // namespace sharcs::internal
