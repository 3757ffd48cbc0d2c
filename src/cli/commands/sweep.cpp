#include <charconv>
#include <filesystem>
#include <iostream>

#include "cli/command.hpp"
#include "cli/data_arguments.hpp"
#include "cli/program_tables.hpp"
#include "cli/sweep_table.hpp"
#include "cli/training_arguments.hpp"
#include "cli/training_session.hpp"
#include "cli/training_setup.hpp"
#include "core/clock.hpp"
#include "core/number.hpp"
#include "eval/recorded_evaluation.hpp"
#include "io/checksum.hpp"
#include "io/file.hpp"
#include "io/json_cursor.hpp"
#include "report/terminal.hpp"
#include "sharcs/error.hpp"
#include "train/run_identity.hpp"
#include "train/training_folder.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr const char* run_file = "sweep-run.json";

struct SweepArguments : CommonArguments {
  std::string output, init;
  bool dry_run = false;
  TrainingDataArguments data;
  TrainingArguments training;
};

/// The shortest text, as run folders of earlier versions have it in their sums: "5e-04" for 0.0005.
std::string text_of_target(double target) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, target).ptr};
}

Json identity_of(const Dataset& dataset) {
  Checksum sum;
  const auto add = [&](const std::string& text) { sum.add(std::as_bytes(std::span(text.c_str(), text.size() + 1))); };
  for (const Sample& sample : dataset.samples) {
    add(sample.text);
    add(sample.pair.value_or(""));
    if (sample.label) add(std::to_string(*sample.label));
    for (const double target : sample.targets) add(text_of_target(target));
    if (!sample.label && sample.targets.empty()) add("");
  }
  return {{"samples", dataset.size()}, {"content", sum.value()}};
}

/// A run that is to be there in the end.
struct PlannedRun {
  SweepRun run;
  ConfigFile config;
  Json identity;         ///< what decides its result
  bool started = false;  ///< in an earlier call
};

