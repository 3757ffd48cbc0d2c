#include <algorithm>

#include "core/quote.hpp"
#include "data/sample_reader.hpp"
#include "sharcs/error.hpp"
#include "sharcs/task.hpp"

namespace sharcs {
using namespace internal;

TrainingData read_training_data(const TaskSpec& spec, const DataFiles& files) {
  if (spec.benchmark != Benchmark::none)
    throw ConfigError("the files of task " + quote(spec.name) + " are read by Task::read()");
  TaskDefinition definition = own_task(spec, spec.labels);
  Dataset train;
  {
    const Table table = open_table(definition, files.train, files.read);
    if (spec.kind == TaskKind::classification && spec.labels.empty())
      definition = own_task(spec, SampleReader(table, definition, Split::train).find_labels());
    train = SampleReader(table, definition, Split::train).read();
  }
  const Task task = TaskDefinition::task(std::move(definition));
  require_trainable(task, train);
  if (!files.dev.empty()) return {task, std::move(train), task.read_file(files.dev, Split::dev, files.read)};
  TrainAndDev parts = split_stratified(train, files.split);
  require_trainable(task, parts.train);
  return {task, std::move(parts.train), std::move(parts.dev)};
}

void require_trainable(const Task& task, const Dataset& train) {
  if (train.size() < 2)
    throw DataError(train.file + ": " + std::to_string(train.size()) + (train.size() == 1 ? " sample" : " samples") +
                    "; training needs at least 2");
  for (const Sample& sample : train.samples)
    if (task.kind() == TaskKind::classification ? !sample.label.has_value() : !sample.target.has_value())
      throw DataError(train.file + ":" + std::to_string(sample.line) +
                      ": has no label; training needs one on every line");
  const Sample& first = train.samples.front();
  const bool all_same = std::all_of(train.samples.begin(), train.samples.end(), [&](const Sample& sample) {
    return sample.label == first.label && sample.target == first.target;
  });
  if (!all_same) return;
  const std::string all = train.file + ": all " + std::to_string(train.size()) + " samples have the ";
  if (task.kind() == TaskKind::regression) throw DataError(all + "same target; training needs different ones");
  throw DataError(all + "label " + quote(task.label_word(*first.label)) + "; training needs at least two classes");
}

}  // namespace sharcs
