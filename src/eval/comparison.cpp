#include "sharcs/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/json_reader.hpp"
#include "core/random.hpp"
#include "data/bootstrap.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// Draws that a bootstrap resample takes the mean over: few, since the resamples take different ones.
constexpr std::size_t draws_a_resample = 8;

/// The probability of each width for each sample, [samples, widths]: 0 and 1 where nothing is left to chance.
struct WidthLottery {
  std::size_t widths;
  std::vector<double> probabilities;

  WidthLottery(std::size_t samples, std::size_t width_count)
      : widths(width_count), probabilities(samples * width_count) {}
  static WidthLottery certain(const std::vector<int>& width_of_sample, std::size_t width_count) {
    WidthLottery lottery(width_of_sample.size(), width_count);
    for (std::size_t i = 0; i < width_of_sample.size(); ++i)
      lottery.of(i)[static_cast<std::size_t>(width_of_sample[i])] = 1;
    return lottery;
  }

  std::span<double> of(std::size_t sample) { return std::span(probabilities).subspan(sample * widths, widths); }
  std::span<const double> of(std::size_t sample) const {
    return std::span(probabilities).subspan(sample * widths, widths);
  }
  bool is_certain() const {
    return std::ranges::all_of(probabilities, [](double probability) { return probability == 0 || probability == 1; });
  }
  std::vector<int> draw(Random random) const {
    std::vector<int> chosen(probabilities.size() / widths);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const auto probability = of(i);
      double rest = random.uniform();
      int width = 0;
      while (width + 1 < static_cast<int>(widths) && rest >= probability[static_cast<std::size_t>(width)])
        rest -= probability[static_cast<std::size_t>(width++)];
      // Rounding may have carried the remainder past the last width that can be drawn.
      while (probability[static_cast<std::size_t>(width)] == 0) --width;
      chosen[i] = width;
    }
    return chosen;
  }
  std::vector<double> shares() const {
    std::vector<double> mean(widths);
    for (std::size_t i = 0; i < probabilities.size(); ++i) mean[i % widths] += probabilities[i];
    const std::size_t samples = probabilities.size() / widths;
    for (double& share : mean) share /= static_cast<double>(samples);
    return mean;
  }
  double cost_fraction(const Answers& answers) const {
    double chosen = 0, full = 0;
    for (std::size_t i = 0; i < answers.samples(); ++i) {
      for (std::size_t width = 0; width < widths; ++width)
        chosen += of(i)[width] * static_cast<double>(answers.multiply_adds[width][i]);
      full += static_cast<double>(answers.multiply_adds.back()[i]);
    }
    return chosen / full;
  }
};

/// What a lottery's answers score, on all samples or on a resample.
class Scorer {
 public:
  Scorer(const Answers& answers, const Task& task, const WidthLottery& lottery, const ComparisonOptions& options)
      : answers_(answers), metrics_(task.metrics()) {
    for (std::size_t i = 0; i < answers.samples() && !answers.is_regression(); ++i) {
      double right = 0;
      for (int width = 0; width <= answers.widest(); ++width)
        if (answers.label_of(i, width) == answers.labels[i]) right += lottery.of(i)[static_cast<std::size_t>(width)];
      expected_right_.push_back(right);
    }
    const bool only_means = std::ranges::all_of(metrics_, [](Metric metric) { return metric == Metric::accuracy; });
    if (only_means) return;
    const std::size_t draws = lottery.is_certain() ? 1 : static_cast<std::size_t>(options.draws);
    for (std::size_t d = 0; d < draws; ++d) {
      const std::vector<int> chosen = lottery.draw(Random(derive_key(options.bootstrap.seed, "width lottery", d)));
      if (answers.is_regression()) {
        auto& values = values_.emplace_back();
        for (std::size_t i = 0; i < chosen.size(); ++i) values.push_back(answers.value_of(i, chosen[i]));
      } else {
        auto& labels = labels_.emplace_back();
        for (std::size_t i = 0; i < chosen.size(); ++i) labels.push_back(answers.label_of(i, chosen[i]));
      }
    }
  }

  /// Over all samples and all draws.
  std::vector<MetricValue> metrics() const {
    std::vector<std::size_t> everything(answers_.samples());
    std::iota(everything.begin(), everything.end(), std::size_t{0});
    return metrics(everything, 0, std::max(labels_.size(), values_.size()));
  }
  /// Over the drawn samples, and some of the draws of widths.
  double score(const std::vector<std::size_t>& draw, int resample) const {
    const std::size_t draws = std::max(labels_.size(), values_.size());
    return sharcs::score(
        metrics(draw, static_cast<std::size_t>(resample) * draws_a_resample, std::min(draws, draws_a_resample)));
  }

