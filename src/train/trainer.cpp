#include "sharcs/trainer.hpp"

#include <algorithm>

#include "core/quote.hpp"
#include "data/tokenized_dataset.hpp"
#include "model/network.hpp"
#include "sharcs/error.hpp"
#include "sharcs/tokenizer.hpp"
#include "train/training_run.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// Lets the saved model say what it was trained for.
void remember_task(Model& model, const Task& task) {
  ModelConfig config = model.config();
  task.store_in(config);
  model.set_other_keys(config.other_keys);
}

}  // namespace

void TrainingInputs::check() const {
  const ModelConfig& config = model.config();
  const std::vector<std::string> labels = task.labels();
  const bool is_regression = task.kind() == TaskKind::regression;
  if (config.is_regression() != is_regression)
    throw ConfigError("task " + task.name() + " is a " + to_string(task.kind()) + ", the model is made for a " +
                      to_string(config.is_regression() ? TaskKind::regression : TaskKind::classification));
  for (std::size_t i = 0; !is_regression && i < std::max(labels.size(), config.labels.size()); ++i) {
    const auto name = [i](const std::vector<std::string>& names) {
      return i < names.size() ? quote(names[i]) : "none";
    };
    if (name(labels) != name(config.labels))
      throw ConfigError("label " + std::to_string(i) + " of task " + task.name() + " is " + name(labels) +
                        ", of the model " + name(config.labels));
  }
  if (is_regression && options.hardness_measure == HardnessMeasure::entropy)
    throw ConfigError("\"hardness_measure\" is \"entropy\", but task " + task.name() +
                      " is a regression, whose predictions have none; expected \"confidence\"");
  require_trainable(task, train);
  if (!dev.labelled()) throw DataError(dev.file + ": expected dev samples, all with a label");
  require_vocabulary(config, tokenizer, "");
}

Trainer::Trainer(Model& model, const TrainingOptions& options, Communicator& ranks)
    : model_(model), options_(options), ranks_(ranks) {
  options_.check(model.config());
  // A rule belongs to the router that it was calibrated for.
  model_.set_routing({});
}

TrainingOutcome Trainer::train(const Task& task, const Tokenizer& tokenizer, const Dataset& train, const Dataset& dev,
                               const std::filesystem::path& output, const TrainingCallbacks& callbacks) {
  const TrainingInputs inputs = {model_, options_, task, tokenizer, train, dev, output, callbacks, ranks_};
  inputs.check();
  remember_task(model_, task);
  TrainingRun run(inputs);
  run.start();
  return run.run();
}

TrainingOutcome Trainer::resume(const Task& task, const Tokenizer& tokenizer, const Dataset& train, const Dataset& dev,
                                const std::filesystem::path& output, const TrainingCallbacks& callbacks) {
  const TrainingInputs inputs = {model_, options_, task, tokenizer, train, dev, output, callbacks, ranks_};
  inputs.check();
  remember_task(model_, task);
  TrainingRun run(inputs);
  run.resume();
  return run.run();
}

}  // namespace sharcs
