#include "eval/threshold_search.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace sharcs::internal {
namespace {

constexpr int threshold_steps = 32;
constexpr int lambda_steps = 40;
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

/// Of some samples, what the answers that they get cost, gain over full width and are worth.
struct Sums {
  double cost = 0, gain = 0, worth = 0;

  Sums& operator+=(const Sums& other) {
    cost += other.cost;
    gain += other.gain;
    worth += other.worth;
    return *this;
  }
  Sums operator+(const Sums& other) const { return {cost + other.cost, gain + other.gain, worth + other.worth}; }
  Sums operator-(const Sums& other) const { return {cost - other.cost, gain - other.gain, worth - other.worth}; }
};

/// The samples of a search, and all that a descent has to know of their answers side by side.
class SearchedSamples {
 public:
  /// An answer to a sample: what it adds to the cost, and what comes of keeping it.
  struct Asked {
    double own, path, gain, worth;
  };

  SearchedSamples(const PolicyTable& table, const GainEstimate& gains, std::span<const std::size_t> samples)
      : table_(table), gains_(gains), samples_(samples), full_cost_(table.costs().full(table.recording())) {
    for (int a = 0; a < table.answers(); ++a) {
      for (const std::size_t i : samples)
        asked_.push_back({table.own(i, a), table.path(i, a), gains.of(i, a), table.worth(i, a)});
      for (int last = -1; last < (is_regression() ? a : 0); ++last) {
        std::vector<double>& sure = sure_.emplace_back();
        for (const std::size_t i : samples) sure.push_back(table.confidence_after(i, a, last));
      }
    }
  }

  const PolicyTable& table() const { return table_; }
  std::size_t size() const { return samples_.size(); }
  std::size_t operator[](std::size_t place) const { return samples_[place]; }
  /// Whether it matters for confidence which answer was asked last.
  bool is_regression() const { return table_.recording().is_regression(); }

  const Asked& asked(std::size_t place, int answer) const {
    return asked_[static_cast<std::size_t>(answer) * samples_.size() + place];
  }
  /// How sure the samples' answers are. last: the answer that was asked last, −1: none.
  const std::vector<double>& sure(int answer, int last) const { return sure_[row(answer, last)]; }
  /// The number of sure(answer, last) among those of all answers, which are so many.
  std::size_t row(int answer, int last) const {
    const auto a = static_cast<std::size_t>(answer);
    return is_regression() ? a * (a + 1) / 2 + static_cast<std::size_t>(last + 1) : a;
  }
  std::size_t rows() const { return sure_.size(); }
  double loss(const Sums& sums, double lambda) const { return sums.cost / full_cost_ - lambda * sums.gain; }
  TriedPolicy tried(const CandidatePolicy& policy, const Sums& sums) const {
    const auto count = static_cast<double>(samples_.size());
    return {policy, sums.cost / full_cost_ / count, sums.gain / count, sums.worth / count};
  }
  TriedPolicy try_out(const CandidatePolicy& policy) const {
    Sums sums;
    for (const std::size_t i : samples_) {
      const PolicyTable::Outcome outcome = table_.run(policy, i);
      sums += Sums{outcome.cost, gains_.of(i, outcome.answer), table_.worth(i, outcome.answer)};
    }
    return tried(policy, sums);
  }

 private:
  const PolicyTable& table_;
  const GainEstimate& gains_;
  std::span<const std::size_t> samples_;
  double full_cost_;
  std::vector<Asked> asked_;               // [answers][samples]
  std::vector<std::vector<double>> sure_;  // [answers][samples]; of a regression [answers][last answers][samples]
};

/// A sample that goes on: where it stands among the samples, what it has cost, and what it was asked last.
struct UnderWay {
  std::size_t place;
  double own = 0, path = 0;
  int last = -1;

  void ask(const SearchedSamples::Asked& asked, int answer) {
    own += asked.own;
    path = std::max(path, asked.path);
    last = answer;
  }
  Sums keep(const SearchedSamples::Asked& asked) const { return {own + path, asked.gain, asked.worth}; }
};

/// Which answer a policy keeps of those from a certain one on, and what it pays for them.
class Remainder {
 public:
  Remainder(const SearchedSamples& samples, const CandidatePolicy& policy)
      : samples_(samples), lasts_(samples.is_regression() ? samples.table().answers() : 1) {
    const PolicyTable& table = samples.table();
    rests_.resize(static_cast<std::size_t>(table.answers() * lasts_) * samples.size());
    for (int a = table.answers() - 1; a >= 0; --a)
      for (int last = -1; last < (samples.is_regression() ? a : 0); ++last)
        for (std::size_t place = 0; place < samples.size(); ++place) {
          Rest& rest = rests_[index(place, a, last)];
          if (!table.asks(policy, samples[place], a)) {
            rest = rests_[index(place, a + 1, last)];
            continue;
          }
          const SearchedSamples::Asked& asked = samples.asked(place, a);
          if (table.keeps(policy, a, samples.sure(a, last)[place])) {
            rest = {asked.own, asked.path, asked.gain, asked.worth};
            continue;
          }
          rest = rests_[index(place, a + 1, a)];
          rest.own += asked.own;
          rest.path = std::max(rest.path, asked.path);
        }
  }

