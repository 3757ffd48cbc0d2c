#include <iostream>

#include "cli/command.hpp"
#include "cli/training_setup.hpp"
#include "model/sharcs_option_table.hpp"
#include "train/training_option_table.hpp"

namespace sharcs::internal {
namespace {

constexpr const char* introduction =
    R"(# Options

Every setting of the sections `training`, `model.sharcs` and `tokenizer` of a [configuration file](configs.md): its key, the
values that it takes, and what it has where the file does not say. `sharcs train --config FILE` and `sharcs sweep` read
them. The flag of a key is its name with `-` for `_`: `"learning_rate": 1e-4` in the file is `--learning-rate 1e-4`.
)";

/// What may stand in a cell of a table in Markdown.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, 1, '\\');
  return text;
}

template <class Settings>
void print_section(const std::string& title, const std::string& text, const OptionTable<Settings>& table,
                   std::ostream& out) {
  out << "\n## " << title << "\n\n" << text << '\n';
  for (const auto& group : table) {
    out << "\n### " << group.title << "\n\n";
    if (!group.decides_result)
      out << "They do not change what the model learns: a run that was stopped may go on with other values.\n\n";
    out << "| key | takes | default | meaning |\n|---|---|---|---|\n";
    for (const auto& row : group.rows)
      out << "| `" << row.key << "` | " << cell(row.expected) << " | `" << row.fallback << "` | " << cell(row.meaning)
          << " |\n";
  }
}

/// Prints docs/options.md.
void print_options() {
  std::cout << introduction;
  print_section("`training`", "How `sharcs train` trains.", training_option_table(), std::cout);
  print_section("`model.sharcs`",
                "What SHARCS adds to an encoder; in a model's `config.json` it stands under `sharcs`. The flag of "
                "`width_mult_list` is `--widths`.",
                sharcs_option_table(), std::cout);
  print_section("`tokenizer`",
                "How a vocabulary is built where there is none to start from. These have no flags of their own: "
                "`--set tokenizer.vocab_size=4000`. `path` in place of them names a folder with a tokenizer, or its "
                "file.",
                vocabulary_option_table(), std::cout);
}

void add_options(CLI::App& program) {
  CLI::App* const command = program.add_subcommand("options", "Prints the reference of all settings, docs/options.md");
  command->group("");  // for who writes the documentation: not in --help
  command->callback(print_options);
}

}  // namespace

namespace commands {
std::vector<Command> options() { return {{.place = 100, .add = add_options}}; }
}  // namespace commands

}  // namespace sharcs::internal
