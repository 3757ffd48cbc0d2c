#include "eval/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/enum_names.hpp"
#include "core/number.hpp"
#include "core/random.hpp"
#include "data/metrics.hpp"
#include "eval/bootstrap.hpp"
#include "eval/recording_metrics.hpp"
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
  static WidthLottery certain(const std::vector<int>& answer_of_sample, std::size_t width_count) {
    WidthLottery lottery(answer_of_sample.size(), width_count);
    for (std::size_t i = 0; i < answer_of_sample.size(); ++i)
      lottery.of(i)[static_cast<std::size_t>(answer_of_sample[i])] = 1;
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
  double cost_fraction(const Recording& recording) const {
    double chosen = 0, full = 0;
    for (std::size_t i = 0; i < recording.size(); ++i) {
      for (std::size_t width = 0; width < widths; ++width)
        chosen += of(i)[width] * cost_of(recording, i, static_cast<int>(width));
      full += cost_of(recording, i, recording.full_width());
    }
    return chosen / full;
  }
};

/// What a lottery's answers score, on all samples or on a resample.
class Scorer {
 public:
  Scorer(const Recording& recording, const WidthLottery& lottery, const ComparisonOptions& options)
      : recording_(recording), metrics_(recording.metrics) {
    for (std::size_t i = 0; i < recording.size() && !recording.is_regression(); ++i) {
      double right = 0;
      for (int width = 0; width <= recording.full_width(); ++width)
        right += share_right(recording, i, width) * lottery.of(i)[static_cast<std::size_t>(width)];
      expected_right_.push_back(right);
    }
    const bool only_means = std::ranges::all_of(metrics_, is_share_of_right_answers);
    if (only_means) return;
    const std::size_t draws = lottery.is_certain() ? 1 : static_cast<std::size_t>(options.draws);
    for (std::size_t d = 0; d < draws; ++d) {
      const std::vector<int> chosen = lottery.draw(Random(derive_key(options.bootstrap.seed, "width lottery", d)));
      if (recording.is_regression()) {
        auto& values = values_.emplace_back();
        for (std::size_t i = 0; i < chosen.size(); ++i)
          std::ranges::copy(recording.logits_of(i, chosen[i]), std::back_inserter(values));
      } else if (recording.labels_words()) {
        counts_.push_back(tag_counts(recording, chosen));
      } else {
        auto& labels = labels_.emplace_back();
        for (std::size_t i = 0; i < chosen.size(); ++i) labels.push_back(recording.label_of(i, chosen[i]));
      }
    }
  }

  /// Over all samples and all draws.
  MetricMap metrics() const {
    std::vector<std::size_t> everything(recording_.size());
    std::iota(everything.begin(), everything.end(), std::size_t{0});
    return metrics(everything, 0, all_draws());
  }
  /// Over the drawn samples, and some of the draws of widths.
  double score(const std::vector<std::size_t>& draw, int resample) const {
    return sharcs::score(
        metrics(draw, static_cast<std::size_t>(resample) * draws_a_resample, std::min(all_draws(), draws_a_resample)));
  }

 private:
  MetricMap metrics(const std::vector<std::size_t>& draw, std::size_t first, std::size_t count) const {
    MetricMap result;
    for (const Metric metric : metrics_) {
      double sum = 0;
      if (is_share_of_right_answers(metric)) {  // its mean over all draws is known without drawing
        for (const std::size_t i : draw) sum += expected_right_[i];
        result[to_string(metric)] = sum / static_cast<double>(draw.size());
        continue;
      }
      for (std::size_t d = first; d < first + count; ++d)
        sum += recording_.is_regression()  ? measured_values(metric, values_[d % values_.size()], draw)
               : recording_.labels_words() ? measured_tags(metric, counts_[d % counts_.size()], draw)
                                           : measured_labels(metric, labels_[d % labels_.size()], draw);
      result[to_string(metric)] = sum / static_cast<double>(count);
    }
    return result;
  }

  std::size_t all_draws() const { return std::max({labels_.size(), values_.size(), counts_.size()}); }