 private:
  std::vector<MetricValue> metrics(const std::vector<std::size_t>& draw, std::size_t first, std::size_t count) const {
    std::vector<MetricValue> result;
    for (const Metric metric : metrics_) {
      double sum = 0;
      if (metric == Metric::accuracy) {
        for (const std::size_t i : draw) sum += expected_right_[i];
        result.push_back({metric, sum / static_cast<double>(draw.size())});
        continue;
      }
      for (std::size_t d = first; d < first + count; ++d)
        sum += answers_.is_regression() ? measure(metric, answers_.targets, values_[d % values_.size()], draw)
                                        : measure(metric, answers_.labels, labels_[d % labels_.size()], draw);
      result.push_back({metric, sum / static_cast<double>(count)});
    }
    return result;
  }

  template <class T>
  static double measure(Metric metric, const std::vector<T>& truth, const std::vector<T>& answer,
                        const std::vector<std::size_t>& draw) {
    return evaluate(std::span(&metric, 1), std::span<const T>(drawn(std::span<const T>(truth), draw)),
                    std::span<const T>(drawn(std::span<const T>(answer), draw)))
        .front()
        .value;
  }

  const Answers& answers_;
  std::vector<Metric> metrics_;
  std::vector<double> expected_right_;       // [samples], of a classification
  std::vector<std::vector<int>> labels_;     // [draws][samples]; none when only means count
  std::vector<std::vector<double>> values_;  // the same for a regression
};

struct Contestant {
  Baseline baseline;
  std::string name;
  WidthLottery lottery;
};

WidthLottery random_lottery(const Answers& answers, const std::vector<double>& shares) {
  WidthLottery lottery(answers.samples(), shares.size());
  for (std::size_t i = 0; i < answers.samples(); ++i) std::ranges::copy(shares, lottery.of(i).begin());
  return lottery;
}

WidthLottery length_lottery(const Answers& answers, const std::vector<double>& shares) {
  WidthLottery lottery(answers.samples(), shares.size());
  std::vector<std::size_t> order(answers.samples());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return answers.tokens[i]; });
  // Samples of one length take up ranks [first, end) of the order; width w the ranks between its cumulated shares.
  const auto samples = static_cast<double>(order.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first + 1;
    while (end < order.size() && answers.tokens[order[end]] == answers.tokens[order[first]]) ++end;
    double from = 0;
    for (std::size_t width = 0; width < shares.size(); ++width) {
      const double to = from + shares[width] * samples;
      const double overlap = std::min(to, static_cast<double>(end)) - std::max(from, static_cast<double>(first));
      for (std::size_t rank = first; rank < end; ++rank)
        lottery.of(order[rank])[width] = std::max(0.0, overlap) / static_cast<double>(end - first);
      from = to;
    }
    first = end;
  }
  return lottery;
}

/// Of the pairs of fixed widths around `cost`, the one whose mix of that cost scores best.
Contestant best_mix(const Answers& answers, double cost, const std::vector<double>& costs,
                    const std::vector<double>& scores) {
  std::size_t narrow = 0, wide = 0;
  double share_of_wide = 0;
  if (cost >= costs.back()) {
    narrow = wide = costs.size() - 1;
  } else if (cost > costs.front()) {
    double best = -std::numeric_limits<double>::infinity();
    for (std::size_t a = 0; a < costs.size(); ++a)
      for (std::size_t b = a + 1; b < costs.size(); ++b) {
        if (costs[a] > cost || costs[b] < cost || costs[a] == costs[b]) continue;
        const double share = (cost - costs[a]) / (costs[b] - costs[a]);
        const double score = (1 - share) * scores[a] + share * scores[b];
        if (score <= best) continue;
        best = score;
        narrow = a, wide = b, share_of_wide = share;
      }
  }
  std::vector<double> shares(costs.size());
  shares[narrow] += 1 - share_of_wide;
  shares[wide] += share_of_wide;
  std::string name = "mix of fixed " + short_number(answers.widths[narrow]);
  if (wide != narrow) name += " and " + short_number(answers.widths[wide]);
  return {Baseline::mix_of_fixed, std::move(name), random_lottery(answers, shares)};
}

std::vector<int> oracle(const Answers& answers) {
  std::vector<int> chosen(answers.samples(), 0);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto right = [&](int width) {
      if (!answers.is_regression()) return answers.label_of(i, width) == answers.labels[i];
      const auto error = [&](int at) { return std::abs(answers.value_of(i, at) - answers.targets[i]); };
      return error(width) <= error(answers.widest());
    };
    for (int width = 0; width <= answers.widest(); ++width)
      if (right(width)) {
        chosen[i] = width;
        break;
      }
  }
  return chosen;
}

