#include "eval/encoder_evaluation.hpp"

#include <algorithm>
#include <cmath>

#include "core/clock.hpp"
#include "eval/escalation.hpp"
#include "model/micro_batches.hpp"
#include "model/routed_pass.hpp"
#include "sharcs/cost.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

/// Runs a whole data set, each rank its share, and keeps its workspace for the next run.
class Runner {
 public:
  Runner(const Encoder<float>& encoder, const TokenizedDataset& dataset, Index micro_batch_tokens, Communicator& ranks)
      : encoder_(encoder),
        samples_(dataset.samples()),
        share_(share_by_tokens(dataset.lengths, ranks.rank(), ranks.ranks())),
        micro_batch_tokens_(micro_batch_tokens),
        ranks_(ranks) {
    for (Index sample = share_.begin; sample < share_.end; ++sample) tokens_.add(dataset.tokens, sample);
  }

  /// Puts what comes out into `logits` and `router_logits`, and returns the seconds that it took.
  double run(const RouteChoice<float>& choose, const RouteEscalation<float>& escalate, std::vector<float>& logits,
             std::vector<float>& router_logits) {
    logits.clear();
    router_logits.clear();
    const double start = steady_seconds();
    for_each_micro_batch(tokens_, micro_batch_tokens_, [&](const RaggedBatch& piece, Index first_of_share) {
      const Index first = share_.begin + first_of_share;
      RouteEscalation<float> escalate_here;
      if (escalate)
        escalate_here = [&](std::span<const float> scores, std::span<const float> answer, int width, Index sample) {
          return escalate(scores, answer, width, first + sample);
        };
      run_routed<float>(
          encoder_, piece, [&](std::span<const float> scores, Index sample) { return choose(scores, first + sample); },
          escalate_here, workspace_, output_);
      logits.insert(logits.end(), output_.logits.begin(), output_.logits.end());
      router_logits.insert(router_logits.end(), output_.router_logits.begin(), output_.router_logits.end());
    });
    double seconds = steady_seconds() - start;
    gather(logits, encoder_.config.num_labels());
    if (encoder_.weights.router) gather(router_logits, encoder_.widths.size());
    ranks_.sum(std::span(&seconds, 1));
    return seconds;
  }

  double run_at(int width, std::vector<float>& logits, std::vector<float>& router_logits) {
    return run([width](std::span<const float>, Index) { return width; }, {}, logits, router_logits);
  }

 private:
  /// Of the rows of this rank's samples makes those of all, `cols` numbers each.
  void gather(std::vector<float>& rows, Index cols) {
    std::vector<float> all(static_cast<std::size_t>(samples_ * cols), 0.0f);
    std::ranges::copy(rows, all.begin() + share_.begin * cols);
    ranks_.sum(all);
    rows = std::move(all);
  }

  const Encoder<float>& encoder_;
  Index samples_;
  WorkShare share_;
  RaggedBatch tokens_;  // of this rank's samples
  Index micro_batch_tokens_;
  Communicator& ranks_;
  Workspace workspace_;
  RoutedOutput<float> output_;
};

Answers answer_with(Runner& runner, const Encoder<float>& encoder, const TokenizedDataset& dataset) {
  Answers answers;
  answers.outputs = static_cast<std::size_t>(encoder.config.num_labels());
  answers.tokens = dataset.lengths;
  answers.labels.assign(dataset.labels.begin(), dataset.labels.end());
  answers.targets.assign(dataset.targets.begin(), dataset.targets.end());
  for (const std::int32_t tokens : dataset.lengths)
    answers.stem_multiply_adds.push_back(stem_multiply_adds(encoder.config, tokens));
  for (const Width& width : encoder.widths) {
    answers.widths.push_back(width.fraction());
    auto& multiply_adds_of_width = answers.multiply_adds.emplace_back();
    for (const std::int32_t tokens : dataset.lengths)
      multiply_adds_of_width.push_back(multiply_adds(encoder.config, width, tokens));
    answers.seconds.push_back(runner.run_at(width.index(), answers.logits.emplace_back(), answers.router_logits));
  }
  return answers;
}

MetricMap map_of(const std::vector<MetricValue>& values) {
  MetricMap map;
  for (const MetricValue& value : values) map[to_string(value.metric)] = value.value;
  return map;
}

