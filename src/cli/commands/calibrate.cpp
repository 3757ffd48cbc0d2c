#include <algorithm>
#include <cmath>
#include <iostream>
#include <optional>

#include "cli/command.hpp"
#include "cli/comparison_report.hpp"
#include "cli/data_arguments.hpp"
#include "core/clock.hpp"
#include "core/number.hpp"
#include "data/tokenized_dataset.hpp"
#include "eval/comparison.hpp"
#include "eval/dataset_runner.hpp"
#include "eval/evaluation_json.hpp"
#include "eval/recorded_evaluation.hpp"
#include "report/terminal.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

struct CalibrateArguments : CommonArguments {
  std::string model;
  DatasetArguments dataset;
  std::optional<double> budget, latency_ms;
  std::vector<double> curve;
  std::string recording;
  int folds = CalibrationOptions().folds;
  int timing_rounds = 0;
  bool dry_run = false;

  /// Whether a budget is asked for whose rule is stored with the model.
  bool stores_one() const { return budget || latency_ms; }
};

/// A mean cost that is asked for.
struct Budget {
  double share;      ///< of full width's, in the unit of costs
  std::string name;  ///< "budget 0.5"; in shares of time "0.5 of the time", or "8 ms"
};

/// A budget, its rule, and what to expect of it.
struct BudgetResult {
  std::string name;  ///< the budget's
  Calibration calibration;
  /// By cross-validation: the rule's point, which has the budget's name, and its baselines.
  std::vector<OperatingPoint> expected;
  double cost = 1;  ///< expected, as a share of full width's, in the budget's unit

  const OperatingPoint& routing() const { return expected.front(); }
};

/// The least budget as people read it, rounded up so that it can be asked for.
std::string least_text(double least) { return decimal(std::ceil(least * 1000) / 1000, 3); }

/// What bounds the budgets.
struct PossibleCosts {
  CostUnit unit;
  double full_cost;     ///< full width's mean, in the unit
  double least_budget;  ///< the narrowest width's mean, as a share of full_cost
};

/// The budgets to calibrate for; the one whose rule is stored stands first.
std::vector<Budget> budgets_of(const CalibrateArguments& arguments, const PossibleCosts& possible,
                               std::vector<std::string>& notes) {
  const double least = possible.least_budget;
  std::vector<Budget> budgets;
  if (arguments.budget) {
    if (*arguments.budget < least)
      throw ConfigError("a budget of " + short_number(*arguments.budget) + "; expected " + least_text(least) +
                        " (everything at the narrowest width) to 1");
    budgets.push_back({*arguments.budget, "budget " + short_number(*arguments.budget)});
  }
  if (arguments.latency_ms) {
    const double full_ms = possible.full_cost * 1000;
    const std::string name = short_number(*arguments.latency_ms) + " ms";
    if (*arguments.latency_ms < least * full_ms)
      throw ConfigError("--latency-ms " + short_number(*arguments.latency_ms) + ": everything at the narrowest width " +
                        "takes " + three_digits(least * full_ms) + " ms in the mean");
    if (*arguments.latency_ms > full_ms)
      notes.push_back("even the widest width takes only " + three_digits(full_ms) + " ms in the mean");
    budgets.push_back({std::min(1.0, *arguments.latency_ms / full_ms), name});
  }
  for (const double budget : arguments.curve) {
    if (budget < least)
      notes.push_back("budget " + short_number(budget) + " is left out: everything at the narrowest width " +
                      (arguments.latency_ms ? "takes " : "costs ") + least_text(least));
    else
      budgets.push_back(
          {budget, arguments.latency_ms ? short_number(budget) + " of the time" : "budget " + short_number(budget)});
  }
  return budgets;
}

