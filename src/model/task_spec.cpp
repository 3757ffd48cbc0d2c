#include <charconv>

#include "model/task_names.hpp"
#include "sharcs/error.hpp"
#include "sharcs/task.hpp"

namespace sharcs {
using namespace internal;
std::string to_string(TaskKind kind) { return name_of(kind); }
std::string to_string(TableFormat format) { return name_of(format); }
std::string to_string(Quoting quoting) { return name_of(quoting); }
std::string to_string(Header header) { return name_of(header); }

Column Column::at(std::size_t position) {
  if (position == 0) throw ConfigError("column 0: columns are counted from 1");
  return Column(position - 1);
}

Column Column::parse(const std::string& text) {
  constexpr std::string_view name = "name:";
  if (text.starts_with(name) && text.size() > name.size()) return text.substr(name.size());
  std::size_t position = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), position);
  if (error == std::errc() && end == text.data() + text.size()) return at(position);
  return text;
}

}  // namespace sharcs