/// The same samples only.
Answers subset(const Answers& answers, const std::vector<std::size_t>& samples) {
  Answers part;
  part.widths = answers.widths;
  part.outputs = answers.outputs;
  part.logits.resize(answers.widths.size());
  for (const std::size_t i : samples) {
    part.tokens.push_back(answers.tokens[i]);
    if (!answers.labels.empty()) part.labels.push_back(answers.labels[i]);
    if (!answers.targets.empty()) part.targets.push_back(answers.targets[i]);
    for (std::size_t width = 0; width < answers.widths.size(); ++width) {
      const auto row = answers.logits_of(i, static_cast<int>(width));
      part.logits[width].insert(part.logits[width].end(), row.begin(), row.end());
    }
  }
  return part;
}

/// The router's probability for a width (each width has a logit of its own, trained against 0 or 1) beside being right
/// there.
std::vector<CalibrationBin> calibration(const Answers& answers, int width) {
  if (answers.router_logits.empty() || answers.labels.empty()) return {};
  std::vector<double> probabilities;
  std::vector<int> right;
  for (std::size_t i = 0; i < answers.samples(); ++i) {
    const double logit = answers.router_logits_of(i)[static_cast<std::size_t>(width)];
    probabilities.push_back(1 / (1 + std::exp(-logit)));
    right.push_back(answers.label_of(i, width) == answers.labels[i]);
  }
  return calibration_bins(probabilities, right);
}

EvaluationRecord record_of(const Answers& answers, const Task& task, const Routing& routing) {
  const std::vector<int>& width_of_sample = routing.width_of_sample;
  EvaluationRecord record;
  record.samples = static_cast<std::int64_t>(answers.samples());
  record.routed = map_of(metrics_at(answers, task, width_of_sample));
  record.full = map_of(metrics_at(answers, task, std::vector<int>(answers.samples(), answers.widest())));
  record.cost_fraction = cost_fraction(answers, routing);
  for (int width = 0; width <= answers.widest(); ++width) {
    const std::vector<int> all_here(answers.samples(), width);
    std::vector<std::size_t> sent_here;
    for (std::size_t i = 0; i < answers.samples(); ++i)
      if (width_of_sample[i] == width) sent_here.push_back(i);
    WidthEvaluation here;
    here.width = answers.widths[static_cast<std::size_t>(width)];
    here.samples = static_cast<std::int64_t>(sent_here.size());
    here.cost_fraction = cost_fraction(answers, route(answers, all_here));
    here.all = map_of(metrics_at(answers, task, all_here));
    if (!sent_here.empty())
      here.routed = map_of(metrics_at(subset(answers, sent_here), task, std::vector<int>(sent_here.size(), width)));
    here.calibration = calibration(answers, width);
    record.widths.push_back(std::move(here));
  }
  return record;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

}  // namespace

Evaluation evaluate(const Encoder<float>& encoder, const Task& task, const TokenizedDataset& dataset,
                    const RoutingPolicy& policy, Index micro_batch_tokens, const EvaluationOptions& options,
                    Communicator& ranks) {
  if (dataset.samples() == 0) throw DataError(options.name + ": there are no samples to evaluate");
  if (dataset.labels.empty() && dataset.targets.empty())
    throw DataError(options.name + ": there are samples without a label; evaluation needs one for each");
  if (task.outputs() != static_cast<std::size_t>(encoder.config.num_labels()))
    throw ConfigError("task " + task.name() + " has " + std::to_string(task.outputs()) + " outputs, the model " +
                      std::to_string(encoder.config.num_labels()));
  Runner runner(encoder, dataset, micro_batch_tokens, ranks);
  Evaluation result;
  result.answers = answer_with(runner, encoder, dataset);
  result.routing = route(result.answers, encoder.widths, policy);
  result.record = record_of(result.answers, task, result.routing);
  result.record.name = options.name;

  std::vector<double> routed, full = {result.answers.seconds.back()};
  std::vector<float> logits, router_logits;
  const auto query = [&](std::span<const float> scores, Index sample) {
    return RoutingQuery{scores, encoder.widths, dataset.lengths[static_cast<std::size_t>(sample)]};
  };
  const RouteChoice<float> choose = [&](std::span<const float> scores, Index sample) {
    return policy.choose(query(scores, sample));
  };
  RouteEscalation<float> wider;
  if (policy.escalates())
    wider = [&](std::span<const float> scores, std::span<const float> answer, int width, Index sample) {
      return escalate(policy, query(scores, sample), width, answer, encoder.config.is_regression());
    };
  for (int round = 0; round < options.timing_rounds; ++round) {
    if (round > 0) full.push_back(runner.run_at(result.answers.widest(), logits, router_logits));
    routed.push_back(runner.run(choose, wider, logits, router_logits));
  }
  if (!routed.empty()) result.record.seconds_routed = median(routed);
  result.record.seconds_full = median(full);
  return result;
}

}  // namespace sharcs::internal
