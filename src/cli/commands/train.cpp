#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "cli/command.hpp"
#include "cli/comparison_report.hpp"
#include "cli/data_arguments.hpp"
#include "cli/evaluation_report.hpp"
#include "cli/presets.hpp"
#include "cli/program_tables.hpp"
#include "cli/training_arguments.hpp"
#include "cli/training_session.hpp"
#include "cli/training_setup.hpp"
#include "core/clock.hpp"
#include "core/number.hpp"
#include "core/quote.hpp"
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
  bool resume = false, overwrite = false;
  TrainingDataArguments data;
  TrainingArguments training;
};

/// "12 questions of dev.json (8.3 % without an answer)"
void describe_questions(const Dataset& dataset, std::ostream& out) {
  const auto without = std::ranges::count_if(
      dataset.samples, [](const Sample& sample) { return sample.answers && sample.answers->empty(); });
  out << counted(dataset.size(), "question") << " of " << dataset.file;
  if (without > 0)
    out << " (" << percent(static_cast<double>(without) / static_cast<double>(dataset.size())) << " without an answer)";
}

void describe(const Task& task, const Dataset& dataset, const char* role, std::ostream& out) {
  out << role << ": ";
  const bool has_questions = task.kind() == TaskKind::question_answering;
  if (has_questions)
    describe_questions(dataset, out);
  else
    out << counted(dataset.size(), task.is_pair()                       ? "pair"
                                   : task.kind() == TaskKind::masked_lm ? "line"
                                                                        : "sentence")
        << " of " << dataset.file;
  const std::vector<std::string> labels = has_questions ? std::vector<std::string>() : task.labels();
  const std::vector<std::size_t> counts = label_counts(dataset, labels.size());
  constexpr std::size_t shown = 8;
  const std::size_t of = task.kind() == TaskKind::token_classification
                             ? std::accumulate(counts.begin(), counts.end(), std::size_t{0})  // words
                             : dataset.size();
  for (std::size_t i = 0; i < std::min(labels.size(), shown); ++i)
    out << (i == 0 ? " (" : ", ") << labels[i] << ' '
        << percent(static_cast<double>(counts[i]) / static_cast<double>(of));
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

/// The folder that the training writes into: --output itself or, where it holds a finished model that shall be
/// replaced, the folder that takes its place in the end.
TrainingFolder folder_of(const TrainArguments& arguments) {
  const TrainingFolder output(arguments.output);
  if (arguments.resume) {
    const bool is_in_successor = std::filesystem::exists(output.successor().settings_file());
    return is_in_successor ? output.successor() : output;
  }
  if (!output.has_model() || output.is_unfinished()) return output;
  if (!arguments.overwrite)
    usage_error(arguments.output +
                " holds a model; --overwrite replaces it when the new one is finished, --resume goes "
                "on with its training");
  return output.successor();
}

/// What is left to do when the training is over.
struct Trained {
  TrainingData data;
  TrainingOutcome outcome;
  double seconds;
};

Trained train_on(Communicator& ranks, const TrainArguments& arguments, const TrainingFolder& folder,
                 const ConfigFile& config) {
  std::ostream nowhere(nullptr);
  std::ostream& out = ranks.is_first() ? notes() : nowhere;
  if (ranks.ranks() > 1) out << "ranks: " << ranks.ranks() << '\n';
  check_training(config, arguments.init);
  const TrainingOptions options = training_options(config);
  TrainingData data = arguments.data.read(options.seed);
  describe(data.task, data.train, "train", out);
  describe(data.task, data.dev, "dev", out);
  TrainingSetup setup = set_up_training(config, data, arguments.init);
  describe(setup, out);
  if (arguments.resume && !arguments.init.empty() && folder.has_checkpoints())
    out << "--init " << arguments.init
        << ": its parameters are not used; the run's checkpoint has those to go on with\n";
  const double start = steady_seconds();
  TrainingOutcome outcome = run_training(
      {.output = folder.path(), .resume = arguments.resume, .how_to_go_on = "the same command with --resume"}, setup,
      data, ranks);
  return {std::move(data), std::move(outcome), steady_seconds() - start};
}

/// Trains; none when this rank has nothing more to do. The ranks part before anything else is done with the result.
std::optional<Trained> train_on_all_ranks(const TrainArguments& arguments, const TrainingFolder& folder,
                                          const ConfigFile& config) {
  const std::unique_ptr<Communicator> ranks = Communicator::world();
  if (ranks->ranks() == 1) return train_on(*ranks, arguments, folder, config);
  try {
    Trained trained = train_on(*ranks, arguments, folder, config);
    if (ranks->is_first()) return trained;
  } catch (const CLI::Error&) {
    throw;  // stopped: all ranks are
  } catch (const std::exception& error) {
    // The others may be waiting for this one. What fails everywhere fails on the first rank, too, which says so alone.
    if (!ranks->is_first()) ::sleep(2);
    std::cerr << "sharcs: " << (ranks->is_first() ? "" : "rank " + std::to_string(ranks->rank()) + ": ") << error.what()
              << std::endl;
    ranks->end_job(dynamic_cast<const UsageError*>(&error) != nullptr ? exit_wrong_usage : exit_failed);
  }
  return std::nullopt;
}

/// How far below full width, in points, the policy of a trained model may be.
constexpr double default_drop = 0.5;

/// Whether a training ends with a calibration: of a model that has more than full width to choose from.
bool calibrates(const ModelConfig& config, const TrainingOptions& options, const TrainingData& data) {
  const std::optional<SharcsConfig>& sharcs = config.sharcs;
  return options.recipe == Recipe::distilled && sharcs && sharcs->policy && sharcs->policy->kind != "full width" &&
         data.dev.size() >= 2;
}

/// A policy for the model in the folder, found from what the model answers to dev, and stored with it.
Calibration calibrate_trained(const std::string& folder, const Recording& recording, std::uint64_t seed) {
  Calibration calibration =
      calibrate(recording, CostModel::multiply_adds(recording), {.max_drop = default_drop / 100}, {.seed = seed});
  for (const std::string& note : calibration.notes) notes() << "sharcs: " << note << '\n';
  save_policy(folder, calibration.rule);
  return calibration;
}

/// Full width, the policy and what it saves, a line each; before them what the scores are, where that is not plain.
void print_headline(const Evaluation& dev, const std::optional<OperatingPoint>& expected, const std::string& policy,
                    std::ostream& out) {
  const auto perplexity = dev.full.find("perplexity");
  const auto value = [&](double score) { return perplexity == dev.full.end() ? score : std::exp(-score); };
  std::vector<std::string> metrics;
  for (const auto& [metric, _] : dev.full) metrics.push_back(metric);
  if (perplexity != dev.full.end())
    out << "perplexity\n";
  else if (metrics.size() > 1)
    out << "score, the mean of " << listed(metrics) << '\n';
  out << "full width: " << decimal(value(score(dev.full)), 3) << '\n'
      << "routed:     " << decimal(value(score(dev.routed)), 3);
  if (expected) {
    const Interval& interval = expected->score.interval;
    Estimate estimate = {value(expected->score.value), {value(interval.low), value(interval.high)}};
    if (estimate.interval.low > estimate.interval.high) std::swap(estimate.interval.low, estimate.interval.high);
    out << " (" << estimate_text(estimate) << " to be expected of new samples)";
  }
  out << ", by " << policy << '\n'
      << "cost:       " << decimal(dev.cost_fraction, 3) << " of full width's multiply-adds\n";
  if (dev.seconds_routed > 0)
    out << "time:       " << decimal(dev.seconds_full / dev.seconds_routed, 2) << " times as fast as full width\n";
}

/// --output, or where there is none the folder that a training file gives its name to: reviews.csv goes to
/// runs/reviews.
std::string output_of(const TrainArguments& arguments) {
  if (!arguments.output.empty() || arguments.data.train.empty()) return arguments.output;
  std::filesystem::path name = std::filesystem::path(arguments.data.train).filename();
  while (name.has_extension()) name = name.stem();
  return (std::filesystem::path("runs") / name).string();
}

/// The settings of files and flags, over those of a preset where there is no configuration.
ConfigFile config_of(const TrainArguments& arguments) {
  ConfigFile config = arguments.training.merged_config(arguments);
  const nlohmann::ordered_json& model = config.section("model");
  const bool is_free = arguments.config.empty() && model.size() == (model.contains("sharcs") ? 1u : 0u);
  if (!is_free || arguments.data.train.empty()) {
    if (arguments.init.empty() && config.section("model").empty())
      usage_error("give --config FILE with a section \"model\", or --init CHECKPOINT");
    return config;
  }
  const std::size_t samples = arguments.data.read(training_options(config).seed).train.size();
  Preset preset = choose_preset(samples, arguments.init);
  notes() << "preset: " << preset.choice << '\n';
  const auto take = [&](const std::string& place, const nlohmann::ordered_json& settings) {
    for (const auto& [key, value] : settings.items()) preset.config.overrule(place + key, value);
  };
  if (arguments.data.reads_plain_text() && preset.config.section("training").contains("token_dropout"))
    preset.config.overrule("training.token_dropout", 0);  // this task hides tokens itself
  take("training.", config.section("training"));
  take("tokenizer.", config.section("tokenizer"));
  if (model.contains("sharcs")) take("model.sharcs.", model["sharcs"]);
  return preset.config;
}

void train(const TrainArguments& given) {
  TrainArguments arguments = given;
  arguments.output = output_of(given);
  require(arguments.output, "--output");
  if (given.output.empty()) notes() << "output: " << arguments.output << '\n';
  const ConfigFile config = config_of(arguments);
  const TrainingFolder folder = folder_of(arguments);
  const std::optional<Trained> trained = train_on_all_ranks(arguments, folder, config);
  if (!trained) return;
  const auto& [data, outcome, seconds] = *trained;
  const TrainingOptions options = training_options(config);
  const Classifier classifier = Classifier::load(folder.path(), {.threads = options.threads});
  std::optional<Calibration> calibration;
  EvaluationReportOptions report_options = {.call_seconds = std::clamp(seconds / 1000, 0.01, 5.0),
                                            .seed = options.seed};
  if (calibrates(classifier.engine().config(), options, data))
    report_options.choose_policy = [&](const Recording& recording) {
      calibration = calibrate_trained(folder.path(), recording, options.seed);
      return calibration->rule;
    };
  const EvaluationReport report(classifier, data.task, data.dev, report_options);
  std::vector<OperatingPoint> points = report.compare();
  // What to expect of new samples, by cross-validation.
  std::optional<OperatingPoint> expected;
  if (calibration) {
    expected = compare(report.recording(), calibration->expected, {.bootstrap = {.seed = options.seed}}).front();
    const std::vector<OperatingPoint> curves = policy_curves(report.recording(), {.seed = options.seed});
    points.insert(points.end(), curves.begin(), curves.end());
  }
  const std::string note =
      report.save(folder.recording_file(), arguments.output, classifier.engine(), points, latency_options(seconds));
  if (folder.path() != arguments.output) replace_by_successor(TrainingFolder(arguments.output));
  if (!note.empty()) notes() << "sharcs: " << note << '\n';
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
  print_headline(report.evaluation(), expected, report.policy(), std::cout);
  std::cout << "\nsharcs report " << arguments.output << " shows all of it\n";
}

void add_train(CLI::App& program) {
  const auto arguments = std::make_shared<TrainArguments>();
  CLI::App* command = add_command(
      program, "train",
      "Trains a width-adaptive encoder on a task of GLUE or on data of your own. Progress goes to standard error, the "
      "result to standard output.",
      "everything that is drawn", *arguments);
  command->add_option(
      "--output", arguments->output,
      "Folder for the model, its metrics, its answers to dev and checkpoints; none: runs/, and the name of the "
      "training file");
  command->add_option("--init", arguments->init,
                      "Model directory to start from, as downloaded; none: from random parameters");
  command->add_flag("--resume", arguments->resume, "Go on with the training that was stopped in --output");
  command->add_flag("--overwrite", arguments->overwrite,
                    "Replace the model in --output; it stays whole until the new one is finished");
  arguments->data.add_to(*command);
  arguments->training.add_to(*command);
  command->footer(examples(
      {R"(sharcs train reviews.csv)",
       R"(sharcs train --task sst-2 --data SST-2 --init models/minilm --config configs/minilm.json --output runs/a)"}));
  on_call(command, arguments, train);
}

}  // namespace

namespace commands {
std::vector<Command> train() { return {{.place = 10, .add = add_train}}; }
}  // namespace commands

}  // namespace sharcs::internal
