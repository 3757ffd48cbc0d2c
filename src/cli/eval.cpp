#include <iostream>

#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/data_arguments.hpp"
#include "cli/evaluation_report.hpp"
#include "cli/policy_argument.hpp"
#include "sharcs/comparison.hpp"
#include "sharcs/evaluation_file.hpp"
#include "sharcs/latency.hpp"

namespace sharcs {
namespace {

struct EvalArguments : CommonArguments {
  std::string model;
  DatasetArguments dataset;
  std::string policy;
  std::string output;
  int timing_rounds = 3;
};

/// What `sharcs report` draws from.
void write_evaluation(const EvalArguments& arguments, const Classifier& classifier, const Task& task,
                      const Dataset& dataset, const Evaluation& evaluation) {
  const Engine& engine = classifier.engine();
  EvaluationFile file = EvaluationFile::of(evaluation, task, dataset, engine.config());
  file.model = arguments.model;
  file.policy = engine.policy().name();
  file.threads = engine.options().threads;
  file.points = points_of(
      compare(evaluation.answers, task, evaluation.routing, {.bootstrap = {.seed = arguments.seed_or_default()}}));
  file.latency = measure_latency(engine);
  file.save(arguments.output);
}

void eval(const EvalArguments& arguments) {
  require(arguments.model, "--model");
  if (!arguments.dataset.given()) usage_error("give --data FOLDER or --file FILE");
  const Classifier classifier = Classifier::load(
      arguments.model,
      {.threads = arguments.threads_or_default(), .policy = policy_named(arguments.policy, arguments.model)});
  const Task task = arguments.dataset.task_of(classifier.engine().config(), arguments.model);
  const Dataset dataset = arguments.dataset.read(task);
  const std::string name = arguments.dataset.file.empty() ? arguments.dataset.split : "file";
  const EvaluationReport report(classifier, task, dataset, name, arguments.timing_rounds, arguments.seed_or_default());
  if (!arguments.output.empty()) write_evaluation(arguments, classifier, task, dataset, report.evaluation());
  if (arguments.json) {
    std::cout << report.json().dump(2) << '\n';
    return;
  }
  report.print(std::cout);
  report.print_confusion(std::cout);
}

}  // namespace

void add_eval(CLI::App& program) {
  const auto arguments = std::make_shared<EvalArguments>();
  CLI::App* command =
      add_command(program, "eval", "Tries a model on labelled data: with its router, at full width and at each width.",
                  "the bootstrap intervals", *arguments);
  command->add_option("--model", arguments->model, "Model directory (required)");
  add_policy_option(*command, arguments->policy);
  command->add_option("--output", arguments->output,
                      "Write all answers, comparisons and measured times here: evaluation.json in the folder of a "
                      "training run is what its report shows");
  command->add_option("--timing-rounds", arguments->timing_rounds, "Runs whose median is the time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  arguments->dataset.add_to(*command, "dev");
  on_call(command, arguments, eval);
}

}  // namespace sharcs
