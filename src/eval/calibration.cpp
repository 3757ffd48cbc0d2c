#include "sharcs/calibration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <utility>

#include "core/number.hpp"
#include "data/metrics.hpp"
#include "eval/policy_search.hpp"
#include "eval/recording_metrics.hpp"
#include "eval/router_calibration.hpp"
#include "io/file.hpp"
#include "model/predicted_label.hpp"
#include "routing/policy_kind.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// With fewer samples an interval is too wide for any claim about a few points.
constexpr std::size_t enough_samples = 100;

/// How many prices of the router are tried where it decides alone, and where thresholds decide with it.
constexpr int prices_of_router_alone = 127;
constexpr int prices_beside_thresholds = 4;

/// Where shares of multiply-adds stand for shares of time.
constexpr int typical_tokens = 32;

LengthCost scaled(const LengthCost& cost, double factor) {
  return {cost.constant * factor, cost.linear * factor, cost.quadratic * factor};
}

/// For each measured width, ascending, its seconds by the number of tokens.
std::vector<LengthCost> seconds_of_widths(std::span<const Latency> measurements) {
  std::vector<LengthCost> widths;
  std::vector<double> fractions;
  for (const Latency& latency : measurements)
    if (latency.batch == 1) fractions.push_back(latency.width);
  std::ranges::sort(fractions);
  fractions.erase(std::unique(fractions.begin(), fractions.end()), fractions.end());
  if (fractions.empty()) throw ShapeError("there are no measurements of single inputs to fit a latency to");
  for (const double fraction : fractions) {
    // Weighted normal equations of constant + linear · n ≈ seconds with weights 1 / seconds².
    double w = 0, wn = 0, wnn = 0, ws = 0, wns = 0;
    for (const Latency& latency : measurements) {
      if (latency.batch != 1 || latency.width != fraction) continue;
      const double n = latency.tokens, weight = 1 / (latency.seconds * latency.seconds);
      w += weight, wn += weight * n, wnn += weight * n * n;
      ws += weight * latency.seconds, wns += weight * n * latency.seconds;
    }
    const double determinant = w * wnn - wn * wn;
    LengthCost line = {.constant = ws / w};
    if (determinant > 1e-9 * w * wnn)
      line = {.constant = (ws * wnn - wns * wn) / determinant, .linear = (w * wns - wn * ws) / determinant};
    if (line.constant < 0) line = {.constant = 0, .linear = wns / wnn};
    if (line.linear < 0) line = {.constant = ws / w};
    if (!widths.empty()) {
      line.constant = std::max(line.constant, widths.back().constant);
      line.linear = std::max(line.linear, widths.back().linear);
    }
    widths.push_back(line);
  }
  return widths;
}

std::string target_text(const CalibrationTarget& target, const CostModel& costs, double full_cost) {
  if (target.max_drop) return fmt::format("{:.4g} points below full width", 100 * *target.max_drop);
  if (costs.unit == CostUnit::seconds) return fmt::format("{:.4g} ms", 1000 * *target.budget * full_cost);
  return fmt::format("{:.4g} of the multiply-adds", *target.budget);
}

void check(const Recording& recording, const CostModel& costs, std::span<const CalibrationTarget> targets,
           const CalibrationOptions& options) {
  if (recording.size() < 2)
    throw ShapeError(std::to_string(recording.size()) + (recording.size() == 1 ? " sample" : " samples") +
                     " to calibrate on; expected at least 2, so that each can be judged by a policy made without it");
  require_labels(recording, "calibration");
  if (recording.answers.size() < 2) throw ConfigError("the model has one answer only; there is nothing to calibrate");
  if (costs.answers.size() != recording.answers.size() || costs.paths.size() != recording.answers.size())
    throw ShapeError("costs of " + std::to_string(costs.answers.size()) + " answers for a recording of " +
                     std::to_string(recording.answers.size()));
  if ((recording.finds_answers() || recording.fills_masks()) && options.confidence == "entropy")
    throw ConfigError(std::string("the confidence is entropy; expected max-probability or patience for ") +
                      what_is_labelled(recording.config));
  if (options.folds < 2) throw ConfigError("folds is " + std::to_string(options.folds) + "; expected at least 2");
  for (const CalibrationTarget& target : targets) {
    if (target.budget.has_value() == target.max_drop.has_value())
      throw ConfigError("a target needs either a budget or a drop of the score");
    if (target.budget && !(*target.budget > 0 && *target.budget <= 1))
      throw ConfigError("a budget of " + short_number(*target.budget) + "; expected a number above 0 and at most 1");
    if (target.max_drop && !(*target.max_drop >= 0 && *target.max_drop <= 1))
      throw ConfigError("a drop of " + short_number(*target.max_drop) + "; expected a number from 0 to 1");
  }
}

