#include "sharcs/trainer.hpp"

#include <algorithm>

#include "core/number.hpp"
#include "core/quote.hpp"
#include "core/threads.hpp"
#include "data/tokenized_dataset.hpp"
#include "formats/model_access.hpp"
#include "sharcs/error.hpp"
#include "sharcs/tokenizer.hpp"
#include "train/training_run.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// Writes the task and the length of texts into the model's configuration, so that the saved model says what it was
/// trained for.
void remember_training(Model& model, const Task& task, const TrainingOptions& options) {
  ModelConfig config = model.config();
  task.store_in(config);
  model.set_task(config.task);
  network_of(model).set_max_length(options.max_length);
}

}  // namespace

void TrainingJob::check() const {
  const auto& [task, tokenizer, train, dev, output] = inputs;
  const ModelConfig& config = model.config();
  const std::vector<std::string> labels = task.labels();
  const bool is_regression = task.kind() == TaskKind::regression;
  const bool has_names = !is_regression || task.outputs() > 1 || config.multi_output;
  const TaskKind kind = config.is_regression() ? TaskKind::regression
                        : config.multi_label   ? TaskKind::multi_label
                        : config.finds_answers ? TaskKind::question_answering
                        : config.fills_masks   ? TaskKind::masked_lm
                        : config.per_token     ? TaskKind::token_classification
                                               : TaskKind::classification;
  if (kind != task.kind())
    throw ConfigError("task " + task.name() + " is a " + to_string(task.kind()) + ", the model is made for a " +
                      to_string(kind));
  for (std::size_t i = 0; has_names && i < std::max(labels.size(), config.labels.size()); ++i) {
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
  if (config.multi_label && options.hardness_measure == HardnessMeasure::entropy)
    throw ConfigError("\"hardness_measure\" is \"entropy\", but task " + task.name() +
                      " is a multi_label task; expected \"confidence\"");
  if (config.multi_label && options.class_weights == ClassWeights::balanced)
    throw ConfigError("\"class_weights\" is \"balanced\", but task " + task.name() +
                      " is a multi_label task, whose labels are not classes; expected \"none\"");
  if (config.per_token && options.class_weights == ClassWeights::balanced)
    throw ConfigError("\"class_weights\" is \"balanced\", but task " + task.name() + " is a " + to_string(task.kind()) +
                      ", whose texts have no classes; expected \"none\"");
  if ((config.finds_answers || config.fills_masks) && options.hardness_measure == HardnessMeasure::entropy)
    throw ConfigError("\"hardness_measure\" is \"entropy\", but task " + task.name() + " is a " +
                      to_string(task.kind()) + "; expected \"confidence\"");
  if (config.fills_masks) {
    if (options.token_dropout > 0)
      throw ConfigError("\"token_dropout\" is " + short_number(options.token_dropout) + ", but task " + task.name() +
                        " hides tokens itself (masked_share); expected 0");
    if (options.mask_token_share + options.random_token_share > 1)
      throw ConfigError("\"mask_token_share\" is " + short_number(options.mask_token_share) +
                        " and \"random_token_share\" " + short_number(options.random_token_share) +
                        "; expected at most 1 together");
  }
  require_trainable(task, train);
  if (!dev.labelled()) throw DataError(dev.file + ": expected dev samples, all with a label");
  require_vocabulary(config, tokenizer, "");
}

Trainer::Trainer(Model& model, const TrainingOptions& options, Communicator& ranks)
    : model_(model), options_(options), ranks_(ranks) {
  options_.check(model.config());
  // A policy is right only for the answers that it was calibrated for, and training makes another one.
  model_.set_policy({});
}

namespace {

/// What a model reads: the data themselves, the windows of their questions, or the blocks of their texts.
class ReadData {
 public:
  ReadData(const TrainingInputs& inputs, const TrainingOptions& options) : inputs_(inputs) {
    const TaskKind kind = inputs.task.kind();
    if (!reads_pieces(kind)) return;
    const auto length = static_cast<std::size_t>(options.max_length);
    train_ = pieces_of(inputs.train, kind, inputs.tokenizer, length);
    dev_ = pieces_of(inputs.dev, kind, inputs.tokenizer, length);
  }
  TrainingInputs inputs() const {
    const bool has_pieces = reads_pieces(inputs_.task.kind());
    return {.task = inputs_.task,
            .tokenizer = inputs_.tokenizer,
            .train = has_pieces ? train_ : inputs_.train,
            .dev = has_pieces ? dev_ : inputs_.dev,
            .output = inputs_.output};
  }

 private:
  const TrainingInputs& inputs_;
  Dataset train_, dev_;
};

}  // namespace

TrainingOutcome Trainer::train(const TrainingInputs& inputs, const TrainingCallbacks& callbacks) {
  TrainingJob{model_, options_, inputs, callbacks, ranks_}.check();
  remember_training(model_, inputs.task, options_);
  const ThreadScope threads(options_.threads > 0 ? options_.threads : thread_count(), spin_of_training);
  const ReadData data(inputs, options_);
  const TrainingInputs read = data.inputs();
  return TrainingRun::start({model_, options_, read, callbacks, ranks_})->train();
}

TrainingOutcome Trainer::resume(const TrainingInputs& inputs, const TrainingCallbacks& callbacks) {
  TrainingJob{model_, options_, inputs, callbacks, ranks_}.check();
  remember_training(model_, inputs.task, options_);
  const ThreadScope threads(options_.threads > 0 ? options_.threads : thread_count(), spin_of_training);
  const ReadData data(inputs, options_);
  const TrainingInputs read = data.inputs();
  return TrainingRun::resume({model_, options_, read, callbacks, ranks_})->train();
}

}  // namespace sharcs