/// The file that tells of which settings the run in a folder is, and what came of it.
void write_run_file(const PlannedRun& planned) {
  Json json = {{"sharcs", version()}, {"settings", Json::object()}, {"identity", planned.identity}};
  for (const auto& [key, value] : planned.run.point.settings) json["settings"][key] = value;
  if (planned.run.result) json["result"] = planned.run.result->json();
  write_file_atomically(fs::path(planned.run.folder) / run_file,
                        json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

/// Takes up what stands in the run's folder. Throws ConfigError when it is of other settings or data.
void take_up(PlannedRun& planned) {
  const fs::path folder = planned.run.folder, file = folder / run_file;
  if (!fs::exists(file)) {
    if (fs::exists(TrainingFolder(folder).settings_file()))
      throw ConfigError(folder.string() + ": holds a training that is not this sweep's: there is no " + run_file +
                        "; sweep into another folder");
    return;
  }
  const JsonCursor fields = JsonCursor::load(file, JsonKind::data);
  const std::vector<std::string> changes = json_differences(planned.identity, fields["identity"].object());
  if (!changes.empty())
    throw ConfigError(folder.string() + ": is a run of other settings: " + joined_differences(changes) +
                      "; sweep into another folder, or remove this one");
  planned.started = true;
  if (fields["result"].exists()) planned.run.result = SweepResult::from(fields["result"]);
}

std::vector<PlannedRun> plan(const SweepArguments& arguments, const ConfigFile& base, const TrainingData& data) {
  const Json train = identity_of(data.train), dev = identity_of(data.dev);
  std::vector<PlannedRun> runs;
  for (GridPoint& point : grid_points(base.section("grid"), base.name())) {
    PlannedRun planned = {.run = {}, .config = base, .identity = {}};
    planned.config.rename(base.name() + " at " + point.name);
    for (const auto& [key, value] : point.settings) planned.config.set(key, value);
    check_training(planned.config, arguments.init);
    planned.identity = {{"task", data.task.name()},
                        {"init", arguments.init},
                        {"model", planned.config.section("model")},
                        {"tokenizer", planned.config.section("tokenizer")},
                        {"training", deciding_options(training_options(planned.config))},
                        {"train", train},
                        {"dev", dev}};
    planned.run.folder = (fs::path(arguments.output) / point.name).string();
    planned.run.point = std::move(point);
    take_up(planned);
    runs.push_back(std::move(planned));
  }
  return runs;
}

/// Trains and tries one run. Its checkpoints go when its result is there.
void finish(PlannedRun& planned, const SweepArguments& arguments, const TrainingData& data) {
  SweepRun& run = planned.run;
  // Without checkpoints there is nothing to go on from: it starts again.
  const TrainingFolder folder(run.folder);
  const bool resume = planned.started && folder.has_checkpoints();
  make_folder(run.folder);
  write_run_file(planned);
  planned.started = true;

  TrainingSetup setup = set_up_training(planned.config, data, arguments.init);
  const double start = steady_seconds();
  const TrainingOutcome outcome =
      run_training({.output = run.folder, .resume = resume, .how_to_go_on = "the same sharcs sweep"}, setup, data);
  const double seconds = steady_seconds() - start;
  const Classifier classifier = Classifier::load(run.folder, {.threads = setup.options.threads});
  const EvaluationReport report(classifier, data.task, data.dev, {.call_seconds = 0, .seed = setup.options.seed});
  const std::vector<OperatingPoint> comparison = report.compare();
  report.save(folder.recording_file(), run.folder, classifier.engine(), comparison, latency_options(seconds));
  double training_seconds = 0;
  for (const EpochRecord& epoch : folder.logged_epochs()) training_seconds += epoch.seconds;
  run.result = SweepResult::of(report, comparison, {.best_epoch = outcome.best_epoch, .seconds = training_seconds});
  write_run_file(planned);
  std::error_code ignored;
  fs::remove_all(folder.checkpoints().path(), ignored);
}

std::vector<SweepRun> table_of(const std::vector<PlannedRun>& planned) {
  std::vector<SweepRun> runs;
  for (const PlannedRun& each : planned) runs.push_back(each.run);
  mark_front(runs);
  return runs;
}

template <typename Line>
void write_table(const std::vector<Line>& lines, const fs::path& without_extension) {
  write_file_atomically(without_extension.string() + ".json",
                        json_of(lines).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  write_file_atomically(without_extension.string() + ".tsv", tsv_of(lines));
}

/// The tables as far as the sweep has come.
void write_tables(const fs::path& output, const std::vector<PlannedRun>& planned) {
  const std::vector<SweepRun> runs = table_of(planned);
  write_table(runs, output / "sweep");
  if (const auto groups = group_by_seed(runs); !groups.empty()) write_table(groups, output / "sweep-seeds");
}

void list(const std::vector<PlannedRun>& planned, std::ostream& out) {
  TextTable table({"run", ""});
  for (const PlannedRun& each : planned)
    table.add({each.run.point.name, each.run.result ? "finished" : each.started ? "to be resumed" : "to be trained"});
  table.print(out);
}

void sweep(const SweepArguments& arguments) {
  require(arguments.output, "--output");
  require(arguments.config, "--config");
  const ConfigFile base = arguments.training.merged_config(arguments);
  if (base.section("grid").empty())
    throw ConfigError(base.name() + ": no section \"grid\"; expected settings with lists of values, as in " +
                      R"({"training.window": [1, 3]})");
  // Every run sees the same split, whatever its own seed.
  const TrainingData data = arguments.data.read(training_options(base).seed);
  std::vector<PlannedRun> runs = plan(arguments, base, data);
  if (arguments.dry_run) return list(runs, std::cout);

  make_folder(arguments.output);
  const FolderLock lock(arguments.output);
  std::size_t failed = 0;
  std::string first_failure;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    SweepRun& run = runs[i].run;
    notes() << "run " << i + 1 << " of " << runs.size() << ": " << run.point.name
            << (run.result ? " is finished\n" : "\n");
    if (run.result) continue;
    try {
      finish(runs[i], arguments, data);
    } catch (const TrainingError& failure) {
      // Settings with which nothing can be learnt are a result, too.
      run.error = failure.what();
      std::cerr << "failed: " << run.error << '\n';
      if (failed++ == 0) first_failure = run.point.name + ": " + run.error;
    }
    write_tables(arguments.output, runs);
  }
  write_tables(arguments.output, runs);
  const std::vector<SweepRun> table = table_of(runs);
  if (arguments.json) {
    std::cout << json_of(table).dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    print(table, std::cout);
    const auto groups = group_by_seed(table);
    if (!groups.empty()) {
      std::cout << "\nover seeds\n";
      print(groups, std::cout);
    }
    std::cout << "\n* no other line is better in both score and cost; all of it in "
              << (fs::path(arguments.output) / "sweep.tsv").string() << " and sweep.json"
              << (groups.empty() ? "" : ", over seeds in sweep-seeds.tsv and .json") << '\n';
  }
  if (failed > 0)
    throw TrainingError(std::to_string(failed) + " of " + counted(runs.size(), "run") + " failed; " + first_failure);
}

void add_sweep(CLI::App& program) {
  const auto arguments = std::make_shared<SweepArguments>();
  CLI::App* command = add_command(
      program, "sweep",
      "Trains one model for each combination of the settings in the config file's section \"grid\", as in "
      "{\"training.window\": [1, 3], \"training.seed\": [1, 2]}; a list of grids is their union. The same call again "
      "skips runs that are finished and resumes the one that was interrupted. The result is a table with the runs "
      "that no other beats marked.",
      "everything that is drawn, unless the grid has \"training.seed\"", *arguments);
  command->add_option("--output", arguments->output,
                      "Folder for the runs, a folder each, and the tables sweep.json and sweep.tsv (required)");
  command->add_option("--init", arguments->init,
                      "Model directory to start from, as downloaded; none: from random parameters");
  command->add_flag("--dry-run", arguments->dry_run, "Check all runs and list them, and train nothing");
  arguments->data.add_to(*command);
  arguments->training.add_to(*command);
  command->footer(examples(
      {R"(sharcs sweep --task sst-2 --data path/to/SST-2 --config configs/sweep-quickstart.json --output sweeps/a)",
       R"(sharcs sweep --train reviews.csv --config sweep.json --output sweeps/reviews)"}));
  on_call(command, arguments, sweep);
}

}  // namespace

namespace commands {
std::vector<Command> sweep() { return {{.place = 20, .add = add_sweep}}; }
}  // namespace commands

}  // namespace sharcs::internal
