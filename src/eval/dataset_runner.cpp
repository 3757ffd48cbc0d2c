#include "eval/dataset_runner.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "core/clock.hpp"
#include "core/number.hpp"
#include "core/threads.hpp"
#include "infer/engine_access.hpp"
#include "model/micro_batches.hpp"
#include "routing/escalation.hpp"
#include "routing/length_cost.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;

DatasetRunner::DatasetRunner(const Encoder<float>& encoder, const TokenizedDataset& dataset, Index micro_batch_tokens,
                             Communicator& ranks)
    : encoder_(encoder),
      dataset_(dataset),
      share_(share_by_tokens(dataset.lengths, ranks.rank(), ranks.ranks())),
      micro_batch_tokens_(micro_batch_tokens),
      ranks_(ranks) {
  for (Index sample = share_.begin; sample < share_.end; ++sample) tokens_.add(dataset.tokens, sample);
}

Recording DatasetRunner::record(const Task& task, const std::string& name) {
  const ModelConfig& config = encoder_.config;
  if (dataset_.samples() == 0) throw DataError(name + ": there are no samples to evaluate");
  if (dataset_.labels.empty() && dataset_.targets.empty())
    throw DataError(name + ": there are samples without a label; evaluation needs one for each");
  if (task.outputs() != static_cast<std::size_t>(config.num_labels()))
    throw ConfigError("task " + task.name() + " has " + std::to_string(task.outputs()) + " outputs, the model " +
                      std::to_string(config.num_labels()));
  Recording recording = {.config = config,
                         .task = task.name(),
                         .classes = task.labels(),
                         .metrics = task.metrics(),
                         .outputs = task.outputs(),
                         .shared_cost = stem_multiply_adds_by_length(config),
                         .tokens = dataset_.lengths,
                         .labels = {dataset_.labels.begin(), dataset_.labels.end()},
                         .targets = {dataset_.targets.begin(), dataset_.targets.end()}};
  for (const Width& width : encoder_.widths) {
    RecordedAnswer& answer = recording.answers.emplace_back();
    answer.name = short_number(width.fraction());
    answer.width = width.fraction();
    answer.cost = multiply_adds_by_length(config, width);
    answer.seconds = run_at(width, answer.logits, recording.router_logits);
  }
  return recording;
}

RoutingSeconds DatasetRunner::time(const RoutingPolicy& policy, int rounds, std::optional<double> recorded_full) {
  std::vector<float> logits, router_logits;
  const std::array<std::function<double()>, 2> runs = {[&] {
                                                         if (recorded_full)
                                                           return *std::exchange(recorded_full, std::nullopt);
                                                         return run_at(encoder_.widths.widest(), logits, router_logits);
                                                       },
                                                       [&] { return run_by(policy, logits, router_logits); }};
  const auto seconds = time_in_turns(runs, {.least_rounds = rounds});
  return {.routed = median_of(seconds[1]), .full = median_of(seconds[0])};
}

double DatasetRunner::run(const RouteChoice<float>& choose, const RouteEscalation<float>& escalate,
                          std::vector<float>& logits, std::vector<float>& router_logits) {
  logits.clear();
  router_logits.clear();
  const double start = steady_seconds();
  for_each_micro_batch(tokens_, micro_batch_tokens_, [&](const RaggedBatch& piece, Index first_of_share) {
    const Index first = share_.begin + first_of_share;
    const auto choose_here = [&](std::span<const float> scores, Index sample) {
      return choose(scores, first + sample);
    };
    RouteEscalation<float> escalate_here;
    if (escalate)
      escalate_here = [&](std::span<const float> scores, std::span<const float> answer, int width_index, Index sample) {
        return escalate(scores, answer, width_index, first + sample);
      };
    run_routed<float>(encoder_, piece, choose_here, escalate_here, workspace_, output_);
    logits.insert(logits.end(), output_.logits.begin(), output_.logits.end());
    router_logits.insert(router_logits.end(), output_.router_logits.begin(), output_.router_logits.end());
  });
  double seconds = steady_seconds() - start;
  gather(logits, encoder_.config.num_labels());
  if (encoder_.weights.router) gather(router_logits, encoder_.widths.size());
  ranks_.sum(std::span(&seconds, 1));
  return seconds;
}

double DatasetRunner::run_at(const Width& width, std::vector<float>& logits, std::vector<float>& router_logits) {
  return run([&](std::span<const float>, Index) { return width.index(); }, {}, logits, router_logits);
}

double DatasetRunner::run_by(const RoutingPolicy& policy, std::vector<float>& logits,
                             std::vector<float>& router_logits) {
  const auto query = [&](std::span<const float> scores, Index sample) {
    return RoutingQuery{scores, encoder_.widths, dataset_.lengths[static_cast<std::size_t>(sample)]};
  };
  const auto choose = [&](std::span<const float> scores, Index sample) { return policy.choose(query(scores, sample)); };
  RouteEscalation<float> wider;
  if (policy.escalates())
    wider = [&](std::span<const float> scores, std::span<const float> answer, int width_index, Index sample) {
      return escalate(policy, query(scores, sample), width_index, answer, encoder_.config.is_regression());
    };
  return run(choose, wider, logits, router_logits);
}

void DatasetRunner::gather(std::vector<float>& rows, Index cols) {
  std::vector<float> all(static_cast<std::size_t>(dataset_.samples() * cols), 0.0f);
  std::ranges::copy(rows, all.begin() + share_.begin * cols);
  ranks_.sum(all);
  rows = std::move(all);
}

ClassifierRunner::ClassifierRunner(const Classifier& classifier, const Task& task, const Dataset& dataset)
    : classifier_(classifier),
      task_(task),
      dataset_(dataset),
      threads_(classifier.engine().options().threads > 0 ? classifier.engine().options().threads : thread_count()),
      tokenized_([&] {
        const ThreadScope scope(threads_);
        return tokenize(dataset, task, classifier.tokenizer(), classifier.engine().max_tokens());
      }()),
      runner_(encoder_of(classifier.engine()), tokenized_, classifier.engine().options().micro_batch_tokens) {
  require_embeddings(classifier.engine().config(), tokenized_, dataset);
}

Recording ClassifierRunner::record() {
  const ThreadScope scope(threads_);
  Recording recording = runner_.record(task_, dataset_.file);
  recording.data = dataset_.file;
  recording.samples = dataset_.samples;
  return recording;
}

RoutingSeconds ClassifierRunner::time(const RoutingPolicy& policy, int rounds, std::optional<double> recorded_full) {
  const ThreadScope scope(threads_);
  return runner_.time(policy, rounds, recorded_full);
}

Evaluation internal::evaluate(const Encoder<float>& encoder, const Task& task, const TokenizedDataset& dataset,
                              const RoutingPolicy& policy, Index micro_batch_tokens, const std::string& name,
                              Communicator& ranks) {
  DatasetRunner runner(encoder, dataset, micro_batch_tokens, ranks);
  const Recording recording = runner.record(task, name);
  Evaluation evaluation = evaluate_timed(runner, recording, route(recording, policy), policy, 1);
  evaluation.name = name;
  return evaluation;
}

}  // namespace sharcs
