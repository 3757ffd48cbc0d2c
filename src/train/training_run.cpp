#include "train/training_run.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "core/json_reader.hpp"
#include "core/nan.hpp"
#include "core/quote.hpp"
#include "eval/encoder_evaluation.hpp"
#include "io/file.hpp"
#include "io/json_differences.hpp"
#include "sharcs/error.hpp"
#include "sharcs/version.hpp"

namespace sharcs::internal {
namespace {

constexpr const char* settings_file = "training.json";
constexpr const char* metrics_file = "metrics.jsonl";

const std::filesystem::path& made(const std::filesystem::path& folder) {
  make_folder(folder);
  return folder;
}

std::vector<double> fractions(const WidthSet& widths) {
  std::vector<double> all;
  for (const Width& width : widths) all.push_back(width.fraction());
  return all;
}

double standard_deviation(const std::vector<float>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double sum = 0;
  for (const float value : values) sum += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
  return std::sqrt(sum / n);
}

HardnessOptions hardness_options(const TrainingOptions& options, const std::vector<double>& widths, int classes) {
  return {.measure = options.hardness_measure,
          .window = options.window,
          .widths = widths,
          .thresholds = options.thresholds.empty()
                            ? default_thresholds(static_cast<int>(widths.size()), options.hardness_measure, classes)
                            : options.thresholds};
}

std::size_t max_length(const TrainingOptions& options) { return static_cast<std::size_t>(options.max_length); }

double mean_of(double sum, std::int64_t count) { return count > 0 ? sum / static_cast<double>(count) : nan; }

/// See Trainer.
bool is_better(const EpochRecord& record, const std::optional<EpochRecord>& best) {
  if (!best) return true;
  if (record.full_width_only != best->full_width_only) return best->full_width_only;
  if (record.score != best->score) return record.score > best->score;
  return !record.full_width_only && record.evaluations[0].cost_fraction < best->evaluations[0].cost_fraction;
}

}  // namespace

Survey::Survey(const TrainingInputs& inputs) {
  TokenizedDataset tokenized = tokenize(inputs.train, inputs.task, inputs.tokenizer, max_length(inputs.options));
  require_embeddings(inputs.model.config(), tokenized, inputs.train);
  identity = identify(inputs.train, tokenized);
  facts = std::move(tokenized);
}

TrainingRun::TrainingRun(const TrainingInputs& inputs)
    : in_(inputs),
      threads_(inputs.options.threads > 0 ? inputs.options.threads : thread_count()),
      lock_(inputs.ranks.is_first() ? std::make_unique<FolderLock>(made(inputs.output)) : nullptr),
      checkpoints_(inputs.output / "checkpoints"),
      train_(inputs),
      dev_(tokenize(inputs.dev, inputs.task, inputs.tokenizer, max_length(inputs.options))),
      identity_(identify(inputs.options, inputs.model.config(), train_.identity, identify(inputs.dev, dev_))),
      widths_(fractions(inputs.model.widths())),
      plan_options_({.step_mode = inputs.options.step_mode,
                     .batch_size = inputs.options.batch_size,
                     .repeat_smaller_buckets = inputs.options.repeat_smaller_buckets,
                     .full_width_share = inputs.options.full_width_share,
                     .shuffle_window = inputs.options.shuffle_window,
                     .accumulation = inputs.options.accumulation,
                     .seed = inputs.options.seed}),
      // In epochs: how many steps those to come will have depends on the hardness of the samples.
      schedule_({.shape = inputs.options.schedule,
                 .peak = inputs.options.learning_rate,
                 .warmup = inputs.options.warmup_ratio * inputs.options.epochs,
                 .total = static_cast<double>(inputs.options.epochs)}),
      history_(train_.facts.samples(), hardness_options(inputs.options, widths_, inputs.model.config().num_labels())),
      runner_(
          network(), inputs.options,
          inputs.options.regression_scale > 0 ? inputs.options.regression_scale
                                              : 2 * standard_deviation(train_.facts.targets),
          inputs.train, train_.facts,
          [inputs](std::span<const Index> samples) {
            return tokenize(inputs.train, samples, inputs.tokenizer, max_length(inputs.options));
          },
          inputs.ranks, TokenDropout(inputs.options.token_dropout, inputs.tokenizer)),
      pace_(inputs.options.epochs),
      last_checkpoint_(steady_seconds()) {
  require_embeddings(inputs.model.config(), dev_, inputs.dev);
  require_same_on_all_ranks();
  if (train_.facts.truncated > 0)
    note(std::to_string(train_.facts.truncated) + " of " + std::to_string(train_.facts.samples()) +
         " training samples were cut to " + std::to_string(in_.options.max_length) + " tokens");
}

void TrainingRun::require_same_on_all_ranks() const {
  if (in_.ranks.ranks() == 1) return;
  std::string first = identity_.to_json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::size_t size = first.size();
  in_.ranks.broadcast(std::as_writable_bytes(std::span(&size, 1)));
  first.resize(size);
  in_.ranks.broadcast(std::as_writable_bytes(std::span(first)));
  const auto changes = differences(identity_, RunIdentity::from_json(nlohmann::json::parse(first)));
  if (!changes.empty()) throw ConfigError("the first rank trains something else: here " + joined_differences(changes));
}

/// They are the same everywhere, unless machines of different kinds have rounded differently: that must not add up.
void TrainingRun::take_parameters_of_first() {
  in_.ranks.broadcast(std::as_writable_bytes(network().values().buffer()));
  network().pack();
}

void TrainingRun::start() {
  if (is_first() && !checkpoints_.files().empty()) {
    const auto is_finished = [&] {
      try {
        return checkpoints_.newest([](std::string_view) {})->is_finished();
      } catch (const CheckpointError&) {
        return false;
      }
    };
    if (!is_finished())
      throw ConfigError(in_.output.string() +
                        ": holds the checkpoints of a training that was not finished; resume it, " +
                        "remove its checkpoints, or train into another folder");
  }
  if (is_first()) checkpoints_.clear();
  take_parameters_of_first();
  write_settings();
  open_logs(0);
}

void TrainingRun::resume() {
  if (!std::filesystem::exists(in_.output / settings_file))
    throw ConfigError(in_.output.string() + ": holds no training to resume: there is no " + settings_file);
  if (is_first()) checkpoints_.remove_half_written();
  const auto checkpoint = checkpoints_.newest([this](std::string_view text) { note(text); });
  if (!checkpoint) {
    if (const std::size_t epochs = logged_epochs().size(); epochs > 0)
      throw ConfigError(in_.output.string() + ": " + metrics_file + " tells of " + std::to_string(epochs) +
                        (epochs == 1 ? " epoch" : " epochs") +
                        " but there is no checkpoint to go on from; train without resuming to start anew");
    note("the training was stopped before its first checkpoint; starting again");
    return start();
  }
  const std::vector<std::string> changes = differences(identity_, checkpoint->identity());
  if (!changes.empty())
    throw CheckpointError(checkpoint->file().string() + ": is of another training: " + joined_differences(changes));
  history_.restore(checkpoint->hardness());
  checkpoint->read(network().values(), runner_.optimizer());
  network().pack();
  state_ = checkpoint->state();
  std::int64_t steps_of_first = state_.total_steps;
  in_.ranks.broadcast(std::as_writable_bytes(std::span(&steps_of_first, 1)));
  if (steps_of_first != state_.total_steps)
    throw CheckpointError(checkpoint->file().string() + ": the first rank has found the checkpoint of step " +
                          std::to_string(steps_of_first) + "; expected one folder that all ranks see");
  write_settings();
  if (state_.step == 0 && state_.last) {
    // The process may have ended between the checkpoint and what follows it. The model, once saved, is let alone: it
    // may have been calibrated since.
    const bool is_saved = std::ranges::any_of(
        logged_epochs(), [&](const EpochRecord& record) { return record.epoch == state_.last->epoch; });
    open_logs(state_.last->epoch - 1);
    if (!is_saved) save_best(*state_.last);
    log(*state_.last);
  } else {
    open_logs(state_.epoch - 1);
  }
  note(checkpoint->is_finished()
           ? "the training is finished"
           : "resuming in epoch " + std::to_string(state_.epoch) + " after step " + std::to_string(state_.step));
}

void TrainingRun::write_settings() const {
  if (!is_first()) return;
  const nlohmann::ordered_json settings = {{"sharcs_version", version()},
                                           {"task", in_.task.name()},
                                           {"train", {{"file", in_.train.file}, {"samples", in_.train.size()}}},
                                           {"dev", {{"file", in_.dev.file}, {"samples", in_.dev.size()}}},
                                           {"threads", thread_count()},
                                           {"ranks", in_.ranks.ranks()},
                                           {"options", nlohmann::ordered_json::parse(in_.options.to_json())}};
  write_file_atomically(in_.output / settings_file,
                        settings.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

std::vector<EpochRecord> TrainingRun::logged_epochs() const {
  const std::filesystem::path file = in_.output / metrics_file;
  return std::filesystem::exists(file) ? read_metrics(file) : std::vector<EpochRecord>();
}

void TrainingRun::open_logs(int finished_epochs) {
  if (!is_first()) return;
  metrics_.emplace(in_.output / metrics_file, finished_epochs);
  if (in_.options.tensorboard)
    tensorboard_.emplace(in_.output / "tensorboard",
                         TensorboardOptions{.resumed_at_step = finished_epochs > 0 ? state_.total_steps : -1});
}

TrainingOutcome TrainingRun::run() {
  bool stopped = false;
  while (!stopped && state_.epoch <= in_.options.epochs) {
    stopped = !train_epoch();
    if (!stopped) finish_epoch();
  }
  runner_.catch_up();
  network().pack();
  TrainingOutcome outcome = {
      .epochs = state_.epoch - 1, .steps = state_.total_steps, .stopped = stopped, .best_score = nan};
  if (state_.best) {
    outcome.best_epoch = state_.best->epoch;
    outcome.best_score = state_.best->score;
    outcome.best = *state_.best;
  }
  return outcome;
}

bool TrainingRun::train_epoch() {
  labels_.clear();
  if (has_router() && !history_.full_width_only()) labels_ = history_.labels();
  plan_ = plan_epoch(widths_, train_.facts.lengths, labels_, state_.epoch - 1, plan_options_);
  const auto steps = static_cast<std::int64_t>(plan_.steps.size());
  if (state_.step == 0)
    for (const std::string& text : plan_.notes) note(text);
  EpochTally& tally = state_.tally;
  tally.widths.resize(widths_.size());
  pace_.begin_epoch(state_.epoch, steps, state_.step);
  while (state_.step < steps) {
    const double begin = steady_seconds();
    tally.learning_rate =
        schedule_.learning_rate(state_.epoch - 1 + static_cast<double>(state_.step) / static_cast<double>(steps));
    std::int64_t samples = 0;
    const PlannedStep* const step = &plan_.steps[static_cast<std::size_t>(state_.step)];
    for (const BatchOutcome& batch : runner_.run(*step, labels_, state_.total_steps + 1, tally.learning_rate, history_,
                                                 state_.step + 1 < steps ? step + 1 : nullptr)) {
      EpochTally::OfWidth& width = tally.widths[static_cast<std::size_t>(batch.width)];
      width.samples += batch.samples;
      width.task_loss += batch.task_loss;
      width.router_loss += batch.router_loss;
      tally.tokens += batch.tokens;
      samples += batch.samples;
    }
    ++state_.step;
    ++state_.total_steps;
    tally.seconds += steady_seconds() - begin;
    pace_.add_step(samples);
    report_progress();
    const bool stop = should_stop();
    if (stop || checkpoint_is_due()) write_checkpoint();
    if (stop) return false;
  }
  return true;
}

void TrainingRun::finish_epoch() {
  history_.finish_epoch();
  runner_.catch_up();
  if (in_.ranks.ranks() > 1) take_parameters_of_first();
  EpochRecord record = record_of_epoch();
  record.best = is_better(record, state_.best);
  if (record.best) state_.best = record;
  state_.last = record;
  state_.widths_before.assign(plan_.width_of_sample.begin(), plan_.width_of_sample.end());
  state_.tally = {};
  state_.step = 0;
  ++state_.epoch;
  write_checkpoint();
  save_best(record);
  log(record);
  if (is_first() && in_.callbacks.on_epoch) in_.callbacks.on_epoch(record);
}

EpochRecord TrainingRun::record_of_epoch() const {
  const EpochTally& tally = state_.tally;
  const EpochTally::OfWidth total = tally.total();
  EpochRecord record = {.epoch = state_.epoch,
                        .settings = settings_file,
                        .full_width_only = labels_.empty(),
                        .steps = state_.step,
                        .total_steps = state_.total_steps,
                        .samples = total.samples,
                        .tokens = tally.tokens,
                        .seconds = tally.seconds,
                        .learning_rate = tally.learning_rate,
                        .loss_task = mean_of(total.task_loss, total.samples),
                        .loss_router = labels_.empty() ? nan : mean_of(total.router_loss, total.samples)};
  for (std::size_t i = 0; i < widths_.size(); ++i) {
    const EpochTally::OfWidth& trained = tally.widths[i];
    record.widths.push_back({.width = widths_[i],
                             .samples = plan_.bucket_sizes[i],
                             .labelled = std::ranges::count_if(
                                 labels_, [&](WidthLabel label) { return label.contains(static_cast<int>(i)); }),
                             .loss_task = mean_of(trained.task_loss, trained.samples),
                             .loss_router = labels_.empty() ? nan : mean_of(trained.router_loss, trained.samples)});
  }
  if (!state_.widths_before.empty()) {
    for (const auto& row :
         width_transitions(state_.widths_before, plan_.width_of_sample, static_cast<int>(widths_.size())))
      record.transitions.emplace_back(row.begin(), row.end());
  }
  record.evaluations.push_back(evaluate(network().encoder(), in_.task, dev_, RoutingPolicy::argmax(),
                                        in_.options.micro_batch_tokens, {.name = "dev"}, in_.ranks)
                                   .record);
  const EvaluationRecord& dev = record.evaluations.back();
  record.score = score_of(record.full_width_only ? dev.full : dev.routed);
  return record;
}

void TrainingRun::save_best(const EpochRecord& record) {
  if (!is_first() || !record.best) return;
  if (!std::exchange(tokenizer_is_saved_, true)) in_.tokenizer.save(in_.output);
  in_.model.save(in_.output);
}

void TrainingRun::log(const EpochRecord& record) {
  if (!is_first()) return;
  metrics_->append(record);
  if (tensorboard_) tensorboard_->add_epoch(record);
}

void TrainingRun::report_progress() {
  if (!is_first() || !in_.callbacks.on_step) return;
  const EpochTally::OfWidth total = state_.tally.total();
  TrainingProgress progress = {.epoch = state_.epoch,
                               .epochs = in_.options.epochs,
                               .step = state_.step,
                               .steps = static_cast<std::int64_t>(plan_.steps.size()),
                               .loss_task = mean_of(total.task_loss, total.samples),
                               .loss_router = labels_.empty() ? nan : mean_of(total.router_loss, total.samples),
                               .learning_rate = state_.tally.learning_rate,
                               .samples_per_second = pace_.samples_per_second(),
                               .seconds_left = pace_.seconds_left(),
                               .widths = widths_};
  for (const Index size : plan_.bucket_sizes)
    progress.width_shares.push_back(static_cast<double>(size) / static_cast<double>(train_.facts.samples()));
  in_.callbacks.on_step(progress);
}

bool TrainingRun::should_stop() const {
  double votes = in_.callbacks.should_stop && in_.callbacks.should_stop() ? 1 : 0;
  in_.ranks.sum(std::span(&votes, 1));
  return votes > 0;
}

bool TrainingRun::checkpoint_is_due() const {
  const auto& [steps, minutes] = std::pair(in_.options.checkpoint_every_steps, in_.options.checkpoint_every_minutes);
  return (steps > 0 && state_.total_steps % steps == 0) ||
         (minutes > 0 && steady_seconds() - last_checkpoint_ >= 60 * minutes);
}

void TrainingRun::write_checkpoint() {
  if (!is_first()) return;
  if (in_.options.keep_checkpoints > 0) {
    runner_.catch_up();
    checkpoints_.write({.identity = identity_,
                        .state = state_,
                        .hardness = history_.state(),
                        .values = network().values(),
                        .optimizer = runner_.optimizer()},
                       in_.options.keep_checkpoints);
  }
  last_checkpoint_ = steady_seconds();
}

void TrainingRun::note(std::string_view text) const {
  if (is_first() && in_.callbacks.on_note) in_.callbacks.on_note(text);
}

}  // namespace sharcs::internal
