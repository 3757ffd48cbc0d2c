#include "eval/router_calibration.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/enum_names.hpp"
#include "core/number.hpp"
#include "eval/folds.hpp"
#include "eval/recording_metrics.hpp"
#include "io/file.hpp"
#include "model/answers.hpp"
#include "model/length_cost.hpp"
#include "routing/value_regression.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal {
namespace {

using Samples = std::vector<std::size_t>;

/// Budgets, evenly over the possible ones, on which value models are compared.
constexpr int comparison_budgets = 15;

/// What a width's answer to a sample is worth: share_right(); for a regression minus the squared error.
double worth(const Recording& recording, std::size_t sample, int width) {
  if (!recording.is_regression()) return share_right(recording, sample, width);
  return -std::pow(error_of(recording, sample, width), 2);
}

double mean_cost(const Recording& recording, const LengthCost& cost, const Samples& samples) {
  double sum = 0;
  for (const std::size_t i : samples) sum += cost.of(recording.tokens[i]);
  return sum / static_cast<double>(samples.size());
}

/// A rule without a price. costs: in shares of the widest one's mean.
RoutingRule fit_rule(const Recording& recording, const std::vector<LengthCost>& costs, const Samples& samples,
                     ValueModel model) {
  const std::size_t widths = recording.answers.size();
  RoutingRule rule;
  rule.costs = costs;
  if (model == ValueModel::offsets) {
    rule.weights.assign(widths, std::vector<double>(widths));
    for (std::size_t w = 0; w < widths; ++w) rule.weights[w][w] = 1;
    rule.offsets.assign(widths, 0.0);
    // A logit is not in any unit that could be weighed against a sample's own cost.
    for (LengthCost& cost : rule.costs) cost = {.constant = mean_cost(recording, cost, samples)};
    return rule;
  }
  std::vector<std::vector<double>> features, targets;
  for (const std::size_t i : samples) {
    const auto logits = recording.router_logits_of(i);
    features.emplace_back(logits.begin(), logits.end());
    auto& row = targets.emplace_back();
    for (int width = 0; width <= recording.full_width(); ++width) row.push_back(worth(recording, i, width));
  }
  rule.logistic = !recording.is_regression();
  const ValueRegression fitted =
      fit_values(features, targets, {.logistic = rule.logistic, .own_slopes = model == ValueModel::own_slopes});
  rule.weights = fitted.weights;
  rule.offsets = fitted.offsets;
  return rule;
}

/// How the total cost of samples falls as a rule's price rises.
///
/// For one sample, value_w − price · cost_w are lines in the price, and the rule follows their upper envelope: from the
/// narrowest width, at the highest prices, to wider ones. Each corner of an envelope is a price at which one sample
/// changes its width; sorted, they are all the prices at which anything happens.
class PriceList {
 public:
  /// costs: that budgets are counted in. They rise with the width, as the rule's own do.
  PriceList(const Recording& recording, const RoutingRule& rule, const std::vector<LengthCost>& costs,
            const Samples& samples, double least_price)
      : least_price_(least_price) {
    const int widths = rule.widths();
    for (const std::size_t i : samples) {
      const auto logits = recording.router_logits_of(i);
      const int tokens = recording.tokens[i];
      const auto cost = [tokens](const std::vector<LengthCost>& of, int w) {
        return of[static_cast<std::size_t>(w)].of(tokens);
      };
      full_cost_ += cost(costs, widths - 1);
      least_cost_ += cost(costs, 0);
      for (int width = 0; width + 1 < widths;) {
        int next = width;
        double price = -std::numeric_limits<double>::infinity();
        for (int wider = width + 1; wider < widths; ++wider) {
          const double more = cost(rule.costs, wider) - cost(rule.costs, width);
          const double corner = (rule.value(logits, wider) - rule.value(logits, width)) / more;
          // Of lines that meet in one point the steepest goes on.
          if (more > 0 && corner >= price) next = wider, price = corner;
        }
        if (next == width || price <= least_price_) break;
        changes_.push_back({price, cost(costs, next) - cost(costs, width)});
        width = next;
      }
    }
    std::ranges::stable_sort(changes_, std::greater<>(), &Change::price);
  }

  /// The least price at which the samples cost at most this share of what they cost at the widest width: half-way
  /// between two corners, so that samples like these are decided alike.
  double price_of(double budget) const {
    const double allowed = budget * full_cost_ * (1 + 1e-12);
    double cost = least_cost_;
    std::size_t taken = 0;
    while (taken < changes_.size()) {
      // All changes at one price come together.
      std::size_t end = taken;
      double next = cost;
      for (; end < changes_.size() && changes_[end].price == changes_[taken].price; ++end) next += changes_[end].cost;
      if (next > allowed) break;
      cost = next;
      taken = end;
    }
    if (taken == changes_.size() && std::isfinite(least_price_)) return least_price_;
    if (changes_.empty()) return 0;
    const auto beyond = [](double price) { return 1 + std::abs(price); };
    if (taken == 0) return changes_.front().price + beyond(changes_.front().price);
    const double last = changes_[taken - 1].price;
    if (taken == changes_.size()) return last - beyond(last);
    return std::midpoint(last, changes_[taken].price);
  }

