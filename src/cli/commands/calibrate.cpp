#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/command.hpp"
#include "cli/comparison_report.hpp"
#include "cli/data_arguments.hpp"
#include "cli/policy_argument.hpp"
#include "cli/program_tables.hpp"
#include "core/clock.hpp"
#include "core/number.hpp"
#include "data/tokenized_dataset.hpp"
#include "eval/comparison.hpp"
#include "eval/dataset_runner.hpp"
#include "eval/evaluation_json.hpp"
#include "eval/policy_curves.hpp"
#include "eval/recorded_evaluation.hpp"
#include "report/terminal.hpp"
#include "routing/confidence.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

struct CalibrateArguments : CommonArguments {
  std::string model, recording, report_on;
  DatasetArguments dataset;
  std::optional<double> budget, latency_ms, max_drop;
  std::vector<double> curve;
  std::string policy = CalibrationOptions().kind;
  std::string precision;
  std::string confidence = CalibrationOptions().confidence;
  int folds = CalibrationOptions().folds;
  int timing_rounds = 0;
  bool no_router = false, one_threshold = false, compare = false, dry_run = false;

  /// Whether a target is asked for whose policy is stored with the model.
  bool stores_one() const { return budget || latency_ms || max_drop; }
  bool from_recording() const { return !dataset.given(); }
};

/// What calibration works from, and the model's runner where there is one.
struct Source {
  Recording recording;
  std::vector<Latency> latency;
  std::unique_ptr<Classifier> classifier = {};
  std::optional<Task> task = {};
  Dataset dataset = {};
  std::unique_ptr<ClassifierRunner> runner = {};
};

/// A target and what it is called.
struct NamedTarget {
  std::string name;
  CalibrationTarget target;
};

/// A policy for a target, and what to expect of it.
struct Result {
  std::string name;    ///< the target's
  std::string policy;  ///< "combined", "exits of entropy"
  Calibration calibration;
  /// The policy's point, which has the target's name, and its baselines.
  std::vector<OperatingPoint> expected;
  double cost = 1;  ///< expected, as a share of full width's, in the unit of costs

  const OperatingPoint& routing() const { return expected.front(); }
};

void check(const CalibrateArguments& arguments) {
  if (arguments.from_recording() && arguments.recording.empty())
    usage_error("give --recording FILE, or --model with --data FOLDER or --file FILE");
  if (!arguments.from_recording()) require(arguments.model, "--model");
  if (arguments.from_recording() && !arguments.precision.empty())
    usage_error("--precision is for running a model; give --model with --data FOLDER or --file FILE");
  if (arguments.budget.has_value() + arguments.latency_ms.has_value() + arguments.max_drop.has_value() > 1)
    usage_error("--budget, --latency and --max-drop exclude each other; give one");
  if (!arguments.stores_one() && arguments.curve.empty())
    usage_error("give --budget SHARE, --latency TIME, --max-drop POINTS or --curve SHARE,SHARE,…");
  if (!arguments.report_on.empty() && arguments.timing_rounds > 0)
    usage_error("--timing-rounds measures the data that calibration sees; leave out --report-on");
}

Source open_source(const CalibrateArguments& arguments) {
  Source source;
  if (arguments.from_recording()) {
    RecordedEvaluation file = RecordedEvaluation::load(arguments.recording);
    source.recording = std::move(file.recording);
    source.latency = std::move(file.latency);
    return source;
  }
  source.classifier = std::make_unique<Classifier>(
      Classifier::load(arguments.model, {.threads = arguments.threads_or_default(),
                                         .precision = precision_argument(arguments.precision),
                                         .label_threshold = arguments.dataset.label_threshold}));
  source.task = arguments.dataset.task_of(source.classifier->engine().config(), arguments.model);
  source.dataset = arguments.dataset.read(*source.task);
  source.runner = std::make_unique<ClassifierRunner>(*source.classifier, *source.task, source.dataset);
  source.recording = source.runner->record();
  if (arguments.latency_ms) source.latency = measure_latency(source.classifier->engine(), {.batches = {1}});
  return source;
}

