#include <algorithm>
#include <set>
#include <variant>

#include "core/number.hpp"
#include "core/quote.hpp"
#include "data/metrics.hpp"
#include "data/tag_set.hpp"
#include "data/task_definition.hpp"
#include "model/predicted_label.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

ColumnRole role_of(const std::optional<Column>& column) {
  if (!column) return {};
  if (column->name() != nullptr) return {.names = {*column->name()}};
  return {.position = column->index()};
}

/// Those of the spec, or what suits the kind and the labels.
std::vector<Metric> metrics_for(const TaskSpec& spec, const std::vector<std::string>& names) {
  const std::size_t labels = names.size();
  if (!spec.metrics.empty()) return spec.metrics;
  if (spec.kind == TaskKind::token_classification)
    return {labels == 0 || TagSet(names).has_entities() ? "entity_f1" : "word_accuracy"};
  if (spec.kind == TaskKind::question_answering) return {"answer_exact_match", "answer_f1"};
  if (spec.kind == TaskKind::masked_lm) return {"perplexity", "token_accuracy"};
  if (spec.kind == TaskKind::regression) return {"pearson", "spearman"};
  if (spec.kind == TaskKind::multi_label) return {"micro_f1", "label_macro_f1", "exact_match"};
  if (labels == 2) return {"accuracy", "f1", "matthews"};
  return {"accuracy", "macro_f1"};
}

void check(const TaskSpec& spec) {
  const std::string task = "task " + quote(spec.name);
  const std::set<std::string> distinct(spec.labels.begin(), spec.labels.end());
  if (distinct.size() != spec.labels.size()) throw ConfigError(task + " has a label twice");
  if (spec.labels.size() == 1)
    throw ConfigError(
        task + " has one label, " + quote(spec.labels.front()) + "; expected " +
        (spec.kind == TaskKind::regression ? "none for one number, or a name for each of several" : "at least two"));
  if (spec.kind == TaskKind::multi_label && spec.labels.size() > most_labels_in_set)
    throw ConfigError(task + " has " + std::to_string(spec.labels.size()) + " labels; a multi-label task has at most " +
                      std::to_string(most_labels_in_set));
  if (spec.kind == TaskKind::multi_label && !(spec.label_threshold >= 0 && spec.label_threshold <= 1))
    throw ConfigError(task + ": the label threshold is " + short_number(spec.label_threshold) +
                      "; expected a number from 0 to 1");
  for (const Metric metric : spec.metrics)
    if (MetricDefinition::of(metric).kind() != spec.kind)
      throw ConfigError(task + " is a " + to_string(spec.kind) + "; " + to_string(metric) + " is not a metric of it");
  const bool has_questions = spec.kind == TaskKind::question_answering;
  if (has_questions &&
      (spec.pair || spec.difficulty || spec.id || spec.text != Column("text") || spec.label != Column("label")))
    throw ConfigError(task + " is a question_answering, whose keys are known; expected no column");
  if (has_questions && spec.format != TableFormat::by_extension && spec.format != TableFormat::json_lines)
    throw ConfigError(task + " is a question_answering; the format is " + to_string(spec.format) +
                      ", expected by_extension or jsonl");
  if (!has_questions && spec.no_answer_above)
    throw ConfigError(task + " is a " + to_string(spec.kind) + "; no_answer_above is for a question_answering");
  if (spec.kind == TaskKind::masked_lm) {
    if (spec.pair || spec.difficulty || spec.id || spec.text != Column("text") || spec.label != Column("label"))
      throw ConfigError(task + " is a masked_lm, whose files are plain text; expected no column");
    if (spec.format != TableFormat::by_extension)
      throw ConfigError(task + " is a masked_lm, whose files are plain text; the format is " + to_string(spec.format) +
                        ", expected by_extension");
    if (!spec.labels.empty()) throw ConfigError(task + " is a masked_lm, which has no labels; expected none");
  }
  const bool has_tags = spec.kind == TaskKind::token_classification;
  if (has_tags && spec.pair) throw ConfigError(task + " is a token_classification; expected no second text");
  if (spec.format == TableFormat::conll && !has_tags)
    throw ConfigError(task + " is a " + to_string(spec.kind) + "; the format conll is for a token_classification");
  for (const std::optional<Column>& column :
       {std::optional(spec.text), spec.pair, std::optional(spec.label), spec.id, spec.difficulty}) {
    if (!column) continue;
    const std::string* name = column->name();
    if (name == nullptr && spec.format == TableFormat::json_lines)
      throw ConfigError(task + ": JSON Lines have no positions; give columns by name");
    // A file to be answered may have no label; then the label's name does not matter.
    const bool is_label = column == std::optional(spec.label);
    if (name != nullptr && !is_label && spec.header == Header::no)
      throw ConfigError(task + ": column " + quote(*name) + " is given by name, but there is no header");
  }
}