 private:
  struct Change {
    double price;  // just below it a sample runs wider
    double cost;   // and costs so much more
  };

  double least_price_;
  double full_cost_ = 0, least_cost_ = 0;
  std::vector<Change> changes_;
};

/// A value model fitted to some samples, ready for any budget.
class Fit {
 public:
  Fit(const Recording& recording, const std::vector<LengthCost>& costs, const Samples& samples, ValueModel model)
      : rule_(fit_rule(recording, costs, samples, model)),
        // Where values are expected gains, wider must not be chosen although it is expected to be worse.
        prices_(recording, rule_, costs, samples,
                model == ValueModel::offsets ? -std::numeric_limits<double>::infinity() : 0) {}

  RoutingRule rule_for(double budget) const {
    RoutingRule rule = rule_;
    rule.price = prices_.price_of(budget);
    rule.budget = budget;
    return rule;
  }

 private:
  RoutingRule rule_;
  PriceList prices_;
};

void choose(const Recording& recording, const RoutingRule& rule, const Samples& samples, std::vector<int>& chosen) {
  for (const std::size_t i : samples) chosen[i] = rule.choose(recording.router_logits_of(i), recording.tokens[i]);
}

struct Fold {
  Samples fitted, left_out;
};

std::vector<Fold> make_folds(std::size_t samples, const CalibrationOptions& options) {
  const std::vector<int> fold_of_sample = deal_folds(samples, options.folds, options.seed);
  std::vector<Fold> folds(static_cast<std::size_t>(std::ranges::max(fold_of_sample)) + 1);
  for (std::size_t i = 0; i < samples; ++i)
    for (std::size_t fold = 0; fold < folds.size(); ++fold)
      (static_cast<std::size_t>(fold_of_sample[i]) == fold ? folds[fold].left_out : folds[fold].fitted).push_back(i);
  return folds;
}

/// One value model fitted without each fold in turn.
class CrossFit {
 public:
  CrossFit(const Recording& recording, const std::vector<LengthCost>& costs, const std::vector<Fold>& folds,
           ValueModel model)
      : recording_(recording), folds_(folds) {
    for (const Fold& fold : folds) fits_.emplace_back(recording, costs, fold.fitted, model);
  }

  /// The width of each sample by the rule that was made without it.
  std::vector<int> widths_for(double budget) const {
    std::vector<int> chosen(recording_.size());
    for (std::size_t f = 0; f < folds_.size(); ++f)
      choose(recording_, fits_[f].rule_for(budget), folds_[f].left_out, chosen);
    return chosen;
  }

  /// What each sample's answer is worth, in the mean over the budgets.
  std::vector<double> worths(const std::vector<double>& budgets) const {
    std::vector<double> mean(recording_.size());
    for (const double budget : budgets) {
      const std::vector<int> chosen = widths_for(budget);
      for (std::size_t i = 0; i < mean.size(); ++i)
        mean[i] += worth(recording_, i, chosen[i]) / static_cast<double>(budgets.size());
    }
    return mean;
  }

 private:
  const Recording& recording_;
  const std::vector<Fold>& folds_;
  std::vector<Fit> fits_;
};

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The first that is no more than a standard error of the difference worse than the best. worths: [models][samples].
std::size_t simplest_good_one(const std::vector<std::vector<double>>& worths) {
  const auto best = std::ranges::max_element(worths, {}, mean_of);
  for (std::size_t model = 0; model < worths.size(); ++model) {
    std::vector<double> behind = *best;
    for (std::size_t i = 0; i < behind.size(); ++i) behind[i] -= worths[model][i];
    const double mean = mean_of(behind);
    double squares = 0;
    for (const double value : behind) squares += (value - mean) * (value - mean);
    const auto samples = static_cast<double>(behind.size());
    if (mean <= std::sqrt(squares / samples / samples)) return model;
  }
  return static_cast<std::size_t>(best - worths.begin());
}

void check(const Recording& recording, const CostModel& costs, std::span<const double> budgets,
           const CalibrationOptions& options) {
  if (recording.size() < 2)
    throw ShapeError(std::to_string(recording.size()) + (recording.size() == 1 ? " sample" : " samples") +
                     " to calibrate on; expected at least 2, so that each can be judged by a rule made without it");
  require_labels(recording, "calibration");
  if (recording.router_logits.empty()) throw ConfigError("the model has no router to calibrate");
  if (costs.answers.size() != recording.answers.size())
    throw ShapeError("costs of " + std::to_string(costs.answers.size()) + " answers for a model of " +
                     std::to_string(recording.answers.size()));
  if (options.folds < 2) throw ConfigError("folds is " + std::to_string(options.folds) + "; expected at least 2");
  const double least = least_router_budget(recording, costs);
  for (const double budget : budgets)
    if (!(budget >= least * (1 - 1e-9) && budget <= 1))
      throw ConfigError("a budget of " + short_number(budget) + "; expected " + short_number(least) +
                        " (everything at the narrowest width) to 1");
}

}  // namespace

