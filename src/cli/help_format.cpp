#include "cli/help_format.hpp"

#include <sstream>
#include <utility>

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

/// An option's type, and what its values are checked for: "INT" and "0 to 4096", "TEXT" and "train, dev or test".
std::pair<std::string, std::string> type_and_check(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t colon = type.find(':');
  if (colon == std::string::npos) return {type, ""};
  std::string check = type.substr(colon + 1);
  if (check.starts_with('{') && check.ends_with('}')) {
    check = check.substr(1, check.size() - 2);
    for (std::size_t comma = check.find(','); comma != std::string::npos; comma = check.find(',', comma + 2))
      check.insert(comma + 1, " ");
    // Most descriptions name the choices themselves.
    return {type.substr(0, colon),
            option.get_description().find(check.substr(0, check.find(','))) == std::string::npos ? check : ""};
  }
  if (const std::size_t in = check.find(" in ["); in != std::string::npos)
    check = check.substr(in + 5, check.size() - in - 6);
  if (const std::size_t dash = check.find(" - "); dash != std::string::npos) check.replace(dash, 3, " to ");
  return {type.substr(0, colon), check};
}

}  // namespace

HelpFormat::HelpFormat() { column_width(options_width); }

std::string HelpFormat::make_option_opts(const CLI::Option* option) const {
  if (option->get_type_size() == 0) return {};
  return " " + type_and_check(*option).first + (option->get_expected_max() > 1 ? " ..." : "");
}

std::string HelpFormat::make_option_desc(const CLI::Option* option) const {
  const std::string& value = option->get_default_str();
  const std::string check = option->get_type_size() == 0 ? "" : type_and_check(*option).second;
  return wrapped(
      option->get_description() + (check.empty() ? "" : " (" + check + ")") + (value.empty() ? "" : " [" + value + "]"),
      line_width - options_width);
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
