#include "train/step_runner.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/number.hpp"
#include "core/random.hpp"
#include "sharcs/error.hpp"
#include "train/importance.hpp"

namespace sharcs::internal {
namespace {

/// Batches that importance is measured on.
constexpr std::size_t importance_batches = 100;

}  // namespace

StepRunner::StepRunner(Network<float>& network, const TrainingOptions& options, StepSamples samples,
                       Communicator& ranks)
    : network_(network),
      options_(options),
      samples_(std::move(samples)),
      batches_(samples_.tokens_of, samples_.token_dropout, options.seed, samples_.masking),
      ranks_(ranks),
      optimizer_(network.layout(), {.beta1 = options.adam_beta1,
                                    .beta2 = options.adam_beta2,
                                    .eps = options.adam_epsilon,
                                    .weight_decay = options.weight_decay}),
      accumulator_(network,
                   {.piece_tokens = options.micro_batch_tokens,
                    .activations = options.recompute_activations ? Activations::recompute : Activations::keep}),
      answers_(static_cast<Index>(samples_.facts.lengths.size()), network.widths().size()) {}

std::vector<BatchOutcome> StepRunner::run(const TrainingStep& step, HardnessHistory& history) {
  const std::vector<RaggedBatch> tokens = batches_.take(step.batches, step.number, step.next);
  prepare(step, tokens);
  const std::vector<double> found = run_batches(step, tokens);

  const bool distils = step.phase == EpochPhase::distillation;
  const int narrow = distils ? network_.widths().size() - 1 : 0;
  std::vector<BatchOutcome> outcomes;
  auto value = found.begin();
  for (std::size_t i = 0; i < step.batches.size(); ++i) {
    const PlannedBatch& batch = step.batches[i];
    BatchOutcome outcome = {.width = batch.width, .samples = tokens[i].samples(), .tokens = tokens[i].tokens()};
    // As if each sample had the mean loss of all words.
    const double samples_a_row =
        network_.config().labels_tokens()
            ? static_cast<double>(outcome.samples) / static_cast<double>(tokens[i].head_tokens.size())
            : 1.0;
    outcome.task_loss = *value++ * samples_a_row;
    if (!std::isfinite(outcome.task_loss))
      fail(step, batch, "the task's loss is " + short_number(std::abs(outcome.task_loss)));
    outcome.router_loss = *value++;
    if (!std::isfinite(outcome.router_loss))
      fail(step, batch, "the router's loss is " + short_number(std::abs(outcome.router_loss)));
    for (const Index sample : batch.samples) history.record(sample, static_cast<float>(*value++), step.number);
    for (int width = 0; width < narrow; ++width) {
      const double loss = *value++ * samples_a_row;
      if (!std::isfinite(loss)) fail(step, batch, "a narrow width's loss is " + short_number(std::abs(loss)));
      outcomes.push_back({.width = width, .samples = tokens[i].samples(), .task_loss = loss});
      for (const Index sample : batch.samples) answers_.record(sample, width, static_cast<float>(*value++));
    }
    outcomes.push_back(outcome);
  }
  update_parameters(step);
  return outcomes;
}

void StepRunner::prepare(const TrainingStep& step, std::span<const RaggedBatch> tokens) {
  const bool all_widths = step.phase == EpochPhase::distillation;
  for (std::size_t i = 0; i < step.batches.size(); ++i)
    accumulator_.mark({.width = all_widths ? nullptr : &network_.widths()[step.batches[i].width],
                       .router = trains_router(step),
                       .exits = exit_losses(step)},
                      tokens[i].ids);
  optimizer_.catch_up(network_.values(), accumulator_.gradients().words());
}

std::vector<double> StepRunner::run_batches(const TrainingStep& step, std::span<const RaggedBatch> tokens) {
  // For micro-batches of 2 and 3 samples: task loss, router loss, measure, measure, task loss, router loss, measure,
  // measure, measure. Of distillation each narrow width adds, after the measures, its loss and a number a sample. A
  // rank leaves zeros for the samples of other ranks, so that a sum puts all parts together.
  std::vector<double> found;
  const PlannedStep parts =
      part_of(step.batches, ranks_.rank(), ranks_.ranks(), options_.sharding, samples_.facts.lengths);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const MicroBatchOutcome outcome = run_part(step, i, parts[i], tokens[i]);
    found.push_back(outcome.task_loss);
    found.push_back(outcome.router_loss);
    const auto first_measure = std::ssize(found);
    found.resize(found.size() + step.batches[i].samples.size(), 0.0);
    std::ranges::copy(measures(outcome), found.begin() + first_measure + parts[i].first_sample);
    if (step.phase != EpochPhase::distillation) continue;
    for (std::size_t width = 0; width + 1 < static_cast<std::size_t>(network_.widths().size()); ++width) {
      const bool has_part = width < outcome.narrow_losses.size();
      found.push_back(has_part ? outcome.narrow_losses[width] : 0);
      const auto first_answer = std::ssize(found);
      found.resize(found.size() + step.batches[i].samples.size(), 0.0);
      if (has_part)
        std::ranges::copy(outcome.narrow_right[width], found.begin() + first_answer + parts[i].first_sample);
    }
  }
  ranks_.sum(found);
  return found;
}

