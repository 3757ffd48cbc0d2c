#include "eval/threshold_search.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace sharcs::internal {
namespace {

constexpr int threshold_steps = 32;
constexpr int trade_offs = 40;  // values of λ
constexpr int most_sweeps = 4;
constexpr std::size_t least_differing = 20;

/// The weights of tanh(w · features) that fit the targets best, by damped Gauss-Newton with a little ridge.
Eigen::Vector3d fit_tanh(const std::vector<Eigen::Vector3d>& features, const std::vector<double>& targets) {
  constexpr double ridge = 1e-2;
  Eigen::Vector3d weights = Eigen::Vector3d::Zero();
  const auto loss = [&](const Eigen::Vector3d& w) {
    double sum = ridge * w.squaredNorm();
    for (std::size_t i = 0; i < features.size(); ++i) sum += std::pow(std::tanh(w.dot(features[i])) - targets[i], 2);
    return sum;
  };
  double best = loss(weights), damping = 1;
  for (int step = 0; step < 100; ++step) {
    Eigen::Matrix3d curvature = (ridge + damping) * Eigen::Matrix3d::Identity();
    Eigen::Vector3d gradient = ridge * weights;
    for (std::size_t i = 0; i < features.size(); ++i) {
      const double value = std::tanh(weights.dot(features[i])), slope = 1 - value * value;
      curvature += slope * slope * features[i] * features[i].transpose();
      gradient += slope * (value - targets[i]) * features[i];
    }
    const Eigen::Vector3d next = weights - curvature.ldlt().solve(gradient);
    const double there = loss(next);
    if (there < best) {
      const bool converged = best - there < 1e-9 * best;
      weights = next, best = there, damping /= 4;
      if (converged) break;
    } else {
      damping *= 8;
      if (damping > 1e12) break;
    }
  }
  return weights;
}

/// The best thresholds for mean cost − λ · mean gain, one answer at a time.
class Descent {
 public:
  Descent(const PolicyTable& table, const GainEstimate& gains, std::span<const std::size_t> samples,
          const ThresholdSearch& search)
      : table_(table), gains_(gains), samples_(samples), full_cost_(table.costs().full(table.recording())) {
    levels_.resize(static_cast<std::size_t>(table.answers()));
    for (int a = 0; a + 1 < table.answers(); ++a) {
      if (!(table.is_exit(a) ? search.exits : search.narrow)) continue;
      std::vector<double> sure;
      for (const std::size_t i : samples) sure.push_back(table.confidence(i, a));
      levels_[static_cast<std::size_t>(a)] = levels_between(std::move(sure), threshold_steps);
    }
  }

  /// Sweeps over the answers until nothing changes; adds every policy on the way to `found`.
  void run(CandidatePolicy& policy, double lambda, int sweeps, std::vector<CandidatePolicy>& found) const {
    for (int sweep = 0; sweep < sweeps; ++sweep) {
      bool changed = false;
      for (int a = 0; a + 1 < table_.answers(); ++a) {
        if (levels_[static_cast<std::size_t>(a)].empty()) continue;
        const double best = best_threshold(policy, a, lambda);
        double& threshold = policy.thresholds[static_cast<std::size_t>(a)];
        if (best == threshold) continue;
        threshold = best;
        changed = true;
        found.push_back(policy);
      }
      if (!changed) return;
    }
  }

 private:
  double loss(double cost, std::size_t sample, int answer, double lambda) const {
    return cost / full_cost_ - lambda * gains_.of(sample, answer);
  }

  double best_threshold(const CandidatePolicy& policy, int answer, double lambda) const {
    const std::vector<double>& levels = levels_[static_cast<std::size_t>(answer)];
    double not_asked = 0, none_kept = 0;
    // Of the samples whose confidence reaches level k, but not level k + 1: what keeping the answer adds to the loss.
    std::vector<double> by_keeping(levels.size());
    CandidatePolicy with = policy;
    with.thresholds[static_cast<std::size_t>(answer)] = levels.front();
    for (const std::size_t i : samples_) {
      PolicyTable::State state;
      bool gone = false;
      for (int a = 0; a < answer && !gone; ++a)
        gone = table_.asks(policy, i, a) && table_.ask(state, i, a) >= policy.thresholds[static_cast<std::size_t>(a)];
      if (gone || !table_.asks(with, i, answer)) continue;
      const PolicyTable::Outcome without = table_.finish(policy, state, i, answer + 1);
      not_asked += loss(without.cost, i, without.answer, lambda);
      const double sure = table_.ask(state, i, answer);
      const PolicyTable::Outcome later = table_.finish(policy, state, i, answer + 1);
      const double going_on = loss(later.cost, i, later.answer, lambda);
      none_kept += going_on;
      const auto level = std::ranges::upper_bound(levels, sure) - levels.begin();
      if (level > 0)
        by_keeping[static_cast<std::size_t>(level - 1)] += loss(state.cost(), i, answer, lambda) - going_on;
    }
    double best = not_asked, threshold = PolicyRule::never, kept = none_kept;
    for (std::size_t k = levels.size(); k-- > 0;) {
      kept += by_keeping[k];
      if (kept < best - 1e-9) best = kept, threshold = levels[k];
    }
    return threshold;
  }

