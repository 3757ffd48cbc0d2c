#include "train/training_run.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "core/number.hpp"
#include "core/quote.hpp"
#include "core/threads.hpp"
#include "data/metrics.hpp"
#include "eval/class_quality.hpp"
#include "eval/dataset_runner.hpp"
#include "eval/recording_metrics.hpp"
#include "io/file.hpp"
#include "model/answers.hpp"
#include "model/predicted_label.hpp"
#include "sharcs/error.hpp"
#include "train/run_identity.hpp"

namespace sharcs::internal {
namespace {

std::vector<double> fractions(const WidthSet& widths) {
  std::vector<double> all;
  for (const Width& width : widths) all.push_back(width.fraction());
  return all;
}

/// Of the targets; of several outputs the root of their mean variance.
double standard_deviation(const SampleFacts& facts) {
  const std::vector<float>& targets = facts.targets;
  if (targets.empty()) return 0;
  const std::size_t outputs = facts.targets_of(0).size();
  double sum = 0;
  for (std::size_t output = 0; output < outputs; ++output) {
    double mean = 0;
    for (std::size_t i = output; i < targets.size(); i += outputs) mean += static_cast<double>(targets[i]);
    mean /= static_cast<double>(facts.samples());
    for (std::size_t i = output; i < targets.size(); i += outputs)
      sum += (static_cast<double>(targets[i]) - mean) * (static_cast<double>(targets[i]) - mean);
  }
  return std::sqrt(sum / static_cast<double>(targets.size()));
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

/// Samples of dev that full width and the policy are timed on after each epoch. With all of them, an epoch of a small
/// task (MRPC: 3668 samples, and 408 of dev) would spend a fifteenth of its time on that.
constexpr Index timed_samples = 64;

/// How sure an answer has to be in a model that is not calibrated yet.
constexpr double confidence_before_calibration = 0.9;

/// The mean score of the narrow widths, each for everything, and that of the exits: the mean of both. Full width's
/// where there is nothing else.
double mean_of_other_answers(const Evaluation& evaluation) {
  double sums[2] = {0, 0};
  int counts[2] = {0, 0};
  for (std::size_t a = 0; a + 1 < evaluation.answers.size(); ++a) {
    const AnswerMetrics& answer = evaluation.answers[a];
    const bool is_exit = answer.width == evaluation.answers.back().width;
    sums[is_exit] += score(answer.all);
    ++counts[is_exit];
  }
  if (counts[0] == 0 && counts[1] == 0) return score(evaluation.full);
  double sum = 0;
  for (int group = 0; group < 2; ++group)
    if (counts[group] > 0) sum += sums[group] / counts[group];
  return sum / ((counts[0] > 0) + (counts[1] > 0));
}

/// The names of the classes that occur among the labels, but not among full width's answers.
std::vector<std::string> never_predicted(const Recording& recording) {
  if (recording.labels_words()) {
    const std::vector<ClassQuality> qualities =
        class_qualities(recording, everything_at(recording, recording.full_width()));
    std::vector<std::string> names = quality_names(recording), never;
    for (std::size_t c = 0; c < names.size(); ++c)
      if (qualities[c].samples > 0 && qualities[c].predicted == 0) never.push_back(names[c]);
    return never;
  }
  std::vector<bool> predicted(recording.classes.size()), occurs(recording.classes.size());
  for (std::size_t i = 0; i < recording.size() && recording.is_multi_label(); ++i) {
    for (const int label : labels_in_set(recording.label_of(i, recording.full_width())))
      predicted[static_cast<std::size_t>(label)] = true;
    for (const int label : labels_in_set(recording.labels[i])) occurs[static_cast<std::size_t>(label)] = true;
  }
  for (std::size_t i = 0; i < recording.size() && !recording.is_regression() && !recording.is_multi_label(); ++i) {
    predicted[static_cast<std::size_t>(recording.label_of(i, recording.full_width()))] = true;
    occurs[static_cast<std::size_t>(recording.labels[i])] = true;
  }
  std::vector<std::string> names;
  for (std::size_t c = 0; c < predicted.size(); ++c)
    if (occurs[c] && !predicted[c]) names.push_back(recording.classes[c]);
  return names;
}

struct WidthOfOneClass {
  std::string width, class_name;
};

/// The narrow widths that call all samples the same, where the labels do not.
std::vector<WidthOfOneClass> widths_of_one_class(const Recording& recording) {
  if (recording.labels_words() || recording.is_regression() || recording.is_multi_label()) return {};
  if (std::ranges::adjacent_find(recording.labels, std::not_equal_to()) == recording.labels.end()) return {};
  std::vector<WidthOfOneClass> found;
  for (int a = 0; a < recording.full_width(); ++a) {
    const RecordedAnswer& answer = recording.answers[static_cast<std::size_t>(a)];
    if (answer.exit_layer > 0) continue;
    const int first = recording.label_of(0, a);
    std::size_t same = 1;
    while (same < recording.size() && recording.label_of(same, a) == first) ++same;
    if (same == recording.size()) found.push_back({answer.name, recording.classes[static_cast<std::size_t>(first)]});
  }
  return found;
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

/// The paper's recipe has none.
ClassBalance balance_of(const TrainingJob& job, const SampleFacts& facts) {
  return job.options.recipe == Recipe::distilled && !job.model.config().multi_label && !job.model.config().per_token
             ? class_balance(facts.labels, job.model.config().num_labels(), job.options.class_weights)
             : ClassBalance();
}

/// None of a task that masks no tokens.
std::optional<TokenMasking> masking_of(const TrainingJob& job) {
  if (job.inputs.task.kind() != TaskKind::masked_lm) return std::nullopt;
  const TrainingOptions& options = job.options;
  return TokenMasking(
      job.inputs.tokenizer,
      {.chosen = options.masked_share, .masks = options.mask_token_share, .random = options.random_token_share});
}

StepSamples step_samples(const TrainingJob& job, const SampleFacts& facts, const ClassBalance& balance) {
  const TrainingOptions& options = job.options;
  const auto tokens_of = [&train = job.inputs.train, &tokenizer = job.inputs.tokenizer,
                          max_length = static_cast<std::size_t>(options.max_length)](std::span<const Index> samples) {
    return tokenize(train, samples, tokenizer, max_length);
  };
  return {.dataset = job.inputs.train,
          .facts = facts,
          .tokens_of = tokens_of,
          .token_dropout = TokenDropout(options.token_dropout, job.inputs.tokenizer),
          .masking = masking_of(job),
          .regression_scale = options.regression_scale > 0 ? options.regression_scale : 2 * standard_deviation(facts),
          .class_weights = balance.weights};
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
      options_(resolved(job.options, static_cast<Index>(job.inputs.train.size()), job.model.config())),
      folder_(job.inputs.output),
      output_(job.ranks.is_first() ? std::make_unique<TrainingOutput>(folder_) : nullptr),
      data_(prepare(job.inputs, options_, job.model.config())),
      widths_(fractions(job.model.widths())),
      schedule_(schedule_options(options_)),
      history_(data_.train.samples(), hardness_options(options_, widths_, job.model.config().num_labels())),
      balance_(balance_of(job, data_.train)),
      copies_(balance_.copies_of(data_.train.labels)),
      steps_(network(), options_, step_samples(job, data_.train, balance_), job.ranks),
      pace_(options_.epochs),
      last_checkpoint_(steady_seconds()) {
  if (options_.precision == TrainingPrecision::bf16) network().set_product_numbers(kernels::Numbers::bf16);
}

TrainingRun::~TrainingRun() { network().set_product_numbers(kernels::Numbers::whole); }

std::unique_ptr<TrainingRun> TrainingRun::prepared(const TrainingJob& job) {
  std::unique_ptr<TrainingRun> run(new TrainingRun(job));
  run->require_same_on_all_ranks();
  if (job.options.epochs == 0)
    run->note("epochs: " + std::to_string(run->options_.epochs) + ", for " + std::to_string(job.inputs.train.size()) +
              " training samples");
  for (const std::string& text : run->rare_classes()) run->note(text);
  if (job.options.precision == TrainingPrecision::bf16 && !kernels::uses_bf16_instruction())
    run->note("precision bf16: this processor cannot multiply bf16, so training takes as long as with fp32, or longer");
  const SampleFacts& train = run->data_.train;
  if (train.truncated > 0)
    run->note(std::to_string(train.truncated) + " of " + std::to_string(train.samples()) +
              " training samples were cut to " + std::to_string(job.options.max_length) + " tokens");
  return run;
}

std::vector<std::string> TrainingRun::rare_classes() const {
  std::vector<std::string> lines;
  const std::vector<std::string> names = job_.inputs.task.labels();
  for (std::size_t c = 0; c < balance_.copies.size(); ++c)
    if (balance_.copies[c] > 1)
      lines.push_back("class " + quote(names[c]) + " is rare: each epoch shows its samples " +
                      std::to_string(balance_.copies[c]) + " times, and their losses weigh " +
                      three_digits(static_cast<double>(balance_.weights[c])) + " times as much");
  return lines;
}

std::unique_ptr<TrainingRun> TrainingRun::start(const TrainingJob& job) {
  std::unique_ptr<TrainingRun> run = prepared(job);
  run->begin_anew();
  return run;
}

std::unique_ptr<TrainingRun> TrainingRun::resume(const TrainingJob& job) {
  std::unique_ptr<TrainingRun> run = prepared(job);
  const TrainingFolder& folder = run->folder_;
  if (!is_there(folder.settings_file()))
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
  const auto changes =
      differences(data_.identity, RunIdentity::from_json(JsonCursor::parse(first, "the first rank", JsonKind::data)));
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
  const ModelConfig& config = job_.model.config();
  const EpochPhase last = phase_of(options_.epochs, options_, config);
  if (config.sharcs && last == EpochPhase::full_width)
    note("with so few epochs the router and the narrow widths are not trained; the model will run at full width");
}

void TrainingRun::go_on_from(const TrainingCheckpoint& checkpoint) {
  const std::vector<std::string> changes = differences(data_.identity, checkpoint.identity());
  if (!changes.empty())
    throw CheckpointError(checkpoint.file().string() + ": is of another training: " + joined_differences(changes));
  history_.restore(checkpoint.hardness());
  if (auto answers = checkpoint.answers()) steps_.answers().restore(std::move(*answers));
  checkpoint.read(network().values(), steps_.optimizer());
  network().pack();
  state_ = checkpoint.state();
  check_state(checkpoint.file().string());
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

/// A checkpoint's state has to be one that this run can have come to: it is used as indices.
void TrainingRun::check_state(const std::string& file) const {
  const auto fail = [&](const std::string& what, const std::string& found, const std::string& expected) {
    throw CheckpointError(file + ": the state's " + what + " is " + found + "; expected " + expected);
  };
  const std::string widths = std::to_string(widths_.size());
  if (state_.step > state_.total_steps)
    fail("step", std::to_string(state_.step),
         "at most " + std::to_string(state_.total_steps) + ", those of all epochs");
  if (state_.epoch > options_.epochs + 1)
    fail("epoch", std::to_string(state_.epoch), "at most " + std::to_string(options_.epochs + 1));
  if (!state_.tally.widths.empty() && state_.tally.widths.size() != widths_.size())
    fail("tally", "of " + std::to_string(state_.tally.widths.size()) + " widths", widths);
  const std::size_t samples = state_.widths_before.size();
  if (samples != 0 && static_cast<Index>(samples) != data_.train.samples())
    fail("\"widths_before\"", "of " + std::to_string(samples) + " samples", std::to_string(data_.train.samples()));
  for (const std::int32_t width : state_.widths_before)
    if (width < 0 || width >= std::ssize(widths_))
      fail("\"widths_before\"", "with width number " + std::to_string(width),
           "0 to " + std::to_string(widths_.size() - 1));
  for (const auto* record : {&state_.best, &state_.last}) {
    if (!*record) continue;
    if ((*record)->epoch >= state_.epoch)
      fail("record", "of epoch " + std::to_string((*record)->epoch),
           "one before epoch " + std::to_string(state_.epoch));
    if ((*record)->evaluations.empty()) fail("record", "without an evaluation", "one");
  }
}

void TrainingRun::open_logs(int finished_epochs) {
  if (output_)
    output_->open_logs({.finished_epochs = finished_epochs,
                        .finished_steps = state_.total_steps,
                        .tensorboard = options_.tensorboard});
}

TrainingOutcome TrainingRun::train() {
  bool stopped = false;
  while (!stopped && state_.epoch <= options_.epochs && !gives_up()) {
    const Epoch epoch = begin_epoch();
    stopped = !train_epoch(epoch);
    if (!stopped) finish_epoch(epoch);
  }
  steps_.catch_up();
  network().set_product_numbers(kernels::Numbers::whole);
  network().pack();
  return outcome(stopped);
}

Epoch TrainingRun::begin_epoch() {
  Epoch epoch = {.number = state_.epoch, .phase = phase_of(state_.epoch, options_, job_.model.config())};
  const bool by_label = epoch.phase == EpochPhase::all_widths;
  if (by_label) epoch.labels = history_.labels();
  epoch.plan =
      plan_epoch(widths_, data_.train.lengths, epoch.labels, epoch.number - 1, plan_options(options_), copies_);
  if (epoch.phase == EpochPhase::distillation) {
    if (options_.router_target == RouterTarget::hardness && !history_.full_width_only())
      epoch.labels = history_.labels();
    const bool is_first = phase_of(epoch.number - 1, options_, job_.model.config()) != EpochPhase::distillation;
    // A run that resumes within the epoch has the new order from its checkpoint.
    if (is_first && state_.step == 0 && options_.reordering != Reordering::none)
      steps_.reorder(epoch.plan.steps, options_.reordering);
  }
  if (state_.step == 0)
    for (const std::string& text : epoch.plan.notes) note(text);
  if (state_.step > std::ssize(epoch.plan.steps))
    throw CheckpointError(folder_.path().string() + ": the checkpoint is of step " + std::to_string(state_.step) +
                          " of epoch " + std::to_string(epoch.number) + "; expected at most " +
                          std::to_string(epoch.plan.steps.size()));
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
                                                         .phase = epoch.phase,
                                                         .next = i + 1 < plan.size() ? &plan[i + 1] : nullptr},
                                                        history_);
  std::int64_t samples = 0;
  for (const BatchOutcome& batch : outcomes) {
    EpochTally::OfWidth& width = tally.widths[static_cast<std::size_t>(batch.width)];
    width.samples += batch.samples;
    width.task_loss += batch.task_loss;
    width.router_loss += batch.router_loss;
    tally.tokens += batch.tokens;
    // Of distillation the narrow widths run the samples of the largest.
    if (epoch.phase != EpochPhase::distillation || batch.width + 1 == std::ssize(widths_)) samples += batch.samples;
  }
  ++state_.step;
  ++state_.total_steps;
  tally.seconds += steady_seconds() - begin;
  pace_.add_step(samples);
}

void TrainingRun::finish_epoch(const Epoch& epoch) {
  history_.finish_epoch();
  steps_.answers().finish_epoch();
  steps_.catch_up();
  if (job_.ranks.ranks() > 1) take_parameters_of_first_rank();
  EpochRecord record = evaluated(epoch);
  const ModelConfig& config = job_.model.config();
  // Exits that are trained at the end make the first model that has them.
  const bool has_first_exits = epoch.phase == EpochPhase::exits_alone && state_.best &&
                               phase_of(state_.best->epoch, options_, config) != EpochPhase::exits_alone;
  record.best = has_first_exits || is_better(record, state_.best);
  if (record.best) state_.best = record;
  state_.last = record;
  state_.widths_before.assign(epoch.plan.width_of_sample.begin(), epoch.plan.width_of_sample.end());
  state_.tally = {};
  state_.step = 0;
  ++state_.epoch;
  write_checkpoint();
  if (!output_) return;
  if (record.best) {
    job_.model.set_policy(policy_after(epoch.phase));
    output_->save_best(job_.model, job_.inputs.tokenizer);
    job_.model.set_policy({});
  }
  output_->log(record);
  if (job_.callbacks.on_epoch) job_.callbacks.on_epoch(record);
}

EpochRecord TrainingRun::evaluated(const Epoch& epoch) const {
  EpochRecord record = record_of(epoch, state_, widths_);
  const std::optional<PolicyRule> rule = policy_after(epoch.phase);
  const Policy policy = rule ? Policy::of(*rule) : Policy::router();
  DatasetRunner runner(network().encoder(), data_.dev, options_.micro_batch_tokens, job_.ranks);
  const Recording recording = runner.record(job_.inputs.task, "dev");
  Evaluation dev = evaluate(recording, route(recording, policy));
  const RoutingSeconds seconds = runner.time_by_first(timed_samples, policy);
  dev.seconds_routed = seconds.routed;
  dev.seconds_full = seconds.full;
  const double full = score(dev.full);
  const bool distils = epoch.phase == EpochPhase::distillation || epoch.phase == EpochPhase::exits_alone;
  record.score = distils                  ? std::midpoint(full, mean_of_other_answers(dev))
                 : record.full_width_only ? full
                                          : score(dev.routed);
  record.evaluations = {std::move(dev)};
  for (const std::string& name : never_predicted(recording))
    note("epoch " + std::to_string(epoch.number) + ": class \"" + name + "\" is never predicted on dev at full width");
  if (!distils) return record;
  for (const WidthOfOneClass& found : widths_of_one_class(recording))
    note("epoch " + std::to_string(epoch.number) + ": width " + found.width +
         " has learned nothing yet: it calls all of dev \"" + found.class_name + "\"");
  return record;
}

std::optional<PolicyRule> TrainingRun::policy_after(EpochPhase phase) const {
  const ModelConfig& config = job_.model.config();
  if (!config.sharcs || phase == EpochPhase::all_widths) return std::nullopt;
  const std::vector<Answer> answers = answers_of(config);
  const bool has_narrow = phase == EpochPhase::distillation || phase == EpochPhase::exits_alone;
  const bool at_the_end = options_.exit_epochs > 0;
  const bool has_exits = options_.recipe == Recipe::distilled && (!at_the_end || phase == EpochPhase::exits_alone);
  PolicyRule rule = {.kind = "full width"};
  for (const Answer& answer : answers) {
    const bool trained = answer.is_exit() ? has_exits : has_narrow;
    rule.thresholds.push_back(trained ? confidence_before_calibration : PolicyRule::never);
    if (trained && &answer != &answers.back()) rule.kind = "combined";
  }
  rule.thresholds.back() = 0;
  return rule;
}

bool TrainingRun::gives_up() const {
  if (options_.early_stopping == 0 || !state_.best) return false;
  // Not before all that will be trained has been: epochs of earlier phases do not count.
  const auto is_last_phase = [&](int number) {
    return phase_of(number, options_, job_.model.config()) == phase_of(options_.epochs, options_, job_.model.config());
  };
  if (!is_last_phase(state_.epoch)) return false;
  int since = state_.best->epoch;
  while (since + 1 < state_.epoch && !is_last_phase(since + 1)) ++since;
  return state_.epoch - 1 - since >= options_.early_stopping;
}

bool TrainingRun::checkpoint_is_due() const {
  const int steps = options_.checkpoint_every_steps;
  const double minutes = options_.checkpoint_every_minutes;
  return (steps > 0 && state_.total_steps % steps == 0) ||
         (minutes > 0 && steady_seconds() - last_checkpoint_ >= 60 * minutes);
}

void TrainingRun::write_checkpoint() {
  if (!output_) return;
  if (options_.keep_checkpoints > 0) {
    steps_.catch_up();
    output_->write_checkpoint({.identity = data_.identity,
                               .state = state_,
                               .hardness = history_.state(),
                               .answers = steps_.answers().state(),
                               .values = network().values(),
                               .optimizer = steps_.optimizer()},
                              options_.keep_checkpoints);
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
                               .epochs = options_.epochs,
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