MicroBatchOutcome StepRunner::run_part(const TrainingStep& step, std::size_t index, const PlannedBatch& part,
                                       const RaggedBatch& whole) {
  if (part.samples.empty()) return {};
  const SampleFacts& facts = samples_.facts;
  const WidthSet& widths = network_.widths();
  RaggedBatch tokens;
  for (Index i = 0; i < std::ssize(part.samples); ++i) tokens.add(whole, part.first_sample + i);
  std::vector<std::int32_t> classes;
  std::vector<float> targets, width_labels;
  for (const Index sample : part.samples) {
    if (tokens.truths.empty()) std::ranges::copy(facts.labels_of(sample), std::back_inserter(classes));
    std::ranges::copy(facts.targets_of(sample), std::back_inserter(targets));
    if (trains_router(step)) add_router_targets(step, sample, width_labels);
  }
  MicroBatch micro_batch = {.width = widths[part.width],
                            .tokens = tokens,
                            .labels = tokens.truths.empty() ? classes : tokens.truths,
                            .targets = targets,
                            .first_sample = part.first_sample,
                            .first_token = part.first_token,
                            .first_word = whole.head_offsets[static_cast<std::size_t>(part.first_sample)]};
  if (options_.recipe == Recipe::distilled) {
    micro_batch.class_weights = samples_.class_weights;
    micro_batch.exits = exit_losses(step);
  }
  if (step.phase == EpochPhase::distillation) {
    micro_batch.distillation = Distillation{.temperature = options_.distillation_temperature,
                                            .weight = options_.distillation_weight,
                                            .hidden_weight = options_.hidden_loss_weight};
    micro_batch.width_weights = options_.width_loss_weights;
  }
  if (trains_router(step)) micro_batch.width_labels = {width_labels.data(), tokens.samples(), widths.size()};
  // The step's loss is the mean over its micro-batches of the mean over their samples, whatever the ranks.
  const std::vector<double>& by_width = options_.width_loss_weights;
  const double share = 1.0 / static_cast<double>(step.batches.size());
  const double weight = (by_width.empty() ? 1.0 : by_width[static_cast<std::size_t>(part.width)]) * share;
  // Where words are labelled, the mean over all words of the micro-batch, as in transformers.
  const auto rows =
      static_cast<double>(network_.config().labels_tokens() ? std::ssize(whole.head_tokens) : part.whole_size);
  micro_batch.task_weight = weight / rows * options_.task_loss_weight;
  micro_batch.router_weight = weight / static_cast<double>(part.whole_size) * options_.router_loss_weight;
  const std::uint64_t step_key = derive_key(options_.seed, "dropout", static_cast<std::uint64_t>(step.number));
  micro_batch.dropout_key = derive_key(step_key, "batch", index);
  return accumulator_.add(micro_batch);
}

bool StepRunner::trains_router(const TrainingStep& step) const {
  if (step.phase != EpochPhase::distillation) return !step.labels.empty();
  return options_.router_target == RouterTarget::past_answers || !step.labels.empty();
}

void StepRunner::add_router_targets(const TrainingStep& step, Index sample, std::vector<float>& targets) const {
  const auto widths = static_cast<std::size_t>(network_.widths().size());
  targets.resize(targets.size() + widths);
  const std::span<float> target = std::span(targets).last(widths);
  if (step.phase == EpochPhase::distillation && options_.router_target == RouterTarget::past_answers)
    answers_.write_target(sample, target);
  else
    step.labels[static_cast<std::size_t>(sample)].write_multi_hot(target);
}

