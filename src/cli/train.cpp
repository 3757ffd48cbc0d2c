#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/data_arguments.hpp"
#include "cli/evaluation_report.hpp"
#include "cli/stop_signal.hpp"
#include "cli/training_arguments.hpp"
#include "cli/training_setup.hpp"
#include "core/clock.hpp"
#include "core/json_reader.hpp"
#include "core/text_table.hpp"
#include "sharcs/communicator.hpp"
#include "sharcs/cost.hpp"
#include "sharcs/trainer.hpp"
#include "train/progress.hpp"

namespace sharcs {
namespace {

struct TrainArguments : CommonArguments {
  std::string output, init;
  bool resume = false;
  TrainingDataArguments data;
  TrainingArguments training;
};

void describe(const Task& task, const Dataset& dataset, const char* role, std::ostream& out) {
  out << role << ": " << counted(dataset.size(), task.is_pair() ? "pair" : "sentence") << " of " << dataset.file;
  const std::vector<std::string> labels = task.labels();
  const std::vector<std::size_t> counts = label_counts(dataset, labels.size());
  constexpr std::size_t shown = 8;
  for (std::size_t i = 0; i < std::min(labels.size(), shown); ++i)
    out << (i == 0 ? " (" : ", ") << labels[i] << ' '
        << percent(static_cast<double>(counts[i]) / static_cast<double>(dataset.size()));
  if (!labels.empty()) out << (labels.size() > shown ? ", …)" : ")");
  out << '\n';
  for (const std::string& note : dataset.notes) out << note << '\n';
}

void describe(const TrainingSetup& setup, std::ostream& out) {
  const ModelConfig& config = setup.model.config();
  out << "model: " << config.model_type << ", " << config.num_hidden_layers << " layers of " << config.hidden_size
      << ", " << counted(static_cast<std::size_t>(setup.model.parameter_count()), "parameter") << ", vocabulary "
      << grouped(config.vocab_size) << '\n';
  for (const std::string& note : setup.notes) out << note << '\n';
  if (!config.sharcs) return;
  out << "router after layer " << config.sharcs->adaptive_layer_idx << "; multiply-adds for "
      << setup.options.max_length << " tokens:";
  const auto full = static_cast<double>(multiply_adds(config, setup.model.widths().widest(), setup.options.max_length));
  for (const Width& width : setup.model.widths())
    out << "  width " << short_number(width.fraction()) << ": "
        << decimal(static_cast<double>(multiply_adds(config, width, setup.options.max_length)) / full, 3);
  out << '\n';
}

std::string epoch_line(const EpochRecord& record, int epochs) {
  const EvaluationRecord& dev = record.evaluations.front();
  std::string line =
      "epoch " + std::to_string(record.epoch) + "/" + std::to_string(epochs) + ": loss " + decimal(record.loss_task, 3);
  if (std::isfinite(record.loss_router)) line += ", router " + decimal(record.loss_router, 3);
  line += ", " + duration_text(record.seconds) + "; dev";
  for (const auto& [metric, value] : dev.full)
    line += " " + metric + " " + (record.full_width_only ? "" : decimal(dev.routed.at(metric), 3) + " routed, ") +
            decimal(value, 3) + " full";
  if (!record.full_width_only) {
    line += ", cost " + decimal(dev.cost_fraction, 3);
    for (const WidthEvaluation& width : dev.widths)
      line += ", " + short_number(width.width) + ": " +
              percent(static_cast<double>(width.samples) / static_cast<double>(dev.samples));
  }
  return line + (record.best ? " *" : "");
}

TrainingOutcome run(const TrainArguments& arguments, TrainingSetup& setup, const TrainingData& data,
                    Communicator& ranks) {
  const StopSignal stop;
  Progress progress(std::cerr, ProgressOptions::of_descriptor(STDERR_FILENO));
  const TrainingCallbacks callbacks = {
      .on_step = [&](const TrainingProgress& step) { progress.update(step); },
      .on_epoch = [&](const EpochRecord& record) { progress.say(epoch_line(record, setup.options.epochs)); },
      .on_note = [&](std::string_view text) { progress.say(text); },
      .should_stop = [&] { return stop.received() != 0; }};
  Trainer trainer(setup.model, setup.options, ranks);
  const TrainingOutcome outcome =
      arguments.resume ? trainer.resume(data.task, setup.tokenizer, data.train, data.dev, arguments.output, callbacks)
                       : trainer.train(data.task, setup.tokenizer, data.train, data.dev, arguments.output, callbacks);
  if (outcome.stopped) {
    if (ranks.is_first())
      progress.say(setup.options.keep_checkpoints > 0
                       ? "stopped; the same command with --resume goes on from here"
                       : "stopped; without checkpoints (keep_checkpoints is 0) it cannot be resumed");
    throw CLI::RuntimeError(128 + (stop.received() != 0 ? stop.received() : SIGTERM));  // that of another rank
  }
  return outcome;
}

/// What is left to do when the training is over.
struct Trained {
  TrainingData data;
  TrainingOutcome outcome;
  double seconds;
};

Trained train_on(Communicator& ranks, const TrainArguments& arguments, const ConfigFile& config) {
  std::ostream nowhere(nullptr);
  std::ostream& out = ranks.is_first() ? std::cerr : nowhere;
  if (ranks.ranks() > 1) out << "ranks: " << ranks.ranks() << '\n';
  const TrainingOptions options = training_options(config);
  TrainingData data = arguments.data.read(options.seed);
  describe(data.task, data.train, "train", out);
  describe(data.task, data.dev, "dev", out);
  TrainingSetup setup = set_up_training(config, data, arguments.init);
  describe(setup, out);
  const double start = steady_seconds();
  TrainingOutcome outcome = run(arguments, setup, data, ranks);
  return {std::move(data), std::move(outcome), steady_seconds() - start};
}

/// Trains; none when this rank has nothing more to do. The ranks part before anything else is done with the result.
std::optional<Trained> train_on_all_ranks(const TrainArguments& arguments, const ConfigFile& config) {
  const std::unique_ptr<Communicator> ranks = Communicator::world();
  if (ranks->ranks() == 1) return train_on(*ranks, arguments, config);
  try {
    Trained trained = train_on(*ranks, arguments, config);
    if (ranks->is_first()) return trained;
  } catch (const CLI::Error&) {
    throw;  // stopped: all ranks are
  } catch (const std::exception& error) {
    // The others may be waiting for this one. What fails everywhere fails on the first rank, too, which says so alone.
    if (!ranks->is_first()) ::sleep(2);
    std::cerr << "sharcs: " << (ranks->is_first() ? "" : "rank " + std::to_string(ranks->rank()) + ": ") << error.what()
              << std::endl;
    ranks->end_job(dynamic_cast<const UsageError*>(&error) != nullptr ? 1 : 2);
  }
  return std::nullopt;
}

/// Measuring a model takes no longer than a twentieth of its training did, or what it takes anyway.
LatencyOptions latency_options(double training_seconds) {
  LatencyOptions options;
  options.seconds_each = std::clamp(training_seconds / 1000, 0.001, options.seconds_each);
  return options;
}

void train(const TrainArguments& arguments) {
  require(arguments.output, "--output");
  const ConfigFile config = arguments.training.merged_config(arguments);
  if (arguments.init.empty() && config.section("model").empty())
    usage_error("give --config FILE with a section \"model\", or --init CHECKPOINT");
  const std::optional<Trained> trained = train_on_all_ranks(arguments, config);
  if (!trained) return;
  const auto& [data, outcome, seconds] = *trained;
  const TrainingOptions options = training_options(config);
  const LatencyOptions latency = latency_options(seconds);
  const Classifier classifier = Classifier::load(arguments.output, {.threads = options.threads});
  const EvaluationReport report(classifier, data.task, data.dev, "dev", 3, options.seed);
  report.save(std::filesystem::path(arguments.output) / "evaluation.json", arguments.output, report.compare(), latency);
  if (arguments.json) {
    nlohmann::ordered_json json = {{"output", arguments.output},
                                   {"epochs", outcome.epochs},
                                   {"steps", outcome.steps},
                                   {"best_epoch", outcome.best_epoch}};
    json["dev"] = report.json();
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::cout << arguments.output << ": the model of epoch " << outcome.best_epoch << "\n\n";
  report.print(std::cout);
  std::cout << "\nsharcs report " << arguments.output << " shows all of it\n";
}

}  // namespace

void add_train(CLI::App& program) {
  const auto arguments = std::make_shared<TrainArguments>();
  CLI::App* command = add_command(
      program, "train",
      "Trains a width-adaptive encoder on a task of GLUE or on data of your own. Progress goes to standard error, the "
      "result to standard output.",
      "everything that is drawn", *arguments);
  command->add_option("--output", arguments->output,
                      "Folder for the model, its metrics, its answers to dev and checkpoints (required)");
  command->add_option("--init", arguments->init,
                      "Model directory to start from, as downloaded; none: from random parameters");
  command->add_flag("--resume", arguments->resume, "Go on with the training that was stopped in --output");
  arguments->data.add_to(*command);
  arguments->training.add_to(*command);
  on_call(command, arguments, train);
}

}  // namespace sharcs
