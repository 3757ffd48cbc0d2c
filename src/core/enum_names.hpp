#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/quote.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

/// A value of an enumeration and its name: in JSON files, on the command line and in messages.
template <class E>
struct EnumName {
  E value;
  const char* name;
};

/// The names of an enumeration's values, written once. Each enumeration that has names specializes it:
///
///     template <>
///     struct EnumNames<Split> {
///       static constexpr const char* what = "the split";  // begins messages: `the split is "x"; expected …`
///       static constexpr EnumName<Split> all[] = {{Split::train, "train"}, {Split::dev, "dev"}};
///     };
template <class E>
struct EnumNames;

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires {
  EnumNames<E>::all;
};

template <NamedEnum E>
std::string name_of(E value) {
  for (const EnumName<E>& each : EnumNames<E>::all)
    if (each.value == value) return each.name;
  return {};
}

/// All names, in the order in which they are written down: the choices of an option.
template <NamedEnum E>
std::vector<std::string> names_of() {
  std::vector<std::string> names;
  for (const EnumName<E>& each : EnumNames<E>::all) names.emplace_back(each.name);
  return names;
}

/// For messages and help: "one of train, dev, test".
inline std::string one_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "one of " : ", ") + name;
  return text;
}
template <NamedEnum E>
std::string one_of() {
  return one_of(names_of<E>());
}

/// The value of that name, or none.
template <NamedEnum E>
std::optional<E> find_named(std::string_view name) {
  for (const EnumName<E>& each : EnumNames<E>::all)
    if (name == each.name) return each.value;
  return std::nullopt;
}

/// The value of that name. Throws ConfigError that lists the names.
template <NamedEnum E>
E named(std::string_view name) {
  if (const auto found = find_named<E>(name)) return *found;
  throw ConfigError(std::string(EnumNames<E>::what) + " is " + quote(name) + "; expected " + one_of<E>());
}

}  // namespace sharcs::internal
