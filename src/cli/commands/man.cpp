#include <iostream>
#include <memory>

#include "cli/command.hpp"
#include "cli/program_tables.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

/// Text for troff: a backslash, and a point or an apostrophe at the beginning of a line, have a meaning there.
std::string troff(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    const bool begins_line = escaped.empty() || escaped.back() == '\n';
    if (begins_line && (c == '.' || c == '\'')) escaped += "\\&";
    if (c == '-')
      escaped += "\\-";
    else if (c == '\\')
      escaped += "\\e";
    else
      escaped += c;
  }
  return escaped;
}

std::string heading(const std::string& name, const std::string& summary) {
  return ".TH \"" + name + "\" 1 \"\" \"sharcs " + version() + "\" \"sharcs\"\n.SH NAME\n" + troff(name) + " \\- " +
         troff(summary) + "\n";
}

std::string entry(const OptionEntry& option) {
  std::string names;
  for (const std::string& flag : option.flags) names += (names.empty() ? "" : ", ") + flag;
  std::string text = ".TP\n\\fB" + troff(names.empty() ? option.name : names) + "\\fR";
  if (!option.type.empty()) text += " " + troff(option.type) + (option.may_repeat ? " ..." : "");
  text += "\n" + troff(option.meaning);
  if (!option.choices.empty()) {
    text += "; one of";
    for (const std::string& choice : option.choices)
      text += (choice == option.choices.front() ? " " : ", ") + troff(choice);
  }
  if (!option.fallback.empty()) text += " [" + troff(option.fallback) + "]";
  return text + "\n";
}

std::string page_of(const CommandTable& command) {
  std::string page = heading("sharcs-" + command.name, command.summary) + ".SH SYNOPSIS\n\\fBsharcs " +
                     troff(command.name) + "\\fR [\\fIoptions\\fR]\n.SH DESCRIPTION\n" + troff(command.description) +
                     "\n";
  std::vector<std::string> groups;
  for (const OptionEntry& option : command.options)
    if (std::ranges::find(groups, option.group) == groups.end()) groups.push_back(option.group);
  page += ".SH OPTIONS\n";
  for (const std::string& group : groups) {
    if (group != "Options") page += ".SS " + troff(group) + "\n";
    for (const OptionEntry& option : command.options)
      if (option.group == group) page += entry(option);
  }
  if (!command.footer.empty()) {
    const std::size_t first = command.footer.find('\n');
    page += ".SH EXAMPLES\n.nf\n" + troff(command.footer.substr(first + 1)) + "\n.fi\n";
  }
  return page + ".SH SEE ALSO\n\\fBsharcs\\fR(1)\n";
}

std::string page_of(const ProgramTable& program) {
  std::string page = heading("sharcs", "width-adaptive transformers on CPUs") +
                     ".SH SYNOPSIS\n\\fBsharcs\\fR \\fIcommand\\fR [\\fIoptions\\fR]\n.SH DESCRIPTION\n" +
                     troff(program.description) + "\n.SH COMMANDS\n";
  for (const CommandTable& command : program.commands)
    page += ".TP\n\\fB" + troff(command.name) + "\\fR\n" + troff(command.description) + "\n";
  return page +
         ".SH EXIT STATUS\n.TP\n0\nDone.\n.TP\n1\nFailed; one line on standard error says why.\n.TP\n2\nUsed wrongly.\n"
         ".TP\n3\nDone in part: predict answered some lines and named the others.\n"
         ".TP\n128 + n\nStopped by signal n.\n";
}

void add_man(CLI::App& program) {
  CLI::App* const command = program.add_subcommand("man", "Writes the manual pages, sharcs.1 and one for each command");
  command->group("");  // for the build: not in --help
  const auto folder = std::make_shared<std::string>();
  command->add_option("folder", *folder, "Where to")->required();
  command->callback([&program, folder] {
    const ProgramTable table = table_of(program);
    const std::filesystem::path path(*folder);
    make_folder(path);
    write_file_atomically(path / "sharcs.1", page_of(table));
    for (const CommandTable& each : table.commands)
      write_file_atomically(path / ("sharcs-" + each.name + ".1"), page_of(each));
  });
}

}  // namespace

namespace commands {
std::vector<Command> man() { return {{.place = 101, .add = add_man}}; }
}  // namespace commands

}  // namespace sharcs::internal