/// The router alone, for each target that is a budget, in their order: rules that may weigh its logits.
std::vector<Calibration> by_router(const Recording& recording, const CostModel& costs,
                                   std::span<const CalibrationTarget> targets, const CalibrationOptions& options) {
  const double least = least_router_budget(recording, costs);
  std::vector<double> asked, budgets;
  for (const CalibrationTarget& target : targets) {
    if (!target.budget) continue;
    asked.push_back(*target.budget);
    budgets.push_back(std::max(*target.budget, least));
  }
  if (budgets.empty()) return {};
  std::vector<Calibration> calibrations;
  for (RouterCalibration& router : calibrate_router(recording, costs, budgets, options)) {
    Calibration& calibration = calibrations.emplace_back();
    calibration.rule = {.kind = "router", .confidence = options.confidence, .router = std::move(router.rule)};
    calibration.met = asked[calibrations.size() - 1] >= least * (1 - 1e-9);
    calibration.fitted = std::move(router.fitted);
    calibration.expected = std::move(router.expected);
  }
  return calibrations;
}

}  // namespace

CostModel CostModel::multiply_adds(const Recording& recording) {
  CostModel model;
  for (const RecordedAnswer& answer : recording.answers) {
    model.answers.push_back(answer.cost);
    model.paths.push_back(answer.path);
  }
  return model;
}

CostModel CostModel::latency(const Recording& recording, std::span<const Latency> measurements) {
  const std::vector<LengthCost> of_widths = seconds_of_widths(measurements);
  if (of_widths.size() != recording.widths().size())
    throw ShapeError("measurements of " + std::to_string(of_widths.size()) + " widths for a recording of " +
                     std::to_string(recording.widths().size()));
  const LengthCost& full = of_widths.back();
  const double all = recording.answers.back().cost.of(typical_tokens);
  CostModel model = {.unit = CostUnit::seconds};
  auto of_width = of_widths.begin();
  for (const RecordedAnswer& answer : recording.answers) {
    const double path = answer.path.of(typical_tokens) / all;
    model.paths.push_back(scaled(full, path));
    model.answers.push_back(answer.exit_layer > 0 ? scaled(full, answer.cost.of(typical_tokens) / all) : *of_width++);
  }
  return model;
}

double CostModel::of(const Recording& recording, const Routing& routing, std::size_t sample) const {
  const int tokens = recording.tokens[sample];
  double path = 0, own = 0;
  for (std::uint64_t left = routing.asked[sample]; left != 0; left &= left - 1) {
    const auto a = static_cast<std::size_t>(std::countr_zero(left));
    path = std::max(path, paths[a].of(tokens));
    own += answers[a].of(tokens) - paths[a].of(tokens);
  }
  return path + own;
}

double CostModel::mean(const Recording& recording, const Routing& routing) const {
  if (routing.asked.size() != recording.size())
    throw ShapeError("a routing of " + std::to_string(routing.asked.size()) + " samples for a recording of " +
                     std::to_string(recording.size()));
  double sum = 0;
  for (std::size_t i = 0; i < recording.size(); ++i) sum += of(recording, routing, i);
  return sum / static_cast<double>(recording.size());
}

double CostModel::full(const Recording& recording) const {
  return mean(recording, route(recording, everything_at(recording, recording.full_width())));
}

