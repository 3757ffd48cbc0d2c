#include <algorithm>
#include <cmath>
#include <iostream>
#include <optional>

#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/data_arguments.hpp"
#include "cli/estimate_text.hpp"
#include "core/clock.hpp"
#include "core/json_reader.hpp"
#include "core/text_table.hpp"
#include "data/tokenized_dataset.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/comparison.hpp"
#include "sharcs/error.hpp"
#include "sharcs/evaluation_file.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

struct CalibrateArguments : CommonArguments {
  std::string model;
  DatasetArguments dataset;
  std::optional<double> budget, latency_ms;
  std::vector<double> curve;
  std::string evaluation;
  int folds = CalibrationOptions().folds;
  int timing_rounds = 0;
  bool dry_run = false;
};

/// A mean cost that is asked for.
struct Budget {
  double share;      ///< of the widest width's, in the unit of costs
  std::string name;  ///< "budget 0.5"; in shares of time "0.5 of the time", or "8 ms"
};

/// A budget, its rule, and what to expect of it.
struct Point {
  std::string name;  ///< the budget's
  Calibration calibration;
  Comparison expected;       ///< of cross-validation
  double cost = 1;           ///< expected, as a share of the widest width's, in the budget's unit
  double time_fraction = 0;  ///< measured, over the widest width's; 0: not measured
};

/// The data set's inputs, to run them by the clock.
class Stopwatch {
 public:
  Stopwatch(const Classifier& classifier, const Task& task, const Dataset& dataset)
      : engine_(classifier.engine()),
        tokenized_(tokenize(dataset, task, classifier.tokenizer(), classifier.max_tokens())) {
    for (Index s = 0; s < tokenized_.tokens.samples(); ++s) {
      const auto from = static_cast<std::size_t>(tokenized_.tokens.offsets[s]);
      const auto count = static_cast<std::size_t>(tokenized_.tokens.tokens(s));
      inputs_.push_back({std::span(tokenized_.tokens.ids).subspan(from, count),
                         std::span(tokenized_.tokens.token_types).subspan(from, count)});
    }
  }

  /// Time by the policy over time at the widest width: the two take turns, and the medians count.
  double fraction(const RoutingPolicy& policy, int rounds) const {
    const RoutingPolicy widest = RoutingPolicy::fixed(engine_.widths().widest().fraction());
    std::vector<double> ours, full;
    for (int round = 0; round < rounds; ++round) {
      full.push_back(seconds(widest));
      ours.push_back(seconds(policy));
    }
    const auto median = [](std::vector<double>& values) {
      std::ranges::sort(values);
      return values[values.size() / 2];
    };
    return median(ours) / median(full);
  }

 private:
  double seconds(const RoutingPolicy& policy) const {
    const double start = steady_seconds();
    engine_.run(inputs_, policy);
    return steady_seconds() - start;
  }

  const Engine& engine_;
  TokenizedDataset tokenized_;
  std::vector<TokenSequence> inputs_;
};

const BaselineResult& find(const Comparison& comparison, Baseline baseline) {
  // The last one of a kind: of the fixed widths the widest.
  const auto found = std::find_if(comparison.baselines.rbegin(), comparison.baselines.rend(),
                                  [&](const BaselineResult& result) { return result.baseline == baseline; });
  return *found;
}

/// The least budget as people read it, rounded up so that it can be asked for.
std::string least_text(double least) { return decimal(std::ceil(least * 1000) / 1000, 3); }