  const PolicyTable& table_;
  const GainEstimate& gains_;
  std::span<const std::size_t> samples_;
  double full_cost_;
  std::vector<std::vector<double>> levels_;  // [answers]; empty: never asked
};

CandidatePolicy full_width_alone(const PolicyTable& table) {
  return {.thresholds = std::vector<double>(static_cast<std::size_t>(table.answers()), PolicyRule::never)};
}

/// Trade-offs between gain and cost, from "gain only" to "cost only". The unit is what cheap answers lose in the mean,
/// so that a regression's squared errors need no other numbers.
std::vector<double> lambdas(const PolicyTable& table, const GainEstimate& gains, std::span<const std::size_t> samples) {
  double greatest = 0;
  for (int a = 0; a + 1 < table.answers(); ++a) {
    double sum = 0;
    for (const std::size_t i : samples) sum += gains.of(i, a);
    greatest = std::max(greatest, -sum / static_cast<double>(samples.size()));
  }
  const double unit = greatest > 0 ? greatest : 1;
  std::vector<double> list;
  for (int k = 0; k < trade_offs; ++k) list.push_back(20 * std::pow(0.8, k) / unit);
  list.push_back(0);
  return list;
}

void add_descent(const PolicyTable& table, const GainEstimate& gains, std::span<const std::size_t> samples,
                 const ThresholdSearch& search, std::vector<CandidatePolicy>& found) {
  const Descent descent(table, gains, samples, search);
  CandidatePolicy policy = full_width_alone(table);
  for (const double lambda : lambdas(table, gains, samples)) {
    descent.run(policy, lambda, most_sweeps, found);
    if (!search.router) continue;
    for (int price = 0; price < table.prices(); ++price) {
      CandidatePolicy priced = policy;
      priced.price = price;
      found.push_back(priced);
      descent.run(priced, lambda, 1, found);
    }
  }
}

void add_grid(const PolicyTable& table, std::span<const std::size_t> samples, const ThresholdSearch& search,
              std::vector<CandidatePolicy>& found) {
  const bool router_alone = search.router && !search.narrow && !search.exits;
  const auto levels_of = [&](bool exits) {
    std::vector<double> levels;
    if (!exits && router_alone) return std::vector<double>{0};
    if (!(exits ? search.exits : search.narrow)) return levels;
    if (table.counts_agreement()) {
      levels.resize(static_cast<std::size_t>(table.answers()));
      std::iota(levels.begin(), levels.end(), 1.0);
    } else {
      std::vector<double> sure;
      for (int a = 0; a + 1 < table.answers(); ++a)
        if (table.is_exit(a) == exits)
          for (const std::size_t i : samples) sure.push_back(table.confidence(i, a));
      levels = levels_between(std::move(sure), threshold_steps);
    }
    if (!exits) levels.push_back(0);
    return levels;
  };
  std::vector<double> of_exits = levels_of(true), of_narrow = levels_of(false);
  of_exits.push_back(PolicyRule::never);
  of_narrow.push_back(PolicyRule::never);
  for (const double narrow : of_narrow)
    for (const double exit : of_exits)
      for (int price = -1; price < (search.router && narrow != PolicyRule::never ? table.prices() : 0); ++price) {
        CandidatePolicy& policy = found.emplace_back(full_width_alone(table));
        for (int a = 0; a + 1 < table.answers(); ++a)
          policy.thresholds[static_cast<std::size_t>(a)] = table.is_exit(a) ? exit : narrow;
        policy.price = price;
      }
}

}  // namespace

GainEstimate::GainEstimate(const PolicyTable& table, std::span<const std::size_t> samples)
    : answers_(static_cast<std::size_t>(table.answers())) {
  const Recording& recording = table.recording();
  const int full = recording.full_width();
  const auto gain = [&](std::size_t i, int a) { return table.worth(i, a) - table.worth(i, full); };
  const auto differs = [&](std::size_t i, int a) {
    if (recording.labels_words()) return recording.tags_of(i, a) != recording.tags_of(i, full);
    return recording.label_of(i, a) != recording.label_of(i, full);
  };
  const auto features = [&](std::size_t i, int a) {
    return Eigen::Vector3d(1, table.margin(i, a), table.margin(i, full));
  };
  std::vector<Eigen::Vector3d> of_differing;
  std::vector<double> gained;
  if (!recording.is_regression())
    for (const std::size_t i : samples)
      for (int a = 0; a < full; ++a)
        if (differs(i, a)) of_differing.push_back(features(i, a)), gained.push_back(gain(i, a));
  const bool fits = gained.size() >= least_differing;
  const Eigen::Vector3d weights = fits ? fit_tanh(of_differing, gained) : Eigen::Vector3d::Zero();
  gains_.resize(recording.size() * answers_);
  for (std::size_t i = 0; i < recording.size(); ++i)
    for (int a = 0; a < full; ++a) {
      double& value = gains_[i * answers_ + static_cast<std::size_t>(a)];
      value = !fits ? gain(i, a) : differs(i, a) ? std::tanh(weights.dot(features(i, a))) : 0;
    }
}

std::vector<CandidatePolicy> search_thresholds(const PolicyTable& table, const GainEstimate& gains,
                                               std::span<const std::size_t> samples, const ThresholdSearch& search) {
  std::vector<CandidatePolicy> found = {full_width_alone(table)};
  if (search.one_threshold || table.counts_agreement() || (search.router && !search.narrow && !search.exits)) {
    add_grid(table, samples, search, found);
    return found;
  }
  add_descent(table, gains, samples, search, found);
  if (search.narrow && search.exits) {
    // Descent may miss what exits or narrow widths alone can do.
    add_descent(table, gains, samples, {.exits = true}, found);
    add_descent(table, gains, samples, {.narrow = true}, found);
  }
  return found;
}

}  // namespace sharcs::internal
