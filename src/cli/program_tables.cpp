#include "cli/program_tables.hpp"

#include <algorithm>
#include <numeric>

namespace sharcs::internal {
namespace {

std::string first_sentence(const std::string& text) {
  const std::size_t end = std::min({text.find(". "), text.find(": "), text.find("; "), text.size()});
  std::string sentence = text.substr(0, end);
  if (sentence.ends_with('.')) sentence.pop_back();
  return sentence;
}

/// CLI11 writes them into the type's name: "TEXT:{stop,skip}".
std::vector<std::string> choices_of(const std::string& type) {
  std::vector<std::string> choices;
  const std::size_t begin = type.find(":{"), end = type.rfind('}');
  if (begin == std::string::npos || end == std::string::npos) return choices;
  for (const std::string& choice : CLI::detail::split(type.substr(begin + 2, end - begin - 2), ','))
    choices.push_back(choice);
  return choices;
}

OptionEntry entry_of(const CLI::Option& option) {
  OptionEntry entry = {};
  for (const std::string& name : option.get_snames()) entry.flags.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) entry.flags.push_back("--" + name);
  entry.name = option.get_name(true, false);
  const std::string type = option.get_type_size() == 0 ? "" : option.get_type_name();
  entry.type = type.substr(0, type.find(':'));
  entry.choices = choices_of(type);
  entry.meaning = option.get_description();
  entry.summary = first_sentence(entry.meaning);
  entry.fallback = option.get_default_str();
  entry.group = option.get_group();
  entry.takes_value = option.get_type_size() != 0;
  entry.may_repeat = option.get_expected_max() > 1;
  return entry;
}

/// How many letters have to be put in, taken out, changed, or swapped with the next one to make one word of the other
/// (optimal string alignment: a letter that was swapped is not changed again).
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

/// Whether one is the other's beginning, as "eval" is of "evaluate", of three letters or more.
bool one_begins_the_other(const std::string& a, const std::string& b) {
  const std::size_t dashes = a.find_first_not_of('-');
  return std::min(a.size(), b.size()) >= (dashes == std::string::npos ? 0 : dashes) + 3 &&
         (a.starts_with(b) || b.starts_with(a));
}

}  // namespace

ProgramTable table_of(const CLI::App& program) {
  ProgramTable table = {.description = program.get_description(), .commands = {}};
  const auto all = [](const CLI::App*) { return true; };
  for (const CLI::App* command : program.get_subcommands(all)) {
    if (command->get_group().empty()) continue;
    CommandTable entry = {.name = command->get_name(),
                          .description = command->get_description(),
                          .summary = first_sentence(command->get_description()),
                          .footer = command->get_footer(),
                          .options = {}};
    for (const CLI::Option* option : command->get_options())
      if (!option->get_group().empty()) entry.options.push_back(entry_of(*option));
    table.commands.push_back(std::move(entry));
  }
  return table;
}

std::string examples(const std::vector<std::string>& calls) {
  std::string text = "Examples:";
  for (const std::string& call : calls) text += "\n  " + call;
  return text;
}

void let_last_value_win(CLI::App& program) {
  const auto all = [](const CLI::App*) { return true; };
  for (CLI::App* command : program.get_subcommands(all))
    for (CLI::Option* option : command->get_options())
      if (option->get_expected_max() <= 1) option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

std::string nearest(const std::string& word, const std::vector<std::string>& names) {
  const std::string* best = nullptr;
  const std::size_t most = std::max<std::size_t>(1, word.size() / 3);
  std::size_t least = most + 1;
  for (const std::string& name : names) {
    std::size_t distance = edit_distance(word, name);
    if (one_begins_the_other(word, name)) distance = std::min(distance, most);
    if (distance < least) {
      least = distance;
      best = &name;
    }
  }
  return best == nullptr ? "" : "; did you mean " + *best + "?";
}

std::string suggestion(const CLI::App& program, const std::string& word) {
  std::vector<std::string> names;
  const ProgramTable table = table_of(program);
  for (const CommandTable& command : table.commands) {
    const bool is_called = program.got_subcommand(command.name);
    if (!word.starts_with('-')) names.push_back(command.name);
    for (const OptionEntry& option : command.options)
      if (is_called && word.starts_with('-')) names.insert(names.end(), option.flags.begin(), option.flags.end());
  }
  return nearest(word.substr(0, word.find('=')), names);
}

}  // namespace sharcs::internal