CostModel costs_of(const CalibrateArguments& arguments, const Source& source) {
  if (!arguments.latency_ms) return CostModel::multiply_adds(source.recording);
  if (source.latency.empty())
    throw ConfigError(arguments.recording + ": no latency was measured; expected a file of sharcs eval --output");
  return CostModel::latency(source.recording, source.latency);
}

std::vector<NamedTarget> targets_of(const CalibrateArguments& arguments, double full_cost) {
  std::vector<NamedTarget> targets;
  if (arguments.budget) targets.push_back({"budget " + short_number(*arguments.budget), {.budget = arguments.budget}});
  if (arguments.latency_ms)
    targets.push_back({short_number(*arguments.latency_ms) + " ms",
                       {.budget = std::min(1.0, *arguments.latency_ms / 1000 / full_cost)}});
  if (arguments.max_drop)
    targets.push_back({"drop " + short_number(*arguments.max_drop), {.max_drop = *arguments.max_drop / 100}});
  for (const double budget : arguments.curve)
    targets.push_back({arguments.latency_ms ? short_number(budget) + " of the time" : "budget " + short_number(budget),
                       {.budget = budget}});
  return targets;
}

/// Calibrates one kind of policy to each target. `other`: the recording to report on; none: cross-validation.
/// in_company: other kinds are calibrated, too, so that the points' series have to tell the kind.
std::vector<Result> calibrate_each(const std::vector<NamedTarget>& targets, const Source& source,
                                   const CostModel& costs, const CalibrationOptions& options, const Recording* other,
                                   bool in_company) {
  std::vector<CalibrationTarget> bare;
  for (const NamedTarget& target : targets) bare.push_back(target.target);
  std::vector<Result> results;
  for (Calibration& calibration : calibrate(source.recording, costs, bare, options)) {
    Result& result = results.emplace_back();
    result.name = targets[results.size() - 1].name;
    result.policy = name_of_policy(options);
    const Recording& judge = other == nullptr ? source.recording : *other;
    const Routing routing = other == nullptr ? calibration.expected : route(judge, Policy::of(calibration.rule));
    CostModel judges_costs = costs;
    if (other != nullptr && costs.unit == CostUnit::multiply_adds) judges_costs = CostModel::multiply_adds(judge);
    result.cost = judges_costs.mean(judge, routing) / judges_costs.full(judge);
    result.expected = compare(judge, routing, {.bootstrap = {.seed = options.seed}});
    result.expected.front().name = result.name;
    result.expected.front().series = calibrated_series;
    if (in_company) result.expected.front().series += " " + result.policy;
    result.calibration = std::move(calibration);
  }
  return results;
}

/// The score of each target, and how it compares with baselines.
void print(const std::vector<Result>& results, const CostModel& costs, double full_cost, std::ostream& out) {
  const bool in_time = costs.unit == CostUnit::seconds;
  const bool timed =
      std::ranges::any_of(results, [](const Result& result) { return result.routing().time_fraction.has_value(); });
  std::vector<std::string> header = {"policy", "target"};
  for (const char* column : in_time ? std::vector<const char*>{"time", "ms"} : std::vector<const char*>{"cost"})
    header.emplace_back(column);
  for (const char* column : {"score [95 % interval]", "over full width", "over random", "over mix of fixed"})
    header.emplace_back(column);
  if (timed) header.emplace_back(in_time ? "measured time" : "time");
  TextTable table(header);
  for (const Result& result : results) {
    std::vector<std::string> cells = {result.policy, result.name, decimal(result.cost, 3)};
    if (in_time) cells.push_back(three_digits(result.cost * full_cost * 1000));
    cells.push_back(estimate_text(result.routing().score));
    for (const Baseline baseline : {Baseline::fixed, Baseline::random, Baseline::mix_of_fixed})
      cells.push_back(estimate_text(*point_of(result.expected, baseline).lead));
    if (timed) cells.push_back(decimal(result.routing().time_fraction.value_or(nan), 3));
    table.add(std::move(cells));
  }
  table.print(out);
  if (in_time)
    out << "\ntime: a share of the " << three_digits(full_cost * 1000) << " ms that a call takes at full width\n";
}

