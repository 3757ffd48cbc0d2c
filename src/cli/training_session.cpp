#include "cli/training_session.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <csignal>
#include <iostream>

#include "cli/command.hpp"
#include "cli/progress.hpp"
#include "cli/stop_signal.hpp"
#include "core/number.hpp"
#include "report/terminal.hpp"

namespace sharcs::internal {
namespace {

/// "epoch 5/10: loss 0.231, router 0.412, 1:23; dev accuracy 0.861 routed, 0.872 full, cost 0.512, 0.25: 61.3 %, …";
/// with a star at its end when the epoch is the best so far.
std::string epoch_line(const EpochRecord& record, int epochs) {
  const Evaluation& dev = record.evaluations.front();
  std::string line =
      "epoch " + std::to_string(record.epoch) + "/" + std::to_string(epochs) + ": loss " + decimal(record.loss_task, 3);
  if (std::isfinite(record.loss_router)) line += ", router " + decimal(record.loss_router, 3);
  line += ", " + duration_text(record.seconds) + "; dev ";
  std::string between;
  for (const auto& [metric, value] : dev.full) {
    line += between + metric + " " + (record.full_width_only ? "" : decimal(dev.routed.at(metric), 3) + " routed, ") +
            decimal(value, 3) + " full";
    between = "; ";
  }
  if (!record.full_width_only) {
    line += ", cost " + decimal(dev.cost_fraction, 3);
    for (const AnswerMetrics& answer : dev.answers)
      line +=
          ", " + answer.name + ": " + percent(static_cast<double>(answer.samples) / static_cast<double>(dev.samples));
  }
  return line + (record.best ? " *" : "");
}

}  // namespace

TrainingOutcome run_training(const TrainingSession& session, TrainingSetup& setup, const TrainingData& data,
                             Communicator& ranks) {
  const StopSignal stop;
  Progress progress(notes(), ProgressOptions::of_descriptor(STDERR_FILENO));
  int epochs = setup.options.epochs;  // 0: as many as the training finds right
  const TrainingCallbacks callbacks = {
      .on_step =
          [&](const TrainingProgress& step) {
            epochs = step.epochs;
            progress.update(step);
          },
      .on_epoch = [&](const EpochRecord& record) { progress.say(epoch_line(record, epochs)); },
      .on_note = [&](std::string_view text) { progress.say(text); },
      .should_stop = [&] { return stop.received() != 0; }};
  Trainer trainer(setup.model, setup.options, ranks);
  const TrainingInputs inputs = {
      .task = data.task, .tokenizer = setup.tokenizer, .train = data.train, .dev = data.dev, .output = session.output};
  const TrainingOutcome outcome = session.resume ? trainer.resume(inputs, callbacks) : trainer.train(inputs, callbacks);
  if (!outcome.stopped) return outcome;
  if (ranks.is_first())
    progress.say(setup.options.keep_checkpoints > 0
                     ? "stopped; " + session.how_to_go_on + " goes on from here"
                     : "stopped; without checkpoints (keep_checkpoints is 0) it cannot be resumed");
  // When another rank got the signal, this one does not know which it was.
  const int signal = stop.received() != 0 ? stop.received() : SIGTERM;
  throw CLI::RuntimeError(128 + signal);
}

LatencyOptions latency_options(double training_seconds) {
  LatencyOptions options;
  options.seconds_each = std::clamp(training_seconds / 1000, 0.001, options.seconds_each);
  return options;
}

}  // namespace sharcs::internal