  /// Of a sample that has come as far as answer number `from`.
  Sums finish(const UnderWay& sample, int from) const {
    const Rest& rest = rests_[index(sample.place, from, sample.last)];
    return {sample.own + rest.own + std::max(sample.path, rest.path), rest.gain, rest.worth};
  }

 private:
  using Rest = SearchedSamples::Asked;  // own and path: of all that are asked
  std::size_t index(std::size_t place, int from, int last) const {
    const int row = lasts_ == 1 ? from : from * lasts_ + last + 1;
    return static_cast<std::size_t>(row) * samples_.size() + place;
  }

  const SearchedSamples& samples_;
  int lasts_;
  std::vector<Rest> rests_;  // [answers][last answers][samples]
};

/// The best thresholds for mean cost − λ · mean gain, one answer at a time.
class Descent {
 public:
  Descent(const SearchedSamples& samples, const ThresholdSearch& search) : samples_(samples), table_(samples.table()) {
    levels_.resize(static_cast<std::size_t>(table_.answers()));
    reached_.resize(samples.rows());
    for (int a = 0; a + 1 < table_.answers(); ++a) {
      if (!(table_.is_exit(a) ? search.exits : search.narrow)) continue;
      std::vector<double>& levels = levels_[static_cast<std::size_t>(a)];
      std::vector<double> if_all_are_asked;
      for (std::size_t place = 0; place < samples.size(); ++place)
        if_all_are_asked.push_back(table_.confidence(samples[place], a));
      levels = levels_between(std::move(if_all_are_asked), threshold_steps);
      for (int last = -1; last < (samples.is_regression() ? a : 0); ++last)
        for (const double sure : samples.sure(a, last))
          reached_[samples.row(a, last)].push_back(static_cast<std::uint8_t>(
              std::isnan(sure) ? 0 : std::ranges::upper_bound(levels, sure) - levels.begin()));
    }
  }

  /// Asks for all answers that may be asked, and keeps each that is as sure as the least sure sample's.
  CandidatePolicy asking_all(CandidatePolicy policy) const {
    for (std::size_t a = 0; a < levels_.size(); ++a)
      if (!levels_[a].empty()) policy.thresholds[a] = levels_[a].front();
    return policy;
  }

  /// Sweeps over the answers until nothing changes; adds every policy on the way to `found`.
  void run(CandidatePolicy& policy, double lambda, int sweeps, std::vector<TriedPolicy>& found) const {
    for (int sweep = 0; sweep < sweeps; ++sweep)
      if (!run_once(policy, lambda, found)) return;
  }

 private:
  struct Choice {
    double threshold;
    Sums sums;  ///< of the samples under way
  };

  /// Whether anything has changed.
  bool run_once(CandidatePolicy& policy, double lambda, std::vector<TriedPolicy>& found) const {
    // An answer's threshold changes nothing for those behind it.
    const Remainder remainder(samples_, policy);
    std::vector<UnderWay> under_way;
    for (std::size_t place = 0; place < samples_.size(); ++place) under_way.push_back({.place = place});
    Sums of_kept;
    bool changed = false;
    for (int a = 0; a + 1 < table_.answers(); ++a) {
      if (levels_[static_cast<std::size_t>(a)].empty()) continue;
      const Choice best = best_threshold(policy, under_way, remainder, a, lambda);
      double& threshold = policy.thresholds[static_cast<std::size_t>(a)];
      if (best.threshold != threshold) {
        threshold = best.threshold;
        changed = true;
        found.push_back(samples_.tried(policy, of_kept + best.sums));
      }
      of_kept += go_past(policy, a, under_way);
    }
    return changed;
  }

  /// Asks for an answer. The samples that keep it leave those under way; returns their sums.
  Sums go_past(const CandidatePolicy& policy, int answer, std::vector<UnderWay>& under_way) const {
    Sums of_kept;
    std::size_t left = 0;
    for (UnderWay sample : under_way) {
      bool kept = false;
      if (table_.asks(policy, samples_[sample.place], answer)) {
        const SearchedSamples::Asked& asked = samples_.asked(sample.place, answer);
        kept = table_.keeps(policy, answer, samples_.sure(answer, sample.last)[sample.place]);
        sample.ask(asked, answer);
        if (kept) of_kept += sample.keep(asked);
      }
      if (!kept) under_way[left++] = sample;
    }
    under_way.resize(left);
    return of_kept;
  }