Json json_of(const Result& result) {
  const OperatingPoint& routing = result.routing();
  Json json = {{"name", result.name},
               {"policy", result.policy},
               {"met", result.calibration.met},
               {"cost", result.cost},
               {"cost_fraction", routing.cost_fraction},
               {"shares", routing.shares},
               {"metrics", metric_map_json(routing.metrics)},
               {"score", estimate_json(routing.score)}};
  for (const OperatingPoint& point : result.expected)
    if (point.lead) json["leads"][point.name] = estimate_json(*point.lead);
  if (routing.time_fraction) json["time_fraction"] = *routing.time_fraction;
  return json;
}

/// Puts the targets' points into a recording.json in place of those of an earlier calibration of the same policies.
void add_to(const std::string& path, const std::vector<Result>& results, bool store) {
  RecordedEvaluation file = RecordedEvaluation::load(path);
  if (store) file.recording.config.sharcs->policy = results.front().calibration.rule;
  const auto is_replaced = [&](const OperatingPoint& point) {
    return std::ranges::any_of(results, [&](const Result& result) { return result.routing().series == point.series; });
  };
  std::erase_if(file.points, is_replaced);
  for (const Result& result : results) file.points.push_back(result.routing());
  file.save(path);
}

void calibrate_command(const CalibrateArguments& arguments) {
  check(arguments);
  const Source source = open_source(arguments);
  const Recording& recording = source.recording;
  std::optional<Recording> other;
  if (!arguments.report_on.empty()) other = Recording::load(arguments.report_on);
  if (other && other->answers.size() != recording.answers.size())
    throw ConfigError(arguments.report_on + ": has " + std::to_string(other->answers.size()) +
                      " answers; expected the " + std::to_string(recording.answers.size()) +
                      " of the model that is calibrated");
  const CostModel costs = costs_of(arguments, source);
  const double full_cost = costs.full(recording);
  const std::vector<NamedTarget> targets = targets_of(arguments, full_cost);
  std::vector<CalibrationOptions> options = {{.kind = arguments.policy,
                                              .confidence = arguments.confidence,
                                              .router = !arguments.no_router,
                                              .one_threshold = arguments.one_threshold,
                                              .folds = arguments.folds,
                                              .seed = arguments.seed_or_default()}};
  if (arguments.compare) options = possible_calibrations(recording, options.front());
  std::vector<Result> results;
  for (const CalibrationOptions& each : options)
    for (Result& result : calibrate_each(targets, source, costs, each, other ? &*other : nullptr, arguments.compare))
      results.push_back(std::move(result));
  if (arguments.timing_rounds > 0 && source.runner)
    for (Result& result : results) {
      const RoutingSeconds seconds = source.runner->time(Policy::of(result.calibration.rule), arguments.timing_rounds);
      result.expected.front().time_fraction = seconds.routed / seconds.full;
    }
  const std::string model = arguments.model.empty() ? recording.model : arguments.model;
  const bool store = arguments.stores_one() && !arguments.dry_run && !arguments.compare;
  if (store) save_policy(model, results.front().calibration.rule);
  if (!arguments.recording.empty() && !other && !arguments.dry_run) add_to(arguments.recording, results, store);

  std::vector<std::string> notes;
  for (const Result& result : results)
    for (const std::string& note : result.calibration.notes)
      if (std::ranges::find(notes, note) == notes.end()) notes.push_back(note);
  if (arguments.json) {
    Json json = {{"model", model},
                 {"task", recording.task},
                 {"file", recording.data},
                 {"samples", recording.size()},
                 {"unit", costs.unit == CostUnit::seconds ? "seconds" : "multiply_adds"},
                 {"full_cost", full_cost},
                 {"notes", notes},
                 {"points", Json::array()}};
    for (const Result& result : results) json["points"].push_back(json_of(result));
    json["stored"] = store ? Json(results.front().calibration.rule.name()) : Json();
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::cout << recording.task << ": " << counted(recording.size(), "sample") << " of " << recording.data;
  if (other)
    std::cout << "; the results are of " << counted(other->size(), "sample") << " of " << other->data << '\n';
  else
    std::cout << "; what to expect of new ones, by cross-validation\n";
  for (const std::string& note : notes) std::cout << note << '\n';
  std::cout << '\n';
  print(results, costs, full_cost, std::cout);
  if (store)
    std::cout << '\n'
              << model << " is now " << results.front().calibration.rule.name()
              << "; --policy router undoes it for a call\n";
  else
    std::cout << '\n' << model << " is as it was\n";
}

void add_calibrate(CLI::App& program) {
  const auto arguments = std::make_shared<CalibrateArguments>();
  CLI::App* command = add_command(
      program, "calibrate",
      "Sets how much a model may cost: finds the thresholds by which answers are kept for a budget, a latency or a "
      "drop of the score, and stores them with the model. Needs what the model answers to labelled data that it was "
      "not trained on: a recording of sharcs eval --output, or the data themselves. Nothing is trained.",
      "cross-validation and intervals", *arguments);
  command->add_option("--model", arguments->model,
                      "Model directory; with --recording it may be left out: the recording names it");
  command->add_option("--recording", arguments->recording,
                      "A file of sharcs train or eval (recording.json) to work from, without the model; with data, "
                      "the file that the results are added to, for the report");
  command->add_option("--budget", arguments->budget, "Mean multiply-adds at most, as a share of full width's")
      ->check(CLI::Range(0.0, 1.0));
  command
      ->add_option("--latency", arguments->latency_ms,
                   "Mean time at most of a call with one input, as in 5ms, measured on this machine; budgets of "
                   "--curve are then shares of full width's time")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, double>{{"us", 0.001}, {"ms", 1.0}, {"s", 1000.0}},
                                        CLI::AsNumberWithUnit::CASE_SENSITIVE, "TIME"))
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--max-drop", arguments->max_drop,
                   "How many points the score may be below full width's, as in 0.5; then the least cost")
      ->check(CLI::Range(0.0, 100.0));
  command
      ->add_option("--curve", arguments->curve,
                   "Budgets to show, as in 0.3,0.5,1: shares of full width's multiply-adds, with --latency of its "
                   "time; stores nothing by itself")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--policy", arguments->policy, "Which answers may be asked: router, cascade, exits or combined")
      ->capture_default_str();
  add_precision_option(*command, arguments->precision);
  command->add_option("--confidence", arguments->confidence, "How sure an answer is: " + known_confidences())
      ->capture_default_str();
  command->add_flag("--no-router", arguments->no_router, "A combined policy does not use the router");
  command->add_flag("--one-threshold", arguments->one_threshold,
                    "One threshold for all exits and one for all narrow widths, as in the papers on early exits; else "
                    "each answer has its own");
  command->add_flag("--compare", arguments->compare,
                    "Show every kind of policy for the target, a line each; stores nothing");
  command->add_option("--report-on", arguments->report_on,
                      "Another recording of the same model, for the results; else they come from cross-validation");
  command->add_flag("--dry-run", arguments->dry_run,
                    "Show the results and leave the model and the recording as they are");
  command->add_option("--folds", arguments->folds, "Parts of the cross-validation")
      ->check(CLI::Range(2, 1000))
      ->capture_default_str();
  command
      ->add_option("--timing-rounds", arguments->timing_rounds,
                   "Measure the time of each policy as a share of full width's: the median of so many runs; 0: do not "
                   "measure")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  arguments->dataset.add_to(*command, "dev");
  command->footer(examples({R"(sharcs calibrate --recording runs/sst2/recording.json --budget 0.4)",
                            R"(sharcs calibrate --model runs/sst2 --data path/to/SST-2 --max-drop 0.5)"}));
  on_call(command, arguments, calibrate_command);
}

}  // namespace

namespace commands {
std::vector<Command> calibrate() { return {{.place = 40, .add = add_calibrate}}; }
}  // namespace commands

}  // namespace sharcs::internal