  static double measured_tags(Metric metric, const std::vector<TagCounts>& counts,
                              const std::vector<std::size_t>& draw) {
    TagCounts sum;
    for (const std::size_t i : draw) sum += counts[i];
    return sharcs::measure(metric, sum);
  }
  double measured_labels(Metric metric, std::span<const int> answers, const std::vector<std::size_t>& draw) const {
    return sharcs::measure(metric, std::span<const int>(drawn<int>(recording_.labels, draw)),
                           std::span<const int>(drawn(answers, draw)));
  }
  double measured_values(Metric metric, std::span<const double> answers, const std::vector<std::size_t>& draw) const {
    const std::size_t outputs = recording_.outputs;
    return sharcs::measure(metric, std::span<const double>(drawn<double>(recording_.targets, draw, outputs)),
                           std::span<const double>(drawn(answers, draw, outputs)), outputs);
  }

  const Recording& recording_;
  std::vector<Metric> metrics_;
  std::vector<double> expected_right_;          // [samples], of a classification
  std::vector<std::vector<int>> labels_;        // [draws][samples]; none when only means count
  std::vector<std::vector<double>> values_;     // [draws][samples, outputs], of a regression
  std::vector<std::vector<TagCounts>> counts_;  // [draws][samples], where words are labelled
};

struct Contestant {
  Baseline baseline;
  std::string name;
  WidthLottery lottery;
};

WidthLottery random_lottery(const Recording& recording, const std::vector<double>& shares) {
  WidthLottery lottery(recording.size(), shares.size());
  for (std::size_t i = 0; i < recording.size(); ++i) std::ranges::copy(shares, lottery.of(i).begin());
  return lottery;
}