  Choice best_threshold(const CandidatePolicy& policy, const std::vector<UnderWay>& under_way,
                        const Remainder& remainder, int answer, double lambda) const {
    const std::vector<double>& levels = levels_[static_cast<std::size_t>(answer)];
    Sums not_asked, kept;
    // Of the samples whose confidence reaches level k, but not level k + 1: what keeping the answer changes.
    std::vector<Sums> by_keeping(levels.size());
    CandidatePolicy asking = policy;
    asking.thresholds[static_cast<std::size_t>(answer)] = levels.front();
    for (const UnderWay& sample : under_way) {
      const Sums without = remainder.finish(sample, answer + 1);
      not_asked += without;
      if (!table_.asks(asking, samples_[sample.place], answer)) {
        kept += without;
        continue;
      }
      const SearchedSamples::Asked& asked = samples_.asked(sample.place, answer);
      UnderWay beyond = sample;
      beyond.ask(asked, answer);
      const Sums going_on = remainder.finish(beyond, answer + 1);
      kept += going_on;
      const std::size_t reached = reached_[samples_.row(answer, sample.last)][sample.place];
      if (reached > 0) by_keeping[reached - 1] += beyond.keep(asked) - going_on;
    }
    Choice best = {PolicyRule::never, not_asked};
    for (std::size_t k = levels.size(); k-- > 0;) {
      kept += by_keeping[k];
      if (samples_.loss(kept, lambda) < samples_.loss(best.sums, lambda) - 1e-9) best = {levels[k], kept};
    }
    return best;
  }

  const SearchedSamples& samples_;
  const PolicyTable& table_;
  std::vector<std::vector<double>> levels_;         // [answers]; empty: never asked
  std::vector<std::vector<std::uint8_t>> reached_;  // [rows][samples]: so many of the levels
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
  for (int k = 0; k < lambda_steps; ++k) list.push_back(20 * std::pow(0.8, k) / unit);
  list.push_back(0);
  return list;
}

void add_descent(const SearchedSamples& samples, const std::vector<double>& lambdas, const ThresholdSearch& search,
                 std::vector<TriedPolicy>& found) {
  const Descent descent(samples, search);
  CandidatePolicy policy = full_width_alone(samples.table());
  for (const double lambda : lambdas) {
    descent.run(policy, lambda, most_sweeps, found);
    if (!search.router) continue;
    for (int price = 0; price < samples.table().prices(); ++price) {
      CandidatePolicy priced = policy;
      priced.price = price;
      found.push_back(samples.try_out(priced));
      descent.run(priced, lambda, 1, found);
    }
  }
  if (!samples.is_regression()) return;
  // A regression's answer is sure where it is close to the one before it. So a single answer beside full width is never
  // kept, and the way from full width alone ends there: another one begins where all are asked, and is cheap first.
  policy = descent.asking_all(full_width_alone(samples.table()));
  found.push_back(samples.try_out(policy));
  for (std::size_t k = lambdas.size(); k-- > 0;) descent.run(policy, lambdas[k], most_sweeps, found);
}

/// The policies that keep the same answer of every sample.
void add_fixed(const SearchedSamples& samples, const ThresholdSearch& search, std::vector<TriedPolicy>& found) {
  const PolicyTable& table = samples.table();
  for (int a = 0; a + 1 < table.answers(); ++a) {
    if (!(table.is_exit(a) ? search.exits : search.narrow)) continue;
    CandidatePolicy policy = full_width_alone(table);
    policy.thresholds[static_cast<std::size_t>(a)] = 0;
    found.push_back(samples.try_out(policy));
  }
}

void add_grid(const SearchedSamples& samples, const ThresholdSearch& search, std::vector<TriedPolicy>& found) {
  const PolicyTable& table = samples.table();
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
          for (std::size_t place = 0; place < samples.size(); ++place)
            sure.push_back(table.confidence(samples[place], a));
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
        CandidatePolicy policy = full_width_alone(table);
        for (int a = 0; a + 1 < table.answers(); ++a)
          policy.thresholds[static_cast<std::size_t>(a)] = table.is_exit(a) ? exit : narrow;
        policy.price = price;
        found.push_back(samples.try_out(policy));
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

std::vector<TriedPolicy> search_thresholds(const PolicyTable& table, const GainEstimate& gains,
                                           std::span<const std::size_t> samples, const ThresholdSearch& search) {
  const SearchedSamples searched(table, gains, samples);
  std::vector<TriedPolicy> found = {searched.try_out(full_width_alone(table))};
  if (search.one_threshold || table.counts_agreement() || (search.router && !search.narrow && !search.exits)) {
    add_grid(searched, search, found);
    return found;
  }
  if (searched.is_regression()) add_fixed(searched, search, found);
  const std::vector<double> trade_offs = lambdas(table, gains, samples);
  add_descent(searched, trade_offs, search, found);
  if (search.narrow && search.exits) {
    // Descent may miss what exits or narrow widths alone can do.
    add_descent(searched, trade_offs, {.exits = true}, found);
    add_descent(searched, trade_offs, {.narrow = true}, found);
  }
  return found;
}

}  // namespace sharcs::internal
