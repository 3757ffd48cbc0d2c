#include "cli/help_format.hpp"

#include <sstream>

namespace sharcs::internal {
namespace {

constexpr std::size_t options_width = 34, line_width = 110;

/// Line ends instead of blanks, so that lines have at most `width` characters.
std::string wrapped(const std::string& text, std::size_t width) {
  std::string result;
  std::size_t column = 0;
  std::istringstream words(text);
  for (std::string word; words >> word; column += word.size() + 1) {
    const bool fits = column + word.size() <= width;
    if (!result.empty()) result += fits ? ' ' : '\n';
    if (!fits) column = 0;
    result += word;
  }
  return result;
}

}  // namespace

HelpFormat::HelpFormat() { column_width(options_width); }

std::string HelpFormat::make_option_opts(const CLI::Option* option) const {
  if (option->get_type_size() == 0) return {};
  const std::string type = option->get_type_name();  // what a value is checked for stands behind a colon
  return " " + type.substr(0, type.find(':')) + (option->get_expected_max() > 1 ? " ..." : "");
}

std::string HelpFormat::make_option_desc(const CLI::Option* option) const {
  const std::string& value = option->get_default_str();
  return wrapped(option->get_description() + (value.empty() ? "" : " [" + value + "]"), line_width - options_width);
}

std::string HelpFormat::make_subcommand(const CLI::App* command) const {
  std::ostringstream out;
  CLI::detail::format_help(out, command->get_display_name(true),
                           wrapped(command->get_description(), line_width - options_width), options_width);
  return out.str();
}

std::string HelpFormat::make_description(const CLI::App* command) const {
  return wrapped(command->get_description(), line_width) + "\n";
}

}  // namespace sharcs::internal
