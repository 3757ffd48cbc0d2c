#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "io/json_cursor.hpp"

namespace sharcs::internal {

/// How a setting of type T is read from JSON, written, checked and described. This one serves bool, numbers,
/// enumerations with EnumNames and lists of numbers; a setting of another type specializes it.
template <class T>
struct OptionType {
  /// "an integer ≥ 1", "one of joint, alternate".
  static std::string expected(NumberRange range) {
    if constexpr (std::is_same_v<T, bool>)
      return "true or false";
    else if constexpr (std::is_enum_v<T>)
      return one_of<T>();
    else if constexpr (std::integral<T>)
      return range.text("an integer");
    else if constexpr (std::floating_point<T>)
      return range.text("a number");
    else
      return range.text("a list of numbers");
  }

  static T read(const JsonCursor& place, NumberRange range) {
    if constexpr (std::is_arithmetic_v<T>)
      return place.get<T>(range);
    else
      return place.get<T>();
  }

  static nlohmann::ordered_json write(const T& value) {
    if constexpr (std::is_enum_v<T>)
      return name_of(value);
    else
      return value;
  }

  /// Empty, or what is wrong: "is 0; expected an integer ≥ 1".
  static std::string problem(const T& value, NumberRange range) {
    if constexpr (std::is_same_v<T, bool> || std::is_enum_v<T>) {
      return {};
    } else if constexpr (std::is_arithmetic_v<T>) {
      const auto number = static_cast<double>(value);
      return range.contains(number) ? "" : "is " + short_number(number) + "; expected " + expected(range);
    } else {
      for (const double number : value)
        if (!range.contains(number))
          return "is a list with " + short_number(number) + "; expected " + range.text("numbers");
      return {};
    }
  }
};

/// A setting: a row of the table from which its JSON key, its flag, its check and its line in the reference come.
///
///     {"epochs", &TrainingOptions::epochs, {.least = 1}, "How often training goes through the data."}
template <class Settings>
struct OptionRow {
  /// `meaning`: for --help and the reference; sentences.
  template <class T>
  OptionRow(std::string name, T Settings::*member, NumberRange range, std::string text)
      : key(std::move(name)),
        meaning(std::move(text)),
        expected(OptionType<T>::expected(range)),
        fallback(default_text(Settings().*member)),
        read([=](const JsonCursor& place, Settings& settings) {
          if (place.present()) settings.*member = OptionType<T>::read(place, range);
        }),
        value([=](const Settings& settings) { return OptionType<T>::write(settings.*member); }),
        problem([=](const Settings& settings) { return OptionType<T>::problem(settings.*member, range); }) {}
  template <class T>
  OptionRow(std::string name, T Settings::*member, std::string text)
      : OptionRow(std::move(name), member, NumberRange{}, std::move(text)) {}

  std::string key;
  std::string meaning;
  std::string expected;                                                   ///< "an integer ≥ 1"
  std::string fallback;                                                   ///< the default, as text: "10", "joint"
  std::function<void(const JsonCursor& place, Settings& settings)> read;  ///< changes nothing where nothing is present
  std::function<nlohmann::ordered_json(const Settings& settings)> value;
  std::function<std::string(const Settings& settings)> problem;  ///< empty, or what is wrong with the value

 private:
  template <class T>
  static std::string default_text(const T& value) {
    if constexpr (std::floating_point<T>) return short_number(value);
    const nlohmann::ordered_json written = OptionType<T>::write(value);
    return written.is_string() ? written.get<std::string>() : written.dump();
  }
};

/// Rows under one heading.
template <class Settings>
struct OptionGroup {
  std::string title;
  std::vector<OptionRow<Settings>> rows;
  /// Whether other values change the result, and not only time, memory or logs.
  bool decides_result = true;
};

template <class Settings>
using OptionTable = std::vector<OptionGroup<Settings>>;

/// Reads the settings that the object has into `settings`. Keys that are not in the table stay unread.
template <class Settings>
void read_options(const OptionTable<Settings>& table, const JsonCursor& object, Settings& settings) {
  for (const auto& group : table)
    for (const auto& row : group.rows) row.read(object[row.key], settings);
}

template <class Settings>
nlohmann::ordered_json options_json(const OptionTable<Settings>& table, const Settings& settings) {
  auto object = nlohmann::ordered_json::object();
  for (const auto& group : table)
    for (const auto& row : group.rows) object[row.key] = row.value(settings);
  return object;
}

/// Throws ConfigError for the first value that is out of its range; `file` begins the message.
template <class Settings>
void check_options(const OptionTable<Settings>& table, const Settings& settings, const std::string& file) {
  for (const auto& group : table)
    for (const auto& row : group.rows)
      if (const std::string problem = row.problem(settings); !problem.empty())
        throw ConfigError(file + ": \"" + row.key + "\" " + problem);
}

}  // namespace sharcs::internal
