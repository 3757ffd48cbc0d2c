#include <nlohmann/json.hpp>
#include <string_view>

#include "io/utf8.hpp"
#include "report/findings.hpp"
#include "report/page.hpp"
#include "report/run_folder.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

using nlohmann::ordered_json;

std::string html(std::string text) {
  replace_invalid_utf8(text);
  std::string escaped;
  for (const char c : text) switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  return escaped;
}

/// JSON that may stand in a script element: without '<' it can neither end the element nor open a comment
/// (HTML Living Standard, section 4.12.1.3).
std::string json_for_script(const ordered_json& value) {
  std::string escaped;
  for (const char c : value.dump(-1, ' ', false, ordered_json::error_handler_t::replace)) {
    if (c == '<')
      escaped += "\\u003c";
    else
      escaped += c;
  }
  return escaped;
}

/// No line break between a number and its percent sign.
std::string unbroken(std::string text) {
  for (std::size_t at = 0; (at = text.find(" %", at)) != std::string::npos;) text.replace(at, 1, "\u00a0");
  return text;
}

std::string title_of(std::span<const RunFolder> runs, const ReportOptions& options) {
  if (!options.title.empty()) return options.title;
  std::string names;
  for (const RunFolder& run : runs) names += (names.empty() ? "" : ", ") + run.name;
  return names;
}

std::string summary_of(std::span<const RunFolder> runs) {
  std::string paragraphs;
  for (const RunFolder& run : runs) {
    const std::optional<Headline> headline = headline_of(run);
    paragraphs += "<p>";
    if (runs.size() > 1) paragraphs += "<strong>" + html(run.name) + ".</strong> ";
    paragraphs += headline ? html(unbroken(in_words(*headline))) + " <span class=\"soft\">Measured on " +
                                 html(headline->data) + ".</span>"
                           : "No epoch has been evaluated yet.";
    paragraphs += "</p>\n";
  }
  return paragraphs;
}

}  // namespace

std::string internal::html_of(std::span<const RunFolder> runs, const ReportOptions& options) {
  const std::pair<std::string_view, std::string> parts[] = {
      {"{{title}}", html(title_of(runs, options))},
      {"{{version}}", html(version())},
      {"{{style}}", page_css},
      {"{{summary}}", summary_of(runs)},
      {"{{data}}", json_for_script(page_data(runs, options))},
      {"{{script}}", page_js},
  };
  // One pass over the template alone: what is put in is not looked at again.
  std::string page;
  for (std::string_view rest = page_html; !rest.empty();) {
    const std::size_t mark = rest.find("{{");
    page += rest.substr(0, mark);
    if (mark == std::string_view::npos) break;
    rest.remove_prefix(mark);
    std::string_view found = "{{";
    for (const auto& [name, text] : parts)
      if (rest.starts_with(name)) {
        page += text;
        found = name;
      }
    rest.remove_prefix(found.size());
  }
  return page;
}

std::string report_html(std::span<const std::filesystem::path> folders, const ReportOptions& options) {
  return internal::html_of(read_runs(folders), options);
}

}  // namespace sharcs
