#include <iostream>
#include <vector>

#include "cli/command.hpp"
#include "cli/comparison_report.hpp"
#include "cli/data_arguments.hpp"
#include "cli/evaluation_report.hpp"
#include "cli/policy_argument.hpp"

namespace sharcs::internal {
namespace {

struct EvalArguments : CommonArguments {
  std::string model;
  DatasetArguments dataset;
  std::string policy;
  std::string output;
  int timing_rounds = 3;
  bool compare = false;
};

void eval(const EvalArguments& arguments) {
  require(arguments.model, "--model");
  if (!arguments.dataset.given()) usage_error("give --data FOLDER or --file FILE");
  const Classifier classifier = Classifier::load(
      arguments.model,
      {.threads = arguments.threads_or_default(), .policy = policy_named(arguments.policy, arguments.model)});
  const Task task = arguments.dataset.task_of(classifier.engine().config(), arguments.model);
  const Dataset dataset = arguments.dataset.read(task);
  const std::string name = arguments.dataset.file.empty() ? arguments.dataset.split : "file";
  const EvaluationReport report(
      classifier, task, dataset,
      {.name = name, .timing_rounds = arguments.timing_rounds, .seed = arguments.seed_or_default()});
  std::vector<OperatingPoint> comparison;
  if (arguments.compare || !arguments.output.empty()) comparison = report.compare();
  if (!arguments.output.empty()) {
    const std::string note = report.save(arguments.output, arguments.model, comparison);
    if (!note.empty()) std::cerr << "sharcs: " << note << '\n';
  }
  if (arguments.json) {
    nlohmann::ordered_json json = report.json();
    if (arguments.compare) json["comparison"] = comparison_json(comparison);
    std::cout << json.dump(2) << '\n';
    return;
  }
  report.print(std::cout);
  report.print_confusion(std::cout);
  if (!arguments.compare) return;
  std::cout << '\n';
  print_comparison(comparison, report.recording(), std::cout);
}

void add_eval(CLI::App& program) {
  const auto arguments = std::make_shared<EvalArguments>();
  CLI::App* command =
      add_command(program, "eval", "Tries a model on labelled data: with its router, at full width and at each width.",
                  "the bootstrap intervals", *arguments);
  command->add_option("--model", arguments->model, "Model directory (required)");
  add_policy_option(*command, arguments->policy);
  command->add_flag("--compare", arguments->compare,
                    "Show other ways of choosing widths beside the router: at random in its shares, by length, every "
                    "fixed width, the best mix of them, and the oracle that knows the labels");
  command->add_option(
      "--output", arguments->output,
      "Write the recording here: the model's answers to all samples, with comparisons and measured times. A training "
      "run's report shows the file recording.json in the run's folder. Budgets that sharcs calibrate added to the file "
      "stay in it when model and data are the same");
  command->add_option("--timing-rounds", arguments->timing_rounds, "Runs whose median is the time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  arguments->dataset.add_to(*command, "dev");
  on_call(command, arguments, eval);
}

}  // namespace

namespace commands {
std::vector<Command> eval() { return {{.place = 30, .add = add_eval}}; }
}  // namespace commands

}  // namespace sharcs::internal