std::vector<Calibration> calibrate(const Recording& recording, const CostModel& costs,
                                   std::span<const CalibrationTarget> targets, const CalibrationOptions& options) {
  check(recording, costs, targets, options);
  const PolicyKind* const kind = find_policy_kind(options.kind);
  if (kind == nullptr || !(kind->search.router || kind->search.narrow || kind->search.exits)) {
    std::string known;
    for (const PolicyKind& each : policy_kinds())
      if (each.search.router || each.search.narrow || each.search.exits)
        known += (known.empty() ? "" : ", ") + each.name;
    throw ConfigError("policies of the kind \"" + options.kind + "\" are not calibrated; expected one of " + known);
  }
  PolicySearch search = kind->search;
  bool has_exits = false;
  for (const RecordedAnswer& answer : recording.answers) has_exits = has_exits || answer.exit_layer > 0;
  const bool has_narrow = recording.widths().size() > 1;
  if (search.exits && !search.narrow && !has_exits)
    throw ConfigError("the model has no exits; train it with exits, as in --exits 2,4");
  if (search.narrow && !search.exits && !has_narrow) throw ConfigError("the model has no width below 1");
  search.router = search.router && (options.router || !search.narrow) && !recording.router_logits.empty() && has_narrow;
  const bool router_alone = kind->search.router && !kind->search.narrow && !kind->search.exits;
  if (router_alone && recording.router_logits.empty()) throw ConfigError("the model has no router to calibrate");
  const double full_cost = costs.full(recording);
  const bool by_budgets =
      std::ranges::all_of(targets, [](const CalibrationTarget& target) { return target.budget.has_value(); });
  // The router's rule for a budget has a finer method of its own; what is left to search then is nothing.
  std::optional<PolicyTable> table;
  std::optional<PolicySearcher> searcher;
  if (!router_alone || !by_budgets) {
    const int prices = !search.router ? 0 : router_alone ? prices_of_router_alone : prices_beside_thresholds;
    table.emplace(recording, costs, Confidence(options.confidence), prices);
    searcher.emplace(*table,
                     ThresholdSearch{.narrow = search.narrow,
                                     .exits = search.exits,
                                     .router = search.router,
                                     .one_threshold = options.one_threshold},
                     options);
  }

  std::vector<Calibration> by_rules;
  if (router_alone) by_rules = by_router(recording, costs, targets, options);
  auto next_rule = by_rules.begin();

  std::vector<Calibration> calibrations;
  for (const CalibrationTarget& target : targets) {
    const bool by_rule = router_alone && target.budget;
    Calibration& calibration =
        calibrations.emplace_back(by_rule ? std::move(*next_rule++) : searcher->calibrate(target));
    if (!by_rule) {
      calibration.rule.kind = kind->name;
      calibration.rule.confidence = options.confidence;
    }
    calibration.rule.target = target_text(target, costs, full_cost);
    if (recording.size() < enough_samples)
      calibration.notes.push_back(counted(recording.size(), "sample") + ": too few to tell what to expect; at least " +
                                  std::to_string(enough_samples) + " are needed");
    if (target.max_drop) {
      const auto score_at = [&](std::span<const int> answers) { return score(metrics_at(recording, answers)); };
      const double full = score_at(everything_at(recording, recording.full_width()));
      if (score_at(calibration.expected.answer_of_sample) < full - *target.max_drop - 1e-12)
        calibration.notes.push_back(calibration.rule.target +
                                    ": cross-validation loses more; label more samples, or allow a larger drop");
    }
    if (!calibration.met)
      calibration.notes.push_back(
          fmt::format("{} is out of reach: the nearest is {}", calibration.rule.target,
                      target_text({.budget = std::min(1.0, costs.mean(recording, calibration.fitted) / full_cost)},
                                  costs, full_cost)));
  }
  return calibrations;
}

Calibration calibrate(const Recording& recording, const CostModel& costs, const CalibrationTarget& target,
                      const CalibrationOptions& options) {
  return std::move(calibrate(recording, costs, std::span(&target, 1), options).front());
}

void save_policy(const std::filesystem::path& directory, const PolicyRule& rule) {
  const std::filesystem::path file = directory / "config.json";
  ModelConfig config = ModelConfig::load(file);
  if (!config.sharcs)
    throw ConfigError(file.string() + ": a plain encoder has one answer only; there is nothing for a policy to choose");
  config.sharcs->policy = rule;
  config.check(file.string());
  // The weights stay what they are, and with them the type that the file names.
  auto json = nlohmann::ordered_json::parse(config.to_json());
  const auto before = nlohmann::json::parse(read_text_file(file));
  if (before.contains("torch_dtype")) json["torch_dtype"] = before["torch_dtype"];
  write_file_atomically(file, json.dump(2) + "\n");
}

}  // namespace sharcs
