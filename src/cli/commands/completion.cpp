#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "cli/command.hpp"
#include "cli/program_tables.hpp"

namespace sharcs::internal {
namespace {

/// `a b c`, with each word's own quotes where it needs them.
std::string joined(const std::vector<std::string>& words, const char* between = " ") {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : between) + word;
  return all;
}

/// In single quotes, for a shell. `fish`: which knows \' inside them; others end them for it.
std::string single_quoted(const std::string& text, bool fish) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += fish ? "\\'" : "'\\''";
    } else {
      if (fish && c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + "'";
}

void print_bash(const ProgramTable& program) {
  std::cout << "# Completion of sharcs for bash. Put into ~/.bashrc: source <(sharcs completion bash)\n"
               "_sharcs() {\n"
               "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
               "  local command= word options=\n"
               "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
               "    case $word in\n";
  std::vector<std::string> names;
  for (const CommandTable& command : program.commands) names.push_back(command.name);
  std::cout << "      " << joined(names, "|") << ") command=$word; break ;;\n"
            << "    esac\n  done\n  case \"$command $prev\" in\n";
  for (const CommandTable& command : program.commands)
    for (const OptionEntry& option : command.options)
      if (!option.choices.empty())
        for (const std::string& flag : option.flags)
          std::cout << fmt::format("    \"{} {}\") COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")); return ;;\n",
                                   command.name, flag, joined(option.choices));
  std::cout << "  esac\n  case $command in\n";
  for (const CommandTable& command : program.commands) {
    std::vector<std::string> flags;
    for (const OptionEntry& option : command.options)
      flags.insert(flags.end(), option.flags.begin(), option.flags.end());
    std::cout << fmt::format("    {}) options=\"{}\" ;;\n", command.name, joined(flags));
  }
  std::cout << fmt::format("    *) COMPREPLY=($(compgen -W \"{} --help --version\" -- \"$cur\")); return ;;\n",
                           joined(names))
            << "  esac\n"
               "  if [[ $cur == -* ]]; then\n"
               "    COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
               "  else\n"
               "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
               "  fi\n"
               "}\n"
               "complete -o filenames -F _sharcs sharcs\n";
}

/// In zsh's descriptions of options, brackets and colons have a meaning.
std::string zsh_text(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

void print_zsh(const ProgramTable& program) {
  std::cout
      << "#compdef sharcs\n"
         "# Completion of sharcs for zsh. Put into a folder of $fpath as _sharcs: sharcs completion zsh > _sharcs\n"
         "_sharcs() {\n  local -a commands=(\n";
  for (const CommandTable& command : program.commands)
    std::cout << "    " << single_quoted(zsh_text(command.name) + ":" + command.summary, false) << '\n';
  std::cout << "  )\n  if (( CURRENT == 2 )); then\n    _describe 'command' commands\n    return\n  fi\n"
               "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n";
  for (const CommandTable& command : program.commands) {
    std::cout << "    " << command.name << ")\n      _arguments";
    for (const OptionEntry& option : command.options)
      for (const std::string& flag : option.flags) {
        std::string spec = flag + "[" + zsh_text(option.summary) + "]";
        if (option.takes_value)
          spec += ":value:" + (option.choices.empty() ? std::string("_files") : "(" + joined(option.choices) + ")");
        std::cout << " \\\n        " << single_quoted((option.may_repeat ? "*" : "") + spec, false);
      }
    std::cout << " \\\n        '*:file:_files'\n      ;;\n";
  }
  std::cout << "  esac\n}\n_sharcs \"$@\"\n";
}

void print_fish(const ProgramTable& program) {
  std::cout << "# Completion of sharcs for fish: sharcs completion fish > ~/.config/fish/completions/sharcs.fish\n";
  for (const CommandTable& command : program.commands)
    std::cout << "complete -c sharcs -f -n __fish_use_subcommand -a " << command.name << " -d "
              << single_quoted(command.summary, true) << '\n';
  for (const CommandTable& command : program.commands)
    for (const OptionEntry& option : command.options) {
      std::cout << "complete -c sharcs -n '__fish_seen_subcommand_from " << command.name << "'";
      for (const std::string& flag : option.flags)
        std::cout << (flag.starts_with("--") ? " -l " + flag.substr(2) : " -s " + flag.substr(1));
      if (option.takes_value) std::cout << " -r";
      if (!option.choices.empty()) std::cout << " -f -a " << single_quoted(joined(option.choices), true);
      std::cout << " -d " << single_quoted(option.summary, true) << '\n';
    }
}

void add_completion(CLI::App& program) {
  CLI::App* const command = program.add_subcommand(
      "completion",
      "Prints a script with which a shell completes commands, options and their choices: bash, zsh or fish");
  const auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"bash", "zsh", "fish"}));
  command->footer(examples(
      {"source <(sharcs completion bash)", "sharcs completion fish > ~/.config/fish/completions/sharcs.fish"}));
  command->callback([&program, shell] {
    const ProgramTable table = table_of(program);
    if (*shell == "bash") print_bash(table);
    if (*shell == "zsh") print_zsh(table);
    if (*shell == "fish") print_fish(table);
  });
}

}  // namespace

namespace commands {
std::vector<Command> completion() { return {{.place = 95, .add = add_completion}}; }
}  // namespace commands

}  // namespace sharcs::internal