void check(const Answers& answers, const Routing& routing, const ComparisonOptions& options) {
  internal::check(options.bootstrap);
  if (options.draws < 1) throw ConfigError("draws is " + std::to_string(options.draws) + "; expected at least 1");
  if (answers.samples() == 0) throw ShapeError("there are no samples to compare on");
  if ((answers.is_regression() ? answers.targets.size() : answers.labels.size()) != answers.samples())
    throw ShapeError("a comparison needs a label for each of the " + std::to_string(answers.samples()) + " samples");
  if (routing.width_of_sample.size() != answers.samples())
    throw ShapeError("the routing is of " + std::to_string(routing.width_of_sample.size()) +
                     " samples, the answers of " + std::to_string(answers.samples()));
}

}  // namespace

std::string to_string(Baseline baseline) {
  switch (baseline) {
    case Baseline::random:
      return "random";
    case Baseline::by_length:
      return "by length";
    case Baseline::fixed:
      return "fixed";
    case Baseline::mix_of_fixed:
      return "mix of fixed";
    case Baseline::oracle:
      return "oracle";
  }
  return {};
}

Comparison compare(const Answers& answers, const Task& task, const Routing& routing, const ComparisonOptions& options) {
  check(answers, routing, options);
  const std::size_t widths = answers.widths.size();
  const WidthLottery own = WidthLottery::certain(routing.width_of_sample, widths);
  const std::vector<double> shares = own.shares();

  std::vector<Contestant> contestants;
  contestants.push_back({Baseline::random, "random", random_lottery(answers, shares)});
  contestants.push_back({Baseline::by_length, "by length", length_lottery(answers, shares)});
  std::vector<double> fixed_costs, fixed_scores;
  for (std::size_t width = 0; width < widths; ++width) {
    const std::vector<int> all_here(answers.samples(), static_cast<int>(width));
    fixed_costs.push_back(cost_fraction(answers, route(answers, all_here)));
    fixed_scores.push_back(score(metrics_at(answers, task, all_here)));
    contestants.push_back(
        {Baseline::fixed, "fixed " + short_number(answers.widths[width]), WidthLottery::certain(all_here, widths)});
  }
  const double cost = cost_fraction(answers, routing);
  contestants.push_back(best_mix(answers, cost, fixed_costs, fixed_scores));
  contestants.push_back({Baseline::oracle, "oracle", WidthLottery::certain(oracle(answers), widths)});

  const Scorer own_scorer(answers, task, own, options);
  std::vector<Scorer> scorers;
  for (const Contestant& contestant : contestants) scorers.emplace_back(answers, task, contestant.lottery, options);

  // One pass over the resamples gives everybody's scores on the same draws.
  const auto resamples = static_cast<std::size_t>(options.bootstrap.resamples);
  std::vector<double> own_scores(resamples);
  std::vector<std::vector<double>> scores(scorers.size(), own_scores);
  parallel_for(options.bootstrap.resamples, [&](Index r) {
    const auto draw = bootstrap_draw(answers.samples(), options.bootstrap, static_cast<int>(r));
    const auto at = static_cast<std::size_t>(r);
    own_scores[at] = own_scorer.score(draw, static_cast<int>(r));
    for (std::size_t c = 0; c < scorers.size(); ++c) scores[c][at] = scorers[c].score(draw, static_cast<int>(r));
  });

  const auto estimate = [&](double value, std::vector<double> values) {
    return Estimate{value, percentile_interval(std::move(values), options.bootstrap.confidence)};
  };
  const auto result = [&](const WidthLottery& lottery, double cost_of, const Scorer& scorer,
                          const std::vector<double>& values) {
    const std::vector<MetricValue> metrics = scorer.metrics();
    return RoutingResult{lottery.shares(), cost_of, metrics, estimate(score(metrics), values)};
  };
  Comparison comparison = {result(own, cost, own_scorer, own_scores), {}};
  for (std::size_t c = 0; c < contestants.size(); ++c) {
    const Contestant& contestant = contestants[c];
    RoutingResult theirs = result(contestant.lottery, contestant.lottery.cost_fraction(answers), scorers[c], scores[c]);
    std::vector<double> leads = own_scores;
    for (std::size_t r = 0; r < resamples; ++r) leads[r] -= scores[c][r];
    const double lead = comparison.routing.score.value - theirs.score.value;
    comparison.baselines.push_back(
        {contestant.baseline, contestant.name, std::move(theirs), estimate(lead, std::move(leads))});
  }
  return comparison;
}

}  // namespace sharcs