/// The score of each budget, and how it compares with baselines.
void print(const std::vector<BudgetResult>& results, const PossibleCosts& possible, std::ostream& out) {
  const bool in_time = possible.unit == CostUnit::seconds;
  const bool timed = std::ranges::any_of(
      results, [](const BudgetResult& result) { return result.routing().time_fraction.has_value(); });
  std::vector<std::string> header = {"budget"};
  for (const char* column : in_time ? std::vector<const char*>{"time", "ms"} : std::vector<const char*>{"cost"})
    header.emplace_back(column);
  for (const char* column : {"score [95 % interval]", "over full width", "over random", "over mix of fixed"})
    header.emplace_back(column);
  if (timed) header.emplace_back(in_time ? "measured time" : "time");
  TextTable table(header);
  for (const BudgetResult& result : results) {
    std::vector<std::string> cells = {in_time ? result.name : decimal(result.calibration.rule.budget, 3),
                                      decimal(result.cost, 3)};
    if (in_time) cells.push_back(three_digits(result.cost * possible.full_cost * 1000));
    cells.push_back(estimate_text(result.routing().score));
    for (const Baseline baseline : {Baseline::fixed, Baseline::random, Baseline::mix_of_fixed})
      cells.push_back(estimate_text(*point_of(result.expected, baseline).lead));
    if (timed) cells.push_back(decimal(result.routing().time_fraction.value_or(nan), 3));
    table.add(std::move(cells));
  }
  table.print(out);
  if (in_time)
    out << "\ntime: a share of the " << three_digits(possible.full_cost * 1000)
        << " ms that a call takes at full width\n";
}

