#include <iostream>
#include <vector>

#include "cli/command.hpp"
#include "cli/comparison_report.hpp"
#include "cli/data_arguments.hpp"
#include "cli/evaluation_report.hpp"
#include "cli/policy_argument.hpp"
#include "cli/program_tables.hpp"
#include "eval/recorded_evaluation.hpp"
#include "io/file.hpp"

namespace sharcs::internal {
namespace {

struct EvalArguments : CommonArguments {
  std::string model, recording;
  DatasetArguments dataset;
  std::string policy, precision;
  std::string output;
  int timing_rounds = 3;
  double call_seconds = 5;
  bool compare = false;
  std::string predictions;
};

void print(const EvaluationReport& report, const std::vector<OperatingPoint>& comparison,
           const EvalArguments& arguments) {
  if (!arguments.predictions.empty()) write_file_atomically(arguments.predictions, report.predictions());
  if (arguments.json) {
    nlohmann::ordered_json json = report.json();
    if (arguments.compare) json["comparison"] = comparison_json(comparison);
    std::cout << json.dump(2) << '\n';
    return;
  }
  report.print(std::cout);
  report.print_confusion(std::cout);
  report.print_classes(std::cout);
  if (!arguments.compare) return;
  std::cout << '\n';
  print_comparison(comparison, report.recording(), std::cout);
}

/// Another policy on what was recorded before.
void eval_recording(const EvalArguments& arguments) {
  if (arguments.dataset.given() || !arguments.output.empty())
    usage_error("--recording has the model's answers already; leave out --data, --file and --output");
  if (!arguments.precision.empty()) usage_error("--precision is for running a model; leave it out with --recording");
  refuse_input_as_output("--predictions", arguments.predictions, {arguments.recording});
  RecordedEvaluation file = RecordedEvaluation::load(arguments.recording);
  const Policy policy = policy_argument(arguments.policy, file.recording.config);
  const EvaluationReport report(std::move(file.recording), policy,
                                {.name = file.evaluation.name, .seed = arguments.seed_or_default()});
  print(report, arguments.compare ? report.compare() : std::vector<OperatingPoint>(), arguments);
}

void eval(const EvalArguments& arguments) {
  if (!arguments.recording.empty()) return eval_recording(arguments);
  require(arguments.model, "--model");
  if (!arguments.dataset.given()) usage_error("give --data FOLDER or --file FILE, or --recording FILE");
  for (const auto& [option, output] :
       {std::pair("--output", arguments.output), std::pair("--predictions", arguments.predictions)})
    refuse_input_as_output(option, output, {arguments.model, arguments.dataset.file});
  const Classifier classifier =
      Classifier::load(arguments.model, {.threads = arguments.threads_or_default(),
                                         .policy = policy_argument(arguments.policy, arguments.model),
                                         .precision = precision_argument(arguments.precision),
                                         .label_threshold = arguments.dataset.label_threshold});
  const Task task = arguments.dataset.task_of(classifier.engine().config(), arguments.model);
  const Dataset dataset = arguments.dataset.read(task);
  const std::string name = arguments.dataset.file.empty() ? arguments.dataset.split : "file";
  const EvaluationReport report(classifier, task, dataset,
                                {.name = name,
                                 .timing_rounds = arguments.timing_rounds,
                                 .call_seconds = arguments.call_seconds,
                                 .seed = arguments.seed_or_default()});
  std::vector<OperatingPoint> comparison;
  if (arguments.compare || !arguments.output.empty()) comparison = report.compare();
  if (!arguments.output.empty()) {
    const std::string note = report.save(arguments.output, arguments.model, classifier.engine(), comparison);
    if (!note.empty()) notes() << "sharcs: " << note << '\n';
  }
  print(report, comparison, arguments);
}

void add_eval(CLI::App& program) {
  const auto arguments = std::make_shared<EvalArguments>();
  CLI::App* command = add_command(
      program, "eval", "Tries a model on labelled data: by its policy, at full width and with each of its answers.",
      "the bootstrap intervals", *arguments);
  command->add_option("--model", arguments->model, "Model directory; not needed with --recording");
  command->add_option("--recording", arguments->recording,
                      "Try a policy on this recording (recording.json) instead, without the model");
  add_policy_option(*command, arguments->policy);
  add_precision_option(*command, arguments->precision);
  command->add_flag("--compare", arguments->compare,
                    "Show other ways of choosing answers beside the policy: at random in its shares, by length, every "
                    "fixed answer, the best mix of them, and the oracle that knows the labels");
  command->add_option(
      "--output", arguments->output,
      "Write the recording here: the model's answers to all samples, with comparisons and measured times. A training "
      "run's report shows the file recording.json in the run's folder. Budgets that sharcs calibrate added to the file "
      "stay in it when model and data are the same");
  command->add_option(
      "--predictions", arguments->predictions,
      "Write what was answered to each sample here: TSV with line, true and predicted class, answer, text");
  command->add_option("--timing-rounds", arguments->timing_rounds, "Runs whose median is the time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command
      ->add_option(
          "--call-seconds", arguments->call_seconds,
          "Seconds for timing calls of 1 and as many for calls of 32 samples, by the policy and at full width; "
          "0: none")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  arguments->dataset.add_to(*command, "dev");
  command->footer(examples({R"(sharcs eval --model runs/reviews --file new.csv)",
                            R"(sharcs eval --model runs/sst2 --data path/to/SST-2 --compare --json)"}));
  on_call(command, arguments, eval);
}

}  // namespace

namespace commands {
std::vector<Command> eval() { return {{.place = 30, .add = add_eval}}; }
}  // namespace commands

}  // namespace sharcs::internal