ExitLosses StepRunner::exit_losses(const TrainingStep& step) const {
  if (options_.recipe != Recipe::distilled || network_.encoder().weights.exits.empty()) return ExitLosses::none;
  switch (options_.exit_training) {
    case ExitTraining::joint:
      return ExitLosses::joint;
    case ExitTraining::alternating:
      return step.number % 2 == 0 ? ExitLosses::joint : ExitLosses::none;
    case ExitTraining::two_stage:
      return step.phase == EpochPhase::exits_alone ? ExitLosses::alone : ExitLosses::none;
    case ExitTraining::self_distilled:
      return step.phase == EpochPhase::exits_alone ? ExitLosses::alone_from_full_width : ExitLosses::none;
  }
  return ExitLosses::none;
}

void StepRunner::reorder(std::span<const PlannedStep> steps, Reordering what) {
  catch_up();
  network_.pack();
  ImportanceMeter<float> meter(network_);
  for (const PlannedBatch& batch : first_batches(steps, importance_batches)) {
    std::vector<std::int32_t> labels;
    std::vector<float> targets;
    for (const Index sample : batch.samples) {
      std::ranges::copy(samples_.facts.labels_of(sample), std::back_inserter(labels));
      std::ranges::copy(samples_.facts.targets_of(sample), std::back_inserter(targets));
    }
    RaggedBatch tokens = samples_.tokens_of(batch.samples);
    if (samples_.masking) {
      samples_.masking->apply(batch.samples, derive_key(options_.seed, "masks of importance"), tokens);
      labels = tokens.truths;
    }
    meter.add(tokens, labels, targets);
  }
  const NewOrder order = NewOrder::of(network_.config(), meter.importance(), what);
  internal::reorder(network_, order);
  internal::reorder(optimizer_.first_moments(), network_.config(), order);
  internal::reorder(optimizer_.second_moments(), network_.config(), order);
  for (ParameterStore<float>* store : {&network_.values(), &optimizer_.first_moments(), &optimizer_.second_moments()})
    ranks_.broadcast(std::as_writable_bytes(store->buffer()));
  network_.pack();
}

std::vector<float> StepRunner::measures(const MicroBatchOutcome& outcome) const {
  std::vector<float> measures =
      options_.hardness_measure == HardnessMeasure::entropy ? outcome.entropy : outcome.confidence_or_error;
  if (!samples_.facts.targets.empty())
    for (float& measure : measures) measure = static_cast<float>(std::exp(-measure / samples_.regression_scale));
  return measures;
}

void StepRunner::update_parameters(const TrainingStep& step) {
  Gradients<float>& gradients = accumulator_.gradients();
  gradients.sum_over(ranks_);
  const double norm = gradients.norm();
  if (!std::isfinite(norm)) fail(step, step.batches.back(), "the gradient's length is " + short_number(norm));
  const bool too_long = options_.max_grad_norm > 0 && norm > options_.max_grad_norm;
  // The 1e-6 is that of torch.nn.utils.clip_grad_norm_, which the authors call.
  const double scale = too_long ? options_.max_grad_norm / (norm + 1e-6) : 1.0;
  optimizer_.step(network_.values(), gradients, step.learning_rate, scale);
  gradients.clear();
  network_.pack();
}

void StepRunner::fail(const TrainingStep& step, const PlannedBatch& batch, const std::string& what) const {
  constexpr std::size_t shown = 8;
  const std::vector<Sample>& all = samples_.dataset.samples;
  const bool has_lines = all[static_cast<std::size_t>(batch.samples.front())].line > 0;
  std::string places;
  for (std::size_t i = 0; i < std::min(shown, batch.samples.size()); ++i) {
    const auto sample = static_cast<std::size_t>(batch.samples[i]);
    places += (i > 0 ? ", " : "") + std::to_string(has_lines ? all[sample].line : sample + 1);
  }
  if (batch.samples.size() > shown) places += ", …";
  throw TrainingError("step " + std::to_string(step.number) + ", width " +
                      short_number(network_.widths()[batch.width].fraction()) + ": " + what + "; the micro-batch is " +
                      std::to_string(batch.samples.size()) + " samples of " + samples_.dataset.file +
                      (has_lines ? ", on lines " : ", numbers ") + places);
}

}  // namespace sharcs::internal