/// The budgets to calibrate for; the one whose rule is stored stands first.
std::vector<Budget> budgets_of(const CalibrateArguments& arguments, double least, double full_cost,
                               std::vector<std::string>& notes) {
  std::vector<Budget> budgets;
  if (arguments.budget) {
    if (*arguments.budget < least)
      throw ConfigError("a budget of " + short_number(*arguments.budget) + "; expected " + least_text(least) +
                        " (everything at the narrowest width) to 1");
    budgets.push_back({*arguments.budget, "budget " + short_number(*arguments.budget)});
  }
  if (arguments.latency_ms) {
    const double full_ms = full_cost * 1000;
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

/// full_cost: the widest width's mean, in the unit that the rules' budgets are counted in.
void print(const std::vector<Point>& points, CostUnit unit, double full_cost, bool timed, std::ostream& out) {
  const bool in_time = unit == CostUnit::seconds;
  std::vector<std::string> header = {"budget"};
  for (const char* column : in_time ? std::vector<const char*>{"time", "ms"} : std::vector<const char*>{"cost"})
    header.emplace_back(column);
  for (const char* column : {"score [95 % interval]", "over full width", "over random", "over mix of fixed"})
    header.emplace_back(column);
  if (timed) header.emplace_back(in_time ? "measured time" : "time");
  TextTable table(header);
  for (const Point& point : points) {
    std::vector<std::string> cells = {in_time ? point.name : decimal(point.calibration.rule.budget, 3),
                                      decimal(point.cost, 3)};
    if (in_time) cells.push_back(three_digits(point.cost * full_cost * 1000));
    cells.push_back(estimate_text(point.expected.routing.score));
    for (const Baseline baseline : {Baseline::fixed, Baseline::random, Baseline::mix_of_fixed})
      cells.push_back(estimate_text(find(point.expected, baseline).lead));
    if (timed) cells.push_back(decimal(point.time_fraction, 3));
    table.add(std::move(cells));
  }
  table.print(out);
  if (in_time)
    out << "\ntime: a share of the " << three_digits(full_cost * 1000) << " ms that a call takes at full width\n";
}

Json json_of(const Point& point) {
  const RoutingResult& routing = point.expected.routing;
  Json json = {{"name", point.name},
               {"budget", point.calibration.rule.budget},
               {"cost", point.cost},
               {"cost_fraction", routing.cost_fraction},
               {"shares", routing.shares}};
  for (const MetricValue& metric : routing.metrics) json["metrics"][to_string(metric.metric)] = metric.value;
  json["score"] = estimate_json(routing.score);
  for (const BaselineResult& baseline : point.expected.baselines)
    json["leads"][baseline.name] = estimate_json(baseline.lead);
  if (point.time_fraction > 0) json["time_fraction"] = point.time_fraction;
  return json;
}

/// Puts the points into an evaluation.json in place of those of an earlier calibration.
void add_to(const std::string& path, const std::vector<Point>& points) {
  EvaluationFile file = EvaluationFile::load(path);
  std::erase_if(file.points, [&](const OperatingPoint& point) { return point.series == calibrated_series; });
  for (const Point& point : points) {
    const RoutingResult& routing = point.expected.routing;
    OperatingPoint operating = {.name = point.name,
                                .series = calibrated_series,
                                .shares = routing.shares,
                                .cost_fraction = routing.cost_fraction,
                                .score = routing.score};
    if (point.time_fraction > 0) operating.time_fraction = point.time_fraction;
    for (const MetricValue& metric : routing.metrics) operating.metrics[to_string(metric.metric)] = metric.value;
    file.points.push_back(std::move(operating));
  }
  file.save(path);
}

void calibrate(const CalibrateArguments& arguments) {
  require(arguments.model, "--model");
  if (!arguments.dataset.given()) usage_error("give --data FOLDER or --file FILE");
  if (arguments.budget && arguments.latency_ms) usage_error("--budget and --latency-ms are one choice; give one");
  const bool one = arguments.budget || arguments.latency_ms;
  if (!one && arguments.curve.empty()) usage_error("give --budget SHARE, --latency-ms MS or --curve SHARE,SHARE,…");

  const Classifier classifier = Classifier::load(arguments.model, {.threads = arguments.threads_or_default()});
  const ModelConfig& config = classifier.engine().config();
  if (!config.sharcs) throw ConfigError("the model has no router to calibrate");
  const Task task = arguments.dataset.task_of(config, arguments.model);
  const Dataset dataset = arguments.dataset.read(task);
  const Answers answers = evaluate(classifier, task, dataset, {.timing_rounds = 0}).answers;
  const CostModel costs = arguments.latency_ms
                              ? CostModel::latency(measure_latency(classifier.engine(), {.batches = {1}}))
                              : CostModel::multiply_adds(config);
  const double full_cost = costs.mean(answers, std::vector<int>(answers.samples(), answers.widest()));
  const double least = least_budget(answers, costs);
  std::vector<std::string> notes;
  const std::vector<Budget> budgets = budgets_of(arguments, least, full_cost, notes);
  std::vector<double> shares;
  for (const Budget& budget : budgets) shares.push_back(budget.share);

  std::vector<Point> points;
  for (Calibration& calibration :
       calibrate(answers, costs, shares, {.folds = arguments.folds, .seed = arguments.seed_or_default()})) {
    const double cost = costs.mean(answers, calibration.expected.width_of_sample) / full_cost;
    Comparison expected =
        compare(answers, task, calibration.expected, {.bootstrap = {.seed = arguments.seed_or_default()}});
    points.push_back({budgets[points.size()].name, std::move(calibration), std::move(expected), cost});
  }
  if (arguments.timing_rounds > 0) {
    const Stopwatch stopwatch(classifier, task, dataset);
    for (Point& point : points)
      point.time_fraction =
          stopwatch.fraction(RoutingPolicy::calibrated(point.calibration.rule), arguments.timing_rounds);
  }
  const bool store = one && !arguments.dry_run;
  if (store) save_routing(arguments.model, points.front().calibration.rule);
  if (!arguments.evaluation.empty()) add_to(arguments.evaluation, points);

  const char* const unit = costs.unit == CostUnit::seconds ? "seconds" : "multiply_adds";
  if (arguments.json) {
    Json json = {{"model", arguments.model},  {"task", task.name()}, {"file", dataset.file},
                 {"samples", dataset.size()}, {"unit", unit},        {"full_cost", full_cost},
                 {"least_budget", least},     {"notes", notes},      {"points", Json::array()}};
    if (!points.empty()) json["values"] = to_string(points.front().calibration.values);
    for (const Point& point : points) json["points"].push_back(json_of(point));
    json["stored"] = store ? Json(points.front().calibration.rule.name()) : Json();
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::cout << task.name() << ": " << counted(dataset.size(), "sample") << " of " << dataset.file
            << "; what to expect of new ones, by cross-validation\n";
  for (const std::string& note : notes) std::cout << note << '\n';
  std::cout << '\n';
  print(points, costs.unit, full_cost, arguments.timing_rounds > 0, std::cout);
  if (!points.empty()) std::cout << "\nvalues of widths: " << to_string(points.front().calibration.values) << '\n';
  if (store)
    std::cout << arguments.model << " is now " << points.front().calibration.rule.name()
              << "; --policy argmax undoes it for a call\n";
  else
    std::cout << arguments.model << " is as it was\n";
}

}  // namespace

void add_calibrate(CLI::App& program) {
  const auto arguments = std::make_shared<CalibrateArguments>();
  CLI::App* command = add_command(
      program, "calibrate",
      "Turns the knob between cost and score: finds, on labelled data that the model was not trained on, how the "
      "router's logits should become widths for a budget, and leaves that with the model. Nothing is trained.",
      "cross-validation and intervals", *arguments);
  command->add_option("--model", arguments->model, "Model directory (required)");
  command->add_option("--budget", arguments->budget, "Mean multiply-adds at most, as a share of the widest width's")
      ->check(CLI::Range(0.0, 1.0));
  command
      ->add_option(
          "--latency-ms", arguments->latency_ms,
          "Mean milliseconds of a call with one input at most, as measured here and now; budgets of --curve are "
          "then shares of full width's time")
      ->check(CLI::PositiveNumber);
  command
      ->add_option(
          "--curve", arguments->curve,
          "Budgets to show, as in 0.3,0.5,1: shares of full width's multiply-adds, with --latency-ms of its time; "
          "stores nothing by itself")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 1.0));
  command->add_flag("--dry-run", arguments->dry_run, "Show what would come of it and leave the model as it is");
  command->add_option("--evaluation", arguments->evaluation,
                      "Add the budgets to this file of sharcs eval --output, for the report");
  command->add_option("--folds", arguments->folds, "Parts of the cross-validation")
      ->check(CLI::Range(2, 1000))
      ->capture_default_str();
  command
      ->add_option("--timing-rounds", arguments->timing_rounds,
                   "Measure the time of each budget over the widest width's: the median of so many runs; 0: not")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  arguments->dataset.add_to(*command, "dev");
  on_call(command, arguments, calibrate);
}

}  // namespace sharcs::internal