template <>
struct EnumNames<ValueModel> {
  static constexpr const char* what = "the value model";
  static constexpr EnumName<ValueModel> all[] = {{ValueModel::offsets, "offsets"},
                                                 {ValueModel::shared_slopes, "shared slopes"},
                                                 {ValueModel::own_slopes, "own slopes"}};
};
std::string to_string(ValueModel model) { return name_of(model); }

double least_router_budget(const Recording& recording, const CostModel& costs) {
  CostModel of_widths = costs;
  const Recording widths = without_exits(recording, &of_widths);
  return of_widths.mean(widths, route(widths, everything_at(widths, 0))) / of_widths.full(widths);
}

Recording without_exits(const Recording& recording, CostModel* costs) {
  Recording rest = recording;
  std::erase_if(rest.answers, [](const RecordedAnswer& answer) { return answer.exit_layer > 0; });
  if (costs == nullptr || rest.answers.size() == recording.answers.size()) return rest;
  CostModel of_rest = {.unit = costs->unit};
  for (std::size_t a = 0; a < recording.answers.size(); ++a) {
    if (recording.answers[a].exit_layer > 0) continue;
    of_rest.answers.push_back(costs->answers.at(a));
    of_rest.paths.push_back(costs->paths.at(a));
  }
  *costs = of_rest;
  return rest;
}

std::vector<RouterCalibration> calibrate_router(const Recording& whole, const CostModel& all_costs,
                                                std::span<const double> budgets, const CalibrationOptions& options) {
  CostModel costs = all_costs;
  const Recording recording = without_exits(whole, &costs);
  check(recording, costs, budgets, options);
  Samples everything(recording.size());
  std::iota(everything.begin(), everything.end(), std::size_t{0});
  const double full_cost = mean_cost(recording, costs.answers.back(), everything);
  std::vector<LengthCost> shares = costs.answers;
  for (LengthCost& cost : shares) cost = in_units_of(cost, full_cost);

  // From the simplest; slopes that all widths share move no sample of a regression.
  std::vector<ValueModel> models = {ValueModel::offsets};
  if (!recording.is_regression()) models.push_back(ValueModel::shared_slopes);
  models.push_back(ValueModel::own_slopes);

  const std::vector<Fold> folds = make_folds(recording.size(), options);
  std::vector<CrossFit> cross_fits;
  for (const ValueModel model : models) cross_fits.emplace_back(recording, shares, folds, model);
  const double least = least_router_budget(recording, costs);
  std::vector<double> range;
  for (int k = 1; k <= comparison_budgets; ++k) range.push_back(least + (1 - least) * k / (comparison_budgets + 1));
  std::vector<std::vector<double>> worths;
  for (const CrossFit& fit : cross_fits) worths.push_back(fit.worths(range));
  const std::size_t chosen = simplest_good_one(worths);

  const Fit fit(recording, shares, everything, models[chosen]);
  std::vector<int> answers;  // of each width, in the whole recording
  for (int a = 0; a <= whole.full_width(); ++a)
    if (whole.answers[static_cast<std::size_t>(a)].exit_layer == 0) answers.push_back(a);
  std::vector<RouterCalibration> calibrations;
  for (const double budget : budgets) {
    RouterCalibration calibration = {
        .rule = fit.rule_for(budget), .values = models[chosen], .fitted = {}, .expected = {}};
    calibration.rule.unit = costs.unit;
    calibration.rule.full_cost = full_cost;
    std::vector<int> widths(recording.size());
    choose(recording, calibration.rule, everything, widths);
    const auto as_answers = [&](std::vector<int> chosen_widths) {
      for (int& width : chosen_widths) width = answers[static_cast<std::size_t>(width)];
      return route(whole, std::move(chosen_widths));
    };
    calibration.fitted = as_answers(widths);
    calibration.expected = as_answers(cross_fits[chosen].widths_for(budget));
    calibrations.push_back(std::move(calibration));
  }
  return calibrations;
}

RouterCalibration calibrate_router(const Recording& recording, const CostModel& costs, double budget,
                                   const CalibrationOptions& options) {
  return calibrate_router(recording, costs, std::span(&budget, 1), options).front();
}

}  // namespace sharcs::internal