WidthLottery length_lottery(const Recording& recording, const std::vector<double>& shares) {
  WidthLottery lottery(recording.size(), shares.size());
  std::vector<std::size_t> order(recording.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return recording.tokens[i]; });
  // Samples of one length take up ranks [first, end) of the order; width w the ranks between its cumulated shares.
  const auto samples = static_cast<double>(order.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first + 1;
    while (end < order.size() && recording.tokens[order[end]] == recording.tokens[order[first]]) ++end;
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

/// Of the pairs of fixed answers around `cost`, the one whose mix of that cost scores best.
Contestant best_mix(const Recording& recording, double cost, const std::vector<double>& costs,
                    const std::vector<double>& scores) {
  const auto cheapest = static_cast<std::size_t>(std::ranges::min_element(costs) - costs.begin());
  std::size_t narrow = cheapest, wide = cheapest;
  double share_of_wide = 0;
  if (cost >= costs.back()) {
    narrow = wide = costs.size() - 1;
  } else if (cost > costs[cheapest]) {
    double best = -std::numeric_limits<double>::infinity();
    for (std::size_t a = 0; a < costs.size(); ++a)
      for (std::size_t b = 0; b < costs.size(); ++b) {
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
  std::string name = "mix of fixed " + recording.answers[narrow].name;
  if (wide != narrow) name += " and " + recording.answers[wide].name;
  return {Baseline::mix_of_fixed, std::move(name), random_lottery(recording, shares)};
}

int cheapest_of(const Recording& recording, std::size_t sample) {
  int cheapest = 0;
  for (int answer = 1; answer <= recording.full_width(); ++answer)
    if (cost_of(recording, sample, answer) < cost_of(recording, sample, cheapest)) cheapest = answer;
  return cheapest;
}

/// The largest share of a text's words that one of the answers labels right.
double best_share(const Recording& recording, std::size_t sample) {
  double best = 0;
  for (int answer = 0; answer <= recording.full_width(); ++answer)
    best = std::max(best, share_right(recording, sample, answer));
  return best;
}

std::vector<int> oracle(const Recording& recording) {
  std::vector<int> chosen(recording.size(), 0);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto right = [&](int width) {
      if (recording.labels_words()) return share_right(recording, i, width) == best_share(recording, i);
      if (!recording.is_regression()) return is_right(recording, i, width);
      return error_of(recording, i, width) <= error_of(recording, i, recording.full_width());
    };
    double least = std::numeric_limits<double>::infinity();
    for (int answer = 0; answer <= recording.full_width(); ++answer) {
      const double cost = cost_of(recording, i, answer);
      if (cost >= least || !right(answer)) continue;
      chosen[i] = answer;
      least = cost;
    }
    if (std::isinf(least)) chosen[i] = cheapest_of(recording, i);
  }
  return chosen;
}

void check(const Recording& recording, const Routing& routing, const ComparisonOptions& options) {
  internal::check(options.bootstrap);
  if (options.draws < 1) throw ConfigError("draws is " + std::to_string(options.draws) + "; expected at least 1");
  if (recording.size() == 0) throw ShapeError("there are no samples to compare on");
  require_labels(recording, "a comparison");
  if (routing.answer_of_sample.size() != recording.size())
    throw ShapeError("the routing is of " + std::to_string(routing.answer_of_sample.size()) +
                     " samples, the recording of " + std::to_string(recording.size()));
}

}  // namespace

namespace internal {
template <>
struct EnumNames<Baseline> {
  static constexpr const char* what = "the baseline";
  static constexpr EnumName<Baseline> all[] = {{Baseline::random, "random"},
                                               {Baseline::by_length, "by length"},
                                               {Baseline::fixed, "fixed"},
                                               {Baseline::mix_of_fixed, "mix of fixed"},
                                               {Baseline::oracle, "oracle"}};
};
}  // namespace internal
std::string internal::to_string(Baseline baseline) { return name_of(baseline); }

const OperatingPoint& internal::point_of(std::span<const OperatingPoint> points, Baseline baseline) {
  // Of the fixed widths the last one is full width.
  const auto last = std::ranges::find(points.rbegin(), points.rend(), to_string(baseline), &OperatingPoint::series);
  return *last;
}

std::vector<OperatingPoint> compare(const Recording& recording, const Routing& routing,
                                    const ComparisonOptions& options) {
  check(recording, routing, options);
  const std::size_t widths = recording.answers.size();
  const WidthLottery own = WidthLottery::certain(routing.answer_of_sample, widths);
  const std::vector<double> shares = own.shares();

  std::vector<Contestant> contestants;
  contestants.push_back({Baseline::random, "random", random_lottery(recording, shares)});
  contestants.push_back({Baseline::by_length, "by length", length_lottery(recording, shares)});
  std::vector<double> fixed_costs, fixed_scores;
  for (std::size_t width = 0; width < widths; ++width) {
    const std::vector<int> all_here = everything_at(recording, static_cast<int>(width));
    fixed_costs.push_back(cost_fraction(recording, route(recording, all_here)));
    fixed_scores.push_back(score(metrics_at(recording, all_here)));
    contestants.push_back(
        {Baseline::fixed, "fixed " + recording.answers[width].name, WidthLottery::certain(all_here, widths)});
  }
  const double cost = cost_fraction(recording, routing);
  contestants.push_back(best_mix(recording, cost, fixed_costs, fixed_scores));
  contestants.push_back({Baseline::oracle, "oracle", WidthLottery::certain(oracle(recording), widths)});

  const Scorer own_scorer(recording, own, options);
  std::vector<Scorer> scorers;
  for (const Contestant& contestant : contestants) scorers.emplace_back(recording, contestant.lottery, options);

  // One pass over the resamples gives everybody's scores on the same draws.
  const auto resamples = static_cast<std::size_t>(options.bootstrap.resamples);
  std::vector<double> own_scores(resamples);
  std::vector<std::vector<double>> scores(scorers.size(), own_scores);
  parallel_for(options.bootstrap.resamples, [&](Index r) {
    const auto draw = bootstrap_draw(recording.size(), options.bootstrap, static_cast<int>(r));
    const auto at = static_cast<std::size_t>(r);
    own_scores[at] = own_scorer.score(draw, static_cast<int>(r));
    for (std::size_t c = 0; c < scorers.size(); ++c) scores[c][at] = scorers[c].score(draw, static_cast<int>(r));
  });

  const auto estimate = [&](double value, std::vector<double> values) {
    return Estimate{value, percentile_interval(std::move(values), options.bootstrap.confidence)};
  };
  std::vector<OperatingPoint> points = {
      {.name = "routed", .series = "routed", .shares = shares, .cost_fraction = cost, .metrics = own_scorer.metrics()}};
  const double own_score = score(points.front().metrics);
  points.front().score = estimate(own_score, own_scores);
  for (std::size_t c = 0; c < contestants.size(); ++c) {
    const Contestant& contestant = contestants[c];
    OperatingPoint& point = points.emplace_back();
    point.name = contestant.name;
    point.series = to_string(contestant.baseline);
    point.shares = contestant.lottery.shares();
    point.cost_fraction = contestant.lottery.cost_fraction(recording);
    point.metrics = scorers[c].metrics();
    point.score = estimate(score(point.metrics), scores[c]);
    std::vector<double> leads = own_scores;
    for (std::size_t r = 0; r < resamples; ++r) leads[r] -= scores[c][r];
    point.lead = estimate(own_score - point.score.value, std::move(leads));
  }
  return points;
}

}  // namespace sharcs
