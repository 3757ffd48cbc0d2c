#include "train/step_runner.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "core/json_reader.hpp"
#include "core/random.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

StepRunner::StepRunner(Network<float>& network, const TrainingOptions& options, double regression_scale,
                       const Dataset& dataset, const SampleFacts& facts, TokensOf tokens_of, Communicator& ranks,
                       TokenDropout token_dropout)
    : network_(network),
      options_(options),
      regression_scale_(regression_scale),
      dataset_(dataset),
      facts_(facts),
      batches_(std::move(tokens_of), std::move(token_dropout), options.seed),
      ranks_(ranks),
      optimizer_(network.layout(), {.beta1 = options.adam_beta1,
                                    .beta2 = options.adam_beta2,
                                    .eps = options.adam_epsilon,
                                    .weight_decay = options.weight_decay}),
      accumulator_(network,
                   {.piece_tokens = options.micro_batch_tokens,
                    .activations = options.recompute_activations ? Activations::recompute : Activations::keep}) {}

std::vector<BatchOutcome> StepRunner::run(const PlannedStep& step, std::span<const WidthLabel> labels,
                                          std::int64_t number, double learning_rate, HardnessHistory& history,
                                          const PlannedStep* next) {
  const std::vector<RaggedBatch> batches = batches_.take(step, number, next);
  std::vector<BatchOutcome> outcomes;
  for (std::size_t i = 0; i < step.size(); ++i) {
    const PlannedBatch& planned = step[i];
    const RaggedBatch& tokens = batches[i];
    accumulator_.expect(network_.widths()[planned.width], !labels.empty(), tokens.ids);
    outcomes.push_back({.width = planned.width, .samples = tokens.samples(), .tokens = tokens.tokens()});
  }
  Gradients<float>& gradients = accumulator_.gradients();
  optimizer_.catch_up(network_.values(), gradients.words());

  // What the ranks tell each other: of each micro-batch both losses, then the measures of its samples in their places.
  std::vector<double> told;
  const PlannedStep part = part_of(step, ranks_.rank(), ranks_.ranks(), options_.sharding, facts_.lengths);
  const std::uint64_t dropout_key = derive_key(options_.seed, "dropout", static_cast<std::uint64_t>(number));
  for (std::size_t i = 0; i < step.size(); ++i) {
    const MicroBatchOutcome outcome =
        run(part[i], batches[i], labels, 1.0 / static_cast<double>(step.size()), derive_key(dropout_key, "batch", i));
    told.push_back(outcome.task_loss);
    told.push_back(outcome.router_loss);
    told.resize(told.size() + step[i].samples.size(), 0.0);
    std::ranges::copy(measures(outcome), told.end() - std::ssize(step[i].samples) + part[i].first_sample);
  }
  ranks_.sum(told);

  auto value = told.begin();
  for (std::size_t i = 0; i < step.size(); ++i) {
    for (const auto& [name, loss] :
         {std::pair{"task", &outcomes[i].task_loss}, std::pair{"router", &outcomes[i].router_loss}}) {
      *loss = *value++;
      if (!std::isfinite(*loss))
        fail(number, step[i], "the " + std::string(name) + "'s loss is " + short_number(std::abs(*loss)));
    }
    for (const Index sample : step[i].samples) history.record(sample, static_cast<float>(*value++), number);
  }

  gradients.sum_over(ranks_);
  const double norm = gradients.norm();
  if (!std::isfinite(norm)) fail(number, step.back(), "the gradient's length is " + short_number(norm));
  const bool too_long = options_.max_grad_norm > 0 && norm > options_.max_grad_norm;
  // The 1e-6 is torch.nn.utils.clip_grad_norm_'s, which the authors call.
  optimizer_.step(network_.values(), gradients, learning_rate, too_long ? options_.max_grad_norm / (norm + 1e-6) : 1.0);
  gradients.clear();
  network_.pack();
  return outcomes;
}

MicroBatchOutcome StepRunner::run(const PlannedBatch& part, const RaggedBatch& whole,
                                  std::span<const WidthLabel> labels, double share, std::uint64_t dropout_key) {
  if (part.samples.empty()) return {};
  RaggedBatch tokens;
  for (Index i = 0; i < std::ssize(part.samples); ++i) tokens.add(whole, part.first_sample + i);
  const WidthSet& widths = network_.widths();
  std::vector<std::int32_t> classes;
  std::vector<float> targets, width_labels;
  for (const Index sample : part.samples) {
    const auto i = static_cast<std::size_t>(sample);
    if (!facts_.labels.empty()) classes.push_back(facts_.labels[i]);
    if (!facts_.targets.empty()) targets.push_back(facts_.targets[i]);
    if (labels.empty()) continue;
    width_labels.resize(width_labels.size() + static_cast<std::size_t>(widths.size()));
    labels[i].write_multi_hot(std::span(width_labels).last(static_cast<std::size_t>(widths.size())));
  }
  const std::vector<double>& by_width = options_.width_loss_weights;
  const double weight = (by_width.empty() ? 1.0 : by_width[static_cast<std::size_t>(part.width)]) * share /
                        static_cast<double>(part.whole_size);
  return accumulator_.add(
      {.width = widths[part.width],
       .tokens = tokens,
       .labels = classes,
       .targets = targets,
       .width_labels = labels.empty() ? MatrixView<const float>()
                                      : MatrixView<const float>(width_labels.data(), tokens.samples(), widths.size()),
       .task_weight = weight * options_.task_loss_weight,
       .router_weight = weight * options_.router_loss_weight,
       .dropout_key = dropout_key,
       .first_sample = part.first_sample,
       .first_token = part.first_token});
}

std::vector<float> StepRunner::measures(const MicroBatchOutcome& outcome) const {
  std::vector<float> measures =
      options_.hardness_measure == HardnessMeasure::entropy ? outcome.entropy : outcome.confidence_or_error;
  if (!facts_.targets.empty())
    for (float& measure : measures) measure = static_cast<float>(std::exp(-measure / regression_scale_));
  return measures;
}

void StepRunner::fail(std::int64_t number, const PlannedBatch& planned, const std::string& what) const {
  constexpr std::size_t shown = 8;
  const bool has_lines = dataset_.samples[static_cast<std::size_t>(planned.samples.front())].line > 0;
  std::string places;
  for (std::size_t i = 0; i < std::min(shown, planned.samples.size()); ++i) {
    const auto sample = static_cast<std::size_t>(planned.samples[i]);
    places += (i > 0 ? ", " : "") + std::to_string(has_lines ? dataset_.samples[sample].line : sample + 1);
  }
  if (planned.samples.size() > shown) places += ", …";
  throw TrainingError("step " + std::to_string(number) + ", width " +
                      short_number(network_.widths()[planned.width].fraction()) + ": " + what +
                      "; the micro-batch is " + std::to_string(planned.samples.size()) + " samples of " +
                      dataset_.file + (has_lines ? ", on lines " : ", numbers ") + places);
}

void StepRunner::catch_up() { optimizer_.catch_up(network_.values()); }

}  // namespace sharcs::internal
