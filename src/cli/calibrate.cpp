#include <algorithm>
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

namespace sharcs {
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

/// A budget, its rule, and what to expect of it.
struct Point {
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

/// The budgets to calibrate for; the one whose rule is stored stands first.
std::vector<double> budgets_of(const CalibrateArguments& arguments, double least, double full_cost,
                               std::vector<std::string>& notes) {
  std::vector<double> budgets;
  if (arguments.budget) budgets.push_back(*arguments.budget);
  if (arguments.latency_ms) {
    const double full_ms = full_cost * 1000;
    if (*arguments.latency_ms < least * full_ms)
      throw ConfigError("--latency-ms " + short_number(*arguments.latency_ms) + ": everything at the narrowest width " +
                        "takes " + decimal(least * full_ms, 2) + " ms in the mean");
    if (*arguments.latency_ms > full_ms)
      notes.push_back("even the widest width takes only " + decimal(full_ms, 2) + " ms in the mean");
    budgets.push_back(std::min(1.0, *arguments.latency_ms / full_ms));
  }
  for (const double budget : arguments.curve) {
    if (budget < least)
      notes.push_back("budget " + short_number(budget) + " is left out: everything at the narrowest width costs " +
                      decimal(least, 3));
    else
      budgets.push_back(budget);
  }
  return budgets;
}

void print(const std::vector<Point>& points, bool timed, std::ostream& out) {
  std::vector<std::string> header = {"budget",          "cost",        "score [95 % interval]",
                                     "over full width", "over random", "over mix of fixed"};
  if (timed) header.emplace_back("time");
  TextTable table(header);
  for (const Point& point : points) {
    std::vector<std::string> cells = {decimal(point.calibration.rule.budget, 3),
                                      decimal(point.cost, 3),
                                      estimate_text(point.expected.routing.score),
                                      estimate_text(find(point.expected, Baseline::fixed).lead),
                                      estimate_text(find(point.expected, Baseline::random).lead),
                                      estimate_text(find(point.expected, Baseline::mix_of_fixed).lead)};
    if (timed) cells.push_back(decimal(point.time_fraction, 3));
    table.add(std::move(cells));
  }
  table.print(out);
}

Json json_of(const Point& point) {
  const RoutingResult& routing = point.expected.routing;
  Json json = {{"budget", point.calibration.rule.budget},
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
  constexpr const char* series = "calibrated";
  EvaluationFile file = EvaluationFile::load(path);
  std::erase_if(file.points, [&](const OperatingPoint& point) { return point.series == series; });
  for (const Point& point : points) {
    const RoutingResult& routing = point.expected.routing;
    OperatingPoint operating = {.name = "budget " + short_number(point.calibration.rule.budget),
                                .series = series,
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
  const Task task = arguments.dataset.task_of(config, arguments.model);
  const Dataset dataset = arguments.dataset.read(task);
  const Answers answers = evaluate(classifier, task, dataset, {.timing_rounds = 0}).answers;
  const CostModel costs = arguments.latency_ms
                              ? CostModel::latency(measure_latency(classifier.engine(), {.batches = {1}}))
                              : CostModel::multiply_adds(config);
  const double full_cost = costs.mean(answers, std::vector<int>(answers.samples(), answers.widest()));
  const double least = least_budget(answers, costs);
  std::vector<std::string> notes;
  const std::vector<double> budgets = budgets_of(arguments, least, full_cost, notes);

  std::vector<Point> points;
  for (Calibration& calibration :
       calibrate(answers, costs, budgets, {.folds = arguments.folds, .seed = arguments.seed_or_default()})) {
    const double cost = costs.mean(answers, calibration.expected.width_of_sample) / full_cost;
    Comparison expected =
        compare(answers, task, calibration.expected, {.bootstrap = {.seed = arguments.seed_or_default()}});
    points.push_back({std::move(calibration), std::move(expected), cost});
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
  print(points, arguments.timing_rounds > 0, std::cout);
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
      ->add_option("--latency-ms", arguments->latency_ms,
                   "Mean milliseconds of a call with one input at most, as measured here and now")
      ->check(CLI::PositiveNumber);
  command->add_option("--curve", arguments->curve, "Budgets to show, as in 0.3,0.5,1; stores nothing by itself")
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

}  // namespace sharcs
