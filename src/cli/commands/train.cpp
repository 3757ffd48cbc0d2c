#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/command.hpp"
#include "cli/comparison_report.hpp"
#include "cli/data_arguments.hpp"
#include "cli/evaluation_report.hpp"
#include "cli/training_arguments.hpp"
#include "cli/training_session.hpp"
#include "cli/training_setup.hpp"
#include "core/clock.hpp"
#include "core/number.hpp"
#include "data/metrics.hpp"
#include "eval/evaluation_json.hpp"
#include "eval/policy_curves.hpp"
#include "eval/recorded_evaluation.hpp"
#include "report/terminal.hpp"
#include "sharcs/communicator.hpp"
#include "sharcs/model.hpp"
#include "sharcs/trainer.hpp"
#include "train/training_folder.hpp"

namespace sharcs::internal {
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
  if (config.sharcs->full_width_norm == FullWidthNorm::private_)
    out << "full_width_norm is private: Hugging Face's loader will compute another function from the saved model\n";
  out << "router after layer " << config.sharcs->adaptive_layer_idx << "; multiply-adds for "
      << setup.options.max_length << " tokens:";
  const auto full = static_cast<double>(multiply_adds(config, setup.model.widths().widest(), setup.options.max_length));
  for (const Width& width : setup.model.widths())
    out << "  width " << short_number(width.fraction()) << ": "
        << decimal(static_cast<double>(multiply_adds(config, width, setup.options.max_length)) / full, 3);
  out << '\n';
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
  check_training(config, arguments.init);
  const TrainingOptions options = training_options(config);
  TrainingData data = arguments.data.read(options.seed);
  describe(data.task, data.train, "train", out);
  describe(data.task, data.dev, "dev", out);
  TrainingSetup setup = set_up_training(config, data, arguments.init);
  describe(setup, out);
  if (arguments.resume && !arguments.init.empty() && TrainingFolder(arguments.output).has_checkpoints())
    out << "--init " << arguments.init
        << ": its parameters are not used; the run's checkpoint has those to go on with\n";
  const double start = steady_seconds();
  TrainingOutcome outcome = run_training(
      {.output = arguments.output, .resume = arguments.resume, .how_to_go_on = "the same command with --resume"}, setup,
      data, ranks);
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

/// How far below full width, in points, the policy of a trained model may be.
constexpr double default_drop = 0.5;

/// Calibrates a model that has more than full width to choose from on dev, and stores the policy with it. Returns what
/// to expect of new samples, by cross-validation; none where there is nothing to calibrate.
std::optional<OperatingPoint> calibrate_trained(const TrainArguments& arguments, const TrainingOptions& options,
                                                const TrainingData& data) {
  const Classifier classifier = Classifier::load(arguments.output, {.threads = options.threads});
  const std::optional<SharcsConfig>& sharcs = classifier.engine().config().sharcs;
  if (options.recipe != Recipe::distilled || !sharcs || !sharcs->policy || sharcs->policy->kind == "full width" ||
      data.dev.size() < 2)
    return std::nullopt;
  const Recording recording = record(classifier, data.task, data.dev);
  const Calibration calibration = calibrate(recording, CostModel::multiply_adds(recording),
                                            {.max_drop = default_drop / 100}, {.seed = options.seed});
  for (const std::string& note : calibration.notes) std::cerr << "sharcs: " << note << '\n';
  save_policy(arguments.output, calibration.rule);
  return compare(recording, calibration.expected, {.bootstrap = {.seed = options.seed}}).front();
}

/// Full width, the policy and what it saves, a line each.
void print_headline(const Evaluation& dev, const std::optional<OperatingPoint>& expected, const std::string& policy,
                    std::ostream& out) {
  out << "full width: " << decimal(score(dev.full), 3) << '\n' << "routed:     " << decimal(score(dev.routed), 3);
  if (expected) out << " (" << estimate_text(expected->score) << " to be expected of new samples)";
  out << ", by " << policy << '\n'
      << "cost:       " << decimal(dev.cost_fraction, 3) << " of full width's multiply-adds\n";
  if (dev.seconds_routed > 0)
    out << "time:       " << decimal(dev.seconds_full / dev.seconds_routed, 2) << " times as fast as full width\n";
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
  const std::optional<OperatingPoint> expected = calibrate_trained(arguments, options, data);
  const Classifier classifier = Classifier::load(arguments.output, {.threads = options.threads});
  const EvaluationReport report(classifier, data.task, data.dev, {.seed = options.seed});
  std::vector<OperatingPoint> points = report.compare();
  if (expected) {
    const std::vector<OperatingPoint> curves = policy_curves(report.recording(), {.seed = options.seed});
    points.insert(points.end(), curves.begin(), curves.end());
  }
  const std::string note = report.save(TrainingFolder(arguments.output).recording_file(), arguments.output,
                                       classifier.engine(), points, latency_options(seconds));
  if (!note.empty()) std::cerr << "sharcs: " << note << '\n';
  if (arguments.json) {
    nlohmann::ordered_json json = {{"output", arguments.output},
                                   {"epochs", outcome.epochs},
                                   {"steps", outcome.steps},
                                   {"best_epoch", outcome.best_epoch}};
    json["dev"] = report.json();
    if (expected) {
      json["expected"] = {{"score", estimate_json(expected->score)}, {"cost_fraction", expected->cost_fraction}};
    }
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::cout << arguments.output << ": the model of epoch " << outcome.best_epoch << "\n\n";
  report.print(std::cout);
  std::cout << '\n';
  print_headline(report.evaluation(), expected, classifier.engine().policy().name(), std::cout);
  std::cout << "\nsharcs report " << arguments.output << " shows all of it\n";
}

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

}  // namespace

namespace commands {
std::vector<Command> train() { return {{.place = 10, .add = add_train}}; }
}  // namespace commands

}  // namespace sharcs::internal