/// What the two outputs of a token stand for.
const std::vector<std::string>& ends_of_answers() {
  static const std::vector<std::string> names = {"start", "end"};
  return names;
}

/// `tags`: those of the spec, or those that were found.
void check_tags(const TaskSpec& spec, const std::vector<std::string>& tags) {
  const std::string task = "task " + quote(spec.name);
  if (tags.size() < 2) throw ConfigError(task + " has one tag, " + quote(tags.front()) + "; expected at least two");
  const bool has_entities = TagSet(tags).has_entities();
  for (const Metric metric : spec.metrics)
    if (const auto* of_tags = std::get_if<MetricDefinition::OfTags>(&MetricDefinition::of(metric).measure);
        of_tags != nullptr && of_tags->needs_entities && !has_entities)
      throw ConfigError(
          task + ": " + to_string(metric) + " needs tags of entities such as \"B-PER\" and \"O\"; found " +
          quote(*std::ranges::find_if(
              tags,
              [](const std::string& tag) { return parse_tag(tag).prefix == '\0' || parse_tag(tag).prefix == 'O'; })) +
          " (word_accuracy is for other tags)");
}

}  // namespace

TaskDefinition own_task(const TaskSpec& spec, const std::vector<std::string>& given_labels) {
  check(spec);
  const std::vector<std::string>& labels = spec.kind == TaskKind::question_answering ? ends_of_answers() : given_labels;
  if (spec.kind == TaskKind::token_classification && !labels.empty()) check_tags(spec, labels);
  TaskDefinition task = {.name = spec.name,
                         .kind = spec.kind,
                         .metrics = metrics_for(spec, labels),
                         .is_pair = spec.pair.has_value(),
                         .text = role_of(spec.text),
                         .pair = role_of(spec.pair),
                         .label = role_of(spec.label),
                         .id = role_of(spec.id),
                         .difficulty = role_of(spec.difficulty),
                         .format = spec.format,
                         .quoting = spec.quoting,
                         .header = spec.header,
                         .delimiter = spec.delimiter,
                         .label_separator = spec.label_separator,
                         .label_threshold = spec.label_threshold,
                         .no_answer_above = spec.no_answer_above};
  for (const std::string& name : labels) task.labels.push_back({.name = name, .word = name});
  if (spec.kind == TaskKind::question_answering) task.is_pair = true;
  if (spec.kind == TaskKind::masked_lm)
    task.files = {{{"train.txt", "train.txt.gz"}, {"dev.txt", "dev.txt.gz"}, {"test.txt", "test.txt.gz"}}};
  if (spec.kind == TaskKind::token_classification) {
    // As data sets of the Hugging Face hub call them.
    if (spec.text == Column("text")) task.text = {.names = {"tokens"}};
    if (spec.label == Column("label")) task.label = {.names = {"ner_tags"}};
  }
  return task;
}

}  // namespace sharcs::internal
