#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace sharcs::internal {

/// An option as help, completion and man pages show it. All of it comes from CLI11's own tables.
struct OptionEntry {
  std::vector<std::string> flags;    ///< "-h", "--help"; none: an argument without a flag
  std::string name;                  ///< of an argument without a flag
  std::string type;                  ///< "INT", "TEXT"; empty: a switch
  std::vector<std::string> choices;  ///< the values that it may have; none: any of its type
  std::string meaning, fallback, group;
  std::string summary;  ///< the meaning's first sentence
  bool takes_value, may_repeat;
};

struct CommandTable {
  std::string name, description, summary, footer;
  std::vector<OptionEntry> options;
};

struct ProgramTable {
  std::string description;
  std::vector<CommandTable> commands;  ///< without hidden ones
};

ProgramTable table_of(const CLI::App& program);

/// Help's last lines: "Examples:", and a call on each line.
std::string examples(const std::vector<std::string>& calls);

/// The last of an option's repeated values counts, as in most programs; options that may be repeated keep all.
void let_last_value_win(CLI::App& program);

/// "; did you mean --epochs?" for a word that is nearly one of the names, else nothing.
std::string nearest(const std::string& word, const std::vector<std::string>& names);
/// The same for options and commands that the program does not know.
std::string suggestion(const CLI::App& program, const std::string& word);

}  // namespace sharcs::internal