Json json_of(const BudgetResult& result) {
  const OperatingPoint& routing = result.routing();
  Json json = {{"name", result.name},
               {"budget", result.calibration.rule.budget},
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

/// Puts the budgets into a recording.json in place of those of an earlier calibration.
void add_to(const std::string& path, const std::vector<BudgetResult>& results) {
  RecordedEvaluation file = RecordedEvaluation::load(path);
  std::erase_if(file.points, [](const OperatingPoint& point) { return point.series == calibrated_series; });
  for (const BudgetResult& result : results) file.points.push_back(result.routing());
  file.save(path);
}

void check(const CalibrateArguments& arguments) {
  require(arguments.model, "--model");
  if (!arguments.dataset.given()) usage_error("give --data FOLDER or --file FILE");
  if (arguments.budget && arguments.latency_ms) usage_error("--budget and --latency-ms are one choice; give one");
  if (!arguments.stores_one() && arguments.curve.empty())
    usage_error("give --budget SHARE, --latency-ms MS or --curve SHARE,SHARE,…");
}

/// Calibrates to each budget and compares what comes of it with the baselines.
std::vector<BudgetResult> calibrate_each(const std::vector<Budget>& budgets, const Recording& recording,
                                         const CostModel& costs, const CalibrationOptions& options) {
  std::vector<double> shares;
  for (const Budget& budget : budgets) shares.push_back(budget.share);
  std::vector<BudgetResult> results;
  for (Calibration& calibration : calibrate(recording, costs, shares, options)) {
    BudgetResult& result = results.emplace_back();
    result.name = budgets[results.size() - 1].name;
    result.cost = costs.mean(recording, calibration.expected.answer_of_sample) / costs.full(recording);
    result.expected = compare(recording, calibration.expected, {.bootstrap = {.seed = options.seed}});
    result.expected.front().name = result.name;
    result.expected.front().series = calibrated_series;
    result.calibration = std::move(calibration);
  }
  return results;
}

void calibrate(const CalibrateArguments& arguments) {
  check(arguments);
  const Classifier classifier = Classifier::load(arguments.model, {.threads = arguments.threads_or_default()});
  const ModelConfig& config = classifier.engine().config();
  if (!config.sharcs) throw ConfigError("the model has no router to calibrate");
  const Task task = arguments.dataset.task_of(config, arguments.model);
  const Dataset dataset = arguments.dataset.read(task);
  ClassifierRunner runner(classifier, task, dataset);
  const Recording recording = runner.record();
  const CostModel costs = arguments.latency_ms
                              ? CostModel::latency(measure_latency(classifier.engine(), {.batches = {1}}))
                              : CostModel::multiply_adds(config);
  const PossibleCosts possible = {
      .unit = costs.unit, .full_cost = costs.full(recording), .least_budget = least_budget(recording, costs)};
  std::vector<std::string> notes;
  const std::vector<Budget> budgets = budgets_of(arguments, possible, notes);
  std::vector<BudgetResult> results =
      calibrate_each(budgets, recording, costs, {.folds = arguments.folds, .seed = arguments.seed_or_default()});
  if (arguments.timing_rounds > 0)
    for (BudgetResult& result : results) {
      const RoutingSeconds seconds =
          runner.time(RoutingPolicy::calibrated(result.calibration.rule), arguments.timing_rounds);
      result.expected.front().time_fraction = seconds.routed / seconds.full;
    }
  const bool store = arguments.stores_one() && !arguments.dry_run;
  if (store) save_routing(arguments.model, results.front().calibration.rule);
  if (!arguments.recording.empty()) add_to(arguments.recording, results);

  if (arguments.json) {
    Json json = {{"model", arguments.model},
                 {"task", task.name()},
                 {"file", dataset.file},
                 {"samples", dataset.size()},
                 {"unit", costs.unit == CostUnit::seconds ? "seconds" : "multiply_adds"},
                 {"full_cost", possible.full_cost},
                 {"least_budget", possible.least_budget},
                 {"notes", notes},
                 {"points", Json::array()}};
    if (!results.empty()) json["values"] = to_string(results.front().calibration.values);
    for (const BudgetResult& result : results) json["points"].push_back(json_of(result));
    json["stored"] = store ? Json(results.front().calibration.rule.name()) : Json();
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::cout << task.name() << ": " << counted(dataset.size(), "sample") << " of " << dataset.file
            << "; what to expect of new ones, by cross-validation\n";
  for (const std::string& note : notes) std::cout << note << '\n';
  std::cout << '\n';
  print(results, possible, std::cout);
  if (!results.empty()) std::cout << "\nvalues of widths: " << to_string(results.front().calibration.values) << '\n';
  if (store)
    std::cout << arguments.model << " is now " << results.front().calibration.rule.name()
              << "; --policy argmax undoes it for a call\n";
  else
    std::cout << arguments.model << " is as it was\n";
}

void add_calibrate(CLI::App& program) {
  const auto arguments = std::make_shared<CalibrateArguments>();
  CLI::App* command = add_command(
      program, "calibrate",
      "Sets how much a model may cost: finds the rule by which the router's logits should choose widths for a budget, "
      "and stores it with the model. Needs labelled data that the model was not trained on. Nothing is trained.",
      "cross-validation and intervals", *arguments);
  command->add_option("--model", arguments->model, "Model directory (required)");
  command->add_option("--budget", arguments->budget, "Mean multiply-adds at most, as a share of full width's")
      ->check(CLI::Range(0.0, 1.0));
  command
      ->add_option(
          "--latency-ms", arguments->latency_ms,
          "Mean milliseconds at most of a call with one input, measured on this machine now; budgets of --curve are "
          "then shares of full width's time")
      ->check(CLI::PositiveNumber);
  command
      ->add_option(
          "--curve", arguments->curve,
          "Budgets to show, as in 0.3,0.5,1: shares of full width's multiply-adds, with --latency-ms of its time; "
          "stores nothing by itself")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 1.0));
  command->add_flag("--dry-run", arguments->dry_run, "Show the results and leave the model as it is");
  command->add_option("--recording", arguments->recording,
                      "Add the budgets to this file of sharcs train or eval (recording.json), for the report");
  command->add_option("--folds", arguments->folds, "Parts of the cross-validation")
      ->check(CLI::Range(2, 1000))
      ->capture_default_str();
  command
      ->add_option(
          "--timing-rounds", arguments->timing_rounds,
          "Measure the time of each budget as a share of full width's: the median of so many runs; 0: do not measure")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  arguments->dataset.add_to(*command, "dev");
  on_call(command, arguments, calibrate);
}

}  // namespace

namespace commands {
std::vector<Command> calibrate() { return {{.place = 40, .add = add_calibrate}}; }
}  // namespace commands

}  // namespace sharcs::internal
