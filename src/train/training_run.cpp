#include "train/training_run.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "core/number.hpp"
#include "core/quote.hpp"
#include "core/threads.hpp"
#include "data/metrics.hpp"
#include "eval/dataset_runner.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"
#include "train/run_identity.hpp"

namespace sharcs::internal {
namespace {

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

// The options of the parts, from those of the training.

EpochPlanOptions plan_options(const TrainingOptions& options) {
  return {.step_mode = options.step_mode,
          .batch_size = options.batch_size,
          .repeat_smaller_buckets = options.repeat_smaller_buckets,
          .full_width_share = options.full_width_share,
          .shuffle_window = options.shuffle_window,
          .accumulation = options.accumulation,
          .seed = options.seed};
}

/// Counted in epochs, because the number of steps of later epochs is not known yet: it depends on the hardness labels.
ScheduleOptions schedule_options(const TrainingOptions& options) {
  return {.shape = options.schedule,
          .peak = options.learning_rate,
          .warmup = options.warmup_ratio * options.epochs,
          .total = static_cast<double>(options.epochs)};
}

HardnessOptions hardness_options(const TrainingOptions& options, const std::vector<double>& widths, int classes) {
  return {.measure = options.hardness_measure,
          .window = options.window,
          .widths = widths,
          .thresholds = options.thresholds.empty()
                            ? default_thresholds(static_cast<int>(widths.size()), options.hardness_measure, classes)
                            : options.thresholds};
}

StepSamples step_samples(const TrainingJob& job, const SampleFacts& facts) {
  const TrainingOptions& options = job.options;
  const auto tokens_of = [&train = job.inputs.train, &tokenizer = job.inputs.tokenizer,
                          max_length = static_cast<std::size_t>(options.max_length)](std::span<const Index> samples) {
    return tokenize(train, samples, tokenizer, max_length);
  };
  return {.dataset = job.inputs.train,
          .facts = facts,
          .tokens_of = tokens_of,
          .token_dropout = TokenDropout(options.token_dropout, job.inputs.tokenizer),
          .regression_scale =
              options.regression_scale > 0 ? options.regression_scale : 2 * standard_deviation(facts.targets)};
}

nlohmann::ordered_json settings_of(const TrainingJob& job) {
  const TrainingInputs& inputs = job.inputs;
  return {{"sharcs_version", version()},
          {"task", inputs.task.name()},
          {"train", {{"file", inputs.train.file}, {"samples", inputs.train.size()}}},
          {"dev", {{"file", inputs.dev.file}, {"samples", inputs.dev.size()}}},
          {"threads", thread_count()},
          {"ranks", job.ranks.ranks()},
          {"options", nlohmann::ordered_json::parse(job.options.to_json())}};
}

}  // namespace

TrainingRun::TrainingRun(const TrainingJob& job)
    : job_(job),
      folder_(job.inputs.output),
      output_(job.ranks.is_first() ? std::make_unique<TrainingOutput>(folder_) : nullptr),
      data_(prepare(job.inputs, job.options, job.model.config())),
      widths_(fractions(job.model.widths())),
      schedule_(schedule_options(job.options)),
      history_(data_.train.samples(), hardness_options(job.options, widths_, job.model.config().num_labels())),
      steps_(network(), job.options, step_samples(job, data_.train), job.ranks),
      pace_(job.options.epochs),
      last_checkpoint_(steady_seconds()) {}

std::unique_ptr<TrainingRun> TrainingRun::prepared(const TrainingJob& job) {
  std::unique_ptr<TrainingRun> run(new TrainingRun(job));
  run->require_same_on_all_ranks();
  const SampleFacts& train = run->data_.train;
  if (train.truncated > 0)
    run->note(std::to_string(train.truncated) + " of " + std::to_string(train.samples()) +
              " training samples were cut to " + std::to_string(job.options.max_length) + " tokens");
  return run;
}

std::unique_ptr<TrainingRun> TrainingRun::start(const TrainingJob& job) {
  std::unique_ptr<TrainingRun> run = prepared(job);
  run->begin_anew();
  return run;
}

std::unique_ptr<TrainingRun> TrainingRun::resume(const TrainingJob& job) {
  std::unique_ptr<TrainingRun> run = prepared(job);
  const TrainingFolder& folder = run->folder_;
  if (!std::filesystem::exists(folder.settings_file()))
    throw ConfigError(folder.path().string() + ": holds no training to resume: there is no " +
                      TrainingFolder::settings_name);
  if (run->output_) folder.checkpoints().remove_half_written();
  const auto checkpoint = folder.checkpoints().newest([&](std::string_view text) { run->note(text); });
  if (checkpoint) {
    run->go_on_from(*checkpoint);
    return run;
  }
  if (const std::size_t epochs = folder.logged_epochs().size(); epochs > 0)
    throw ConfigError(folder.path().string() + ": " + TrainingFolder::metrics_name + " tells of " +
                      std::to_string(epochs) + (epochs == 1 ? " epoch" : " epochs") +
                      " but there is no checkpoint to go on from; train without resuming to start anew");
  run->note("the training was stopped before its first checkpoint; starting again");
  run->begin_anew();
  return run;
}

void TrainingRun::require_same_on_all_ranks() const {
  if (job_.ranks.ranks() == 1) return;
  std::string first = data_.identity.to_json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::size_t size = first.size();
  job_.ranks.broadcast(std::as_writable_bytes(std::span(&size, 1)));
  first.resize(size);
  job_.ranks.broadcast(std::as_writable_bytes(std::span(first)));
  const auto changes = differences(data_.identity, RunIdentity::from_json(nlohmann::json::parse(first)));
  if (!changes.empty()) throw ConfigError("the first rank trains something else: here " + joined_differences(changes));
}

/// All ranks have the same parameters, unless machines of different kinds have rounded differently. This keeps such
/// differences from adding up.
void TrainingRun::take_parameters_of_first_rank() {
  job_.ranks.broadcast(std::as_writable_bytes(network().values().buffer()));
  network().pack();
}

void TrainingRun::begin_anew() {
  if (output_) output_->clear_checkpoints();
  take_parameters_of_first_rank();
  if (output_) output_->write_settings(settings_of(job_));
  open_logs(0);
}

void TrainingRun::go_on_from(const TrainingCheckpoint& checkpoint) {
  const std::vector<std::string> changes = differences(data_.identity, checkpoint.identity());
  if (!changes.empty())
    throw CheckpointError(checkpoint.file().string() + ": is of another training: " + joined_differences(changes));
  history_.restore(checkpoint.hardness());
  checkpoint.read(network().values(), steps_.optimizer());
  network().pack();
  state_ = checkpoint.state();
  std::int64_t steps_of_first = state_.total_steps;
  job_.ranks.broadcast(std::as_writable_bytes(std::span(&steps_of_first, 1)));
  if (steps_of_first != state_.total_steps)
    throw CheckpointError(checkpoint.file().string() + ": the first rank has found the checkpoint of step " +
                          std::to_string(steps_of_first) + "; expected one folder that all ranks see");
  if (output_) output_->write_settings(settings_of(job_));
  if (state_.step == 0 && state_.last) {
    // finish_epoch() writes a checkpoint, then the model, then the log. The process may have been killed in between, so
    // the rest is done again. But a model that was saved stays: it may have been calibrated since.
    const EpochRecord& last = *state_.last;
    const auto is_last = [&](const EpochRecord& record) { return record.epoch == last.epoch; };
    const bool model_is_saved = std::ranges::any_of(folder_.logged_epochs(), is_last);
    open_logs(last.epoch - 1);
    if (output_) {
      if (last.best && !model_is_saved) output_->save_best(job_.model, job_.inputs.tokenizer);
      output_->log(last);
    }
  } else {
    open_logs(state_.epoch - 1);
  }
  note(checkpoint.is_finished()
           ? "the training is finished"
           : "resuming in epoch " + std::to_string(state_.epoch) + " after step " + std::to_string(state_.step));
}

void TrainingRun::open_logs(int finished_epochs) {
  if (output_)
    output_->open_logs({.finished_epochs = finished_epochs,
                        .finished_steps = state_.total_steps,
                        .tensorboard = job_.options.tensorboard});
}

TrainingOutcome TrainingRun::train() {
  bool stopped = false;
  while (!stopped && state_.epoch <= job_.options.epochs) {
    const Epoch epoch = begin_epoch();
    stopped = !train_epoch(epoch);
    if (!stopped) finish_epoch(epoch);
  }
  steps_.catch_up();
  network().pack();
  return outcome(stopped);
}

Epoch TrainingRun::begin_epoch() {
  Epoch epoch = {.number = state_.epoch,
                 .phase = next_phase(history_, /*has_router=*/job_.model.config().sharcs.has_value())};
  if (epoch.phase == EpochPhase::all_widths) epoch.labels = history_.labels();
  epoch.plan = plan_epoch(widths_, data_.train.lengths, epoch.labels, epoch.number - 1, plan_options(job_.options));
  if (state_.step == 0)
    for (const std::string& text : epoch.plan.notes) note(text);
  state_.tally.widths.resize(widths_.size());
  pace_.begin_epoch(epoch.number, std::ssize(epoch.plan.steps), state_.step);
  return epoch;
}

bool TrainingRun::train_epoch(const Epoch& epoch) {
  while (state_.step < std::ssize(epoch.plan.steps)) {
    take_step(epoch);
    report_progress(epoch);
    const bool stop = should_stop();
    if (stop || checkpoint_is_due()) write_checkpoint();
    if (stop) return false;
  }
  return true;
}

void TrainingRun::take_step(const Epoch& epoch) {
  const double begin = steady_seconds();
  const std::vector<PlannedStep>& plan = epoch.plan.steps;
  const auto i = static_cast<std::size_t>(state_.step);
  const double epochs_done = epoch.number - 1 + static_cast<double>(state_.step) / static_cast<double>(plan.size());
  EpochTally& tally = state_.tally;
  tally.learning_rate = schedule_.learning_rate(epochs_done);
  const std::vector<BatchOutcome> outcomes = steps_.run({.batches = plan[i],
                                                         .number = state_.total_steps + 1,
                                                         .learning_rate = tally.learning_rate,
                                                         .labels = epoch.labels,
                                                         .next = i + 1 < plan.size() ? &plan[i + 1] : nullptr},
                                                        history_);
  std::int64_t samples = 0;
  for (const BatchOutcome& batch : outcomes) {
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
}

void TrainingRun::finish_epoch(const Epoch& epoch) {
  history_.finish_epoch();
  steps_.catch_up();
  if (job_.ranks.ranks() > 1) take_parameters_of_first_rank();
  EpochRecord record = evaluated(epoch);
  record.best = is_better(record, state_.best);
  if (record.best) state_.best = record;
  state_.last = record;
  state_.widths_before.assign(epoch.plan.width_of_sample.begin(), epoch.plan.width_of_sample.end());
  state_.tally = {};
  state_.step = 0;
  ++state_.epoch;
  write_checkpoint();
  if (!output_) return;
  if (record.best) output_->save_best(job_.model, job_.inputs.tokenizer);
  output_->log(record);
  if (job_.callbacks.on_epoch) job_.callbacks.on_epoch(record);
}

EpochRecord TrainingRun::evaluated(const Epoch& epoch) const {
  EpochRecord record = record_of(epoch, state_, widths_);
  const Evaluation dev = evaluate(network().encoder(), job_.inputs.task, data_.dev, RoutingPolicy::argmax(),
                                  job_.options.micro_batch_tokens, "dev", job_.ranks);
  record.score = score(record.full_width_only ? dev.full : dev.routed);
  record.evaluations = {dev};
  return record;
}

bool TrainingRun::checkpoint_is_due() const {
  const int steps = job_.options.checkpoint_every_steps;
  const double minutes = job_.options.checkpoint_every_minutes;
  return (steps > 0 && state_.total_steps % steps == 0) ||
         (minutes > 0 && steady_seconds() - last_checkpoint_ >= 60 * minutes);
}

void TrainingRun::write_checkpoint() {
  if (!output_) return;
  if (job_.options.keep_checkpoints > 0) {
    steps_.catch_up();
    output_->write_checkpoint({.identity = data_.identity,
                               .state = state_,
                               .hardness = history_.state(),
                               .values = network().values(),
                               .optimizer = steps_.optimizer()},
                              job_.options.keep_checkpoints);
  }
  last_checkpoint_ = steady_seconds();
}

void TrainingRun::note(std::string_view text) const {
  if (output_ && job_.callbacks.on_note) job_.callbacks.on_note(text);
}

void TrainingRun::report_progress(const Epoch& epoch) const {
  if (!output_ || !job_.callbacks.on_step) return;
  const EpochTally::OfWidth total = state_.tally.total();
  TrainingProgress progress = {.epoch = epoch.number,
                               .epochs = job_.options.epochs,
                               .step = state_.step,
                               .steps = std::ssize(epoch.plan.steps),
                               .loss_task = total.mean_task_loss(),
                               .loss_router = epoch.trains_router() ? total.mean_router_loss() : nan,
                               .learning_rate = state_.tally.learning_rate,
                               .samples_per_second = pace_.samples_per_second(),
                               .seconds_left = pace_.seconds_left(),
                               .widths = widths_};
  for (const Index size : epoch.plan.bucket_sizes)
    progress.width_shares.push_back(static_cast<double>(size) / static_cast<double>(data_.train.samples()));
  job_.callbacks.on_step(progress);
}

bool TrainingRun::should_stop() const {
  double votes = job_.callbacks.should_stop && job_.callbacks.should_stop() ? 1 : 0;
  job_.ranks.sum(std::span(&votes, 1));
  return votes > 0;
}

TrainingOutcome TrainingRun::outcome(bool stopped) const {
  TrainingOutcome outcome = {
      .epochs = state_.epoch - 1, .steps = state_.total_steps, .stopped = stopped, .best_score = nan};
  if (state_.best) {
    outcome.best_epoch = state_.best->epoch;
    outcome.best_score = state_.best->score;
    outcome.best = *state_.best;
  }
  return outcome;
}

}  // namespace sharcs::internal
