#include "sharcs/report.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/program_tables.hpp"
#include "cli/progress.hpp"
#include "core/number.hpp"
#include "io/file.hpp"
#include "report/terminal.hpp"
#include "train/training_folder.hpp"

namespace sharcs::internal {
namespace {

struct ReportArguments {
  std::vector<std::filesystem::path> runs;
  std::string output, title;
  bool text = false;
  bool json = false;
  ReportOptions options;
};

/// The terminal's width, and colour unless NO_COLOR is set (no-color.org).
TextReportOptions options_of_terminal(const std::string& title) {
  const ProgressOptions terminal = ProgressOptions::of_descriptor(STDOUT_FILENO);
  const char* no_colour = std::getenv("NO_COLOR");
  return {.columns = terminal.columns,
          .colour = terminal.is_terminal && (no_colour == nullptr || *no_colour == '\0'),
          .title = title};
}

void report(const ReportArguments& arguments) {
  if (arguments.runs.empty()) usage_error("give the folder of a training run, or several");
  if (arguments.text && (arguments.json || !arguments.output.empty()))
    usage_error("--text writes to the terminal; it goes with neither --output nor --json");
  if (arguments.text) {
    std::cout << report_text(arguments.runs, options_of_terminal(arguments.title));
    return;
  }
  std::filesystem::path output = arguments.output;
  if (output.empty()) output = arguments.runs.size() == 1 ? arguments.runs.front() / "report.html" : "report.html";
  std::vector<std::filesystem::path> read = arguments.runs;
  for (const std::filesystem::path& run : arguments.runs)
    for (const char* name : {recording_file, TrainingFolder::settings_name, TrainingFolder::metrics_name})
      read.push_back(run / name);
  refuse_input_as_output("--output", output, read);
  ReportOptions options = arguments.options;
  options.title = arguments.title;
  const std::uint64_t bytes = write_file_atomically(output, report_html(arguments.runs, options)).size;
  if (arguments.json)
    std::cout << nlohmann::ordered_json{{"report", output.string()}, {"bytes", bytes}}.dump(2) << '\n';
  else
    std::cout << "wrote " << output.string() << " (" << bytes_text(static_cast<double>(bytes))
              << "); open it in a browser\n";
}

void add_report(CLI::App& program) {
  const auto arguments = std::make_shared<ReportArguments>();
  CLI::App* command = program.add_subcommand(
      "report", "Shows the results of training runs: one HTML file for a browser, or text for a terminal.");
  command->set_help_flag("-h,--help", "Print the options, with their defaults, and exit");
  command->add_option("runs", arguments->runs, "Output folders of training runs; several are compared");
  command->add_option("--output", arguments->output, "The HTML file")
      ->default_str("report.html in the run's folder, or for several runs here");
  command->add_option("--title", arguments->title, "Title of the report")
      ->default_str("the names of the runs' folders");
  command->add_flag("--text", arguments->text, "Draw the essentials on the terminal instead");
  command
      ->add_option("--samples", arguments->options.samples,
                   "At most so many sentences of each run in the HTML file: half of them the easiest, half the hardest")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Write what was done as JSON");
  command->footer(examples({R"(sharcs report runs/sst2)", R"(sharcs report runs/a runs/b --text)"}));
  command->callback([=] { report(*arguments); });
}

}  // namespace

namespace commands {
std::vector<Command> report() { return {{.place = 90, .add = add_report}}; }
}  // namespace commands

}  // namespace sharcs::internal
