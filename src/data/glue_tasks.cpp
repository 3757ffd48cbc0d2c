#include <algorithm>

#include "core/ascii.hpp"
#include "data/task_definition.hpp"

namespace sharcs::internal {
namespace {

// Column names and positions, label words and metrics are those with which GLUE distributes and scores the tasks
// (gluebenchmark.com/tasks). The classes' order is that of Hugging Face's `glue` data set. Where a column has several
// names, the first is that of GLUE's own files, the others of that data set and of common conversions.

std::vector<ClassLabel> two_way_entailment() {
  return {{"entailment", "entailment"}, {"not_entailment", "not_entailment"}};
}

// MNLI's two dev and test sets are two tasks.
TaskDefinition mnli(std::string name, const std::string& match, std::string submission_file) {
  const std::vector<std::string> unlabelled = {
      "index",           "promptID",        "pairID",    "genre",    "sentence1_binary_parse", "sentence2_binary_parse",
      "sentence1_parse", "sentence2_parse", "sentence1", "sentence2"};
  std::vector<std::string> train = unlabelled, dev = unlabelled;
  for (const char* column : {"label1", "gold_label"}) train.emplace_back(column);
  for (const char* column : {"label1", "label2", "label3", "label4", "label5", "gold_label"}) dev.emplace_back(column);
  return {.name = std::move(name),
          .labels = {{"entailment", "entailment"}, {"neutral", "neutral"}, {"contradiction", "contradiction"}},
          .metrics = {"accuracy"},
          .text = {{"sentence1", "premise"}},
          .pair = {{"sentence2", "hypothesis"}},
          .label = {{"gold_label", "label"}},
          .layouts = {{.columns = train, .text = 8, .pair = 9, .label = 11, .id = 0},
                      {.columns = dev, .text = 8, .pair = 9, .label = 15, .id = 0},
                      {.columns = unlabelled, .text = 8, .pair = 9, .id = 0}},
          .files = {{{"train.tsv"}, {"dev_" + match + ".tsv"}, {"test_" + match + ".tsv"}}},
          .submission_file = std::move(submission_file),
          // Pairs on which the annotators did not agree. GLUE has taken them out, MultiNLI's own files have them.
          .unlabelled_mark = "-"};
}

TaskDefinition sts_b() {
  const std::vector<std::string> unlabelled = {"index",   "genre",   "filename",  "year",     "old_index",
                                               "source1", "source2", "sentence1", "sentence2"};
  std::vector<std::string> labelled = unlabelled;
  labelled.emplace_back("score");
  return {.name = "sts-b",
          .kind = TaskKind::regression,
          .metrics = {"pearson", "spearman"},
          .target_range = TargetRange{0, 5},
          .text = {{"sentence1"}},
          .pair = {{"sentence2"}},
          .label = {{"score", "label"}},
          .layouts = {{.columns = labelled, .text = 7, .pair = 8, .label = 9, .id = 0},
                      {.columns = unlabelled, .text = 7, .pair = 8, .id = 0}},
          .submission_file = "STS-B.tsv"};
}

// QNLI, RTE and WNLI have their columns in the same places.
HeaderlessLayout indexed_pair() {
  return {.columns = {"index", "sentence1", "sentence2", "label"}, .text = 1, .pair = 2, .label = 3, .id = 0};
}

// What tells the tasks apart; complete() adds what they have in common.
std::vector<TaskDefinition> rows() {
  return {
      {.name = "cola",
       .labels = {{"unacceptable", "0"}, {"acceptable", "1"}},
       .metrics = {"matthews"},
       .text = {{"sentence", "text"}},
       .label = {{"label", "acceptability", "is_acceptable"}},
       .layouts = {{.columns = {"source", "label", "mark", "sentence"}, .text = 3, .label = 1}},
       .submission_file = "CoLA.tsv"},
      {.name = "sst-2",
       .labels = {{"negative", "0"}, {"positive", "1"}},
       .metrics = {"accuracy"},
       .text = {{"sentence", "text"}},
       .label = {{"label", "sentiment"}},
       .submission_file = "SST-2.tsv"},
      {.name = "mrpc",
       .labels = {{"not_equivalent", "0"}, {"equivalent", "1"}},
       .metrics = {"accuracy", "f1"},
       .text = {{"#1 String", "sentence1"}},
       .pair = {{"#2 String", "sentence2"}},
       .label = {{"Quality", "label"}},
       .layouts =
           {{.columns = {"Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"}, .text = 3, .pair = 4, .label = 0},
            {.columns = {"index", "#1 ID", "#2 ID", "#1 String", "#2 String"}, .text = 3, .pair = 4, .id = 0}},
       .files = {{{"train.tsv", "msr_paraphrase_train.txt"}, {"dev.tsv"}, {"test.tsv", "msr_paraphrase_test.txt"}}},
       .submission_file = "MRPC.tsv"},
      sts_b(),
      {.name = "qqp",
       .labels = {{"not_duplicate", "0"}, {"duplicate", "1"}},
       .metrics = {"accuracy", "f1"},
       .text = {{"question1", "sentence1"}},
       .pair = {{"question2", "sentence2"}},
       .label = {{"is_duplicate", "label"}},
       .layouts = {{.columns = {"id", "qid1", "qid2", "question1", "question2", "is_duplicate"},
                    .text = 3,
                    .pair = 4,
                    .label = 5,
                    .id = 0}},
       .submission_file = "QQP.tsv",
       // A few questions have line ends in them, which cut their rows in GLUE's train.tsv, and a few have no text at
       // all. Everybody's reader leaves out the former and keeps the latter.
       .leave_out_broken_rows = true,
       .keep_empty_text = true},
      mnli("mnli", "matched", "MNLI-m.tsv"),
      mnli("mnli-mm", "mismatched", "MNLI-mm.tsv"),
      {.name = "qnli",
       .labels = two_way_entailment(),
       .metrics = {"accuracy"},
       .text = {{"question", "sentence1"}},
       .pair = {{"sentence", "sentence2"}},
       .label = {{"label"}},
       .layouts = {indexed_pair()},
       .submission_file = "QNLI.tsv"},
      {.name = "rte",
       .labels = two_way_entailment(),
       .metrics = {"accuracy"},
       .text = {{"sentence1", "premise"}},
       .pair = {{"sentence2", "hypothesis"}},
       .label = {{"label"}},
       .layouts = {indexed_pair()},
       .submission_file = "RTE.tsv"},
      {.name = "wnli",
       .labels = {{"not_entailment", "0"}, {"entailment", "1"}},
       .metrics = {"accuracy"},
       .text = {{"sentence1", "premise"}},
       .pair = {{"sentence2", "hypothesis"}},
       .label = {{"label"}},
       .layouts = {indexed_pair()},
       .submission_file = "WNLI.tsv"},
      // GLUE's diagnostic set, which a model of MNLI answers. It is only for testing.
      {.name = "ax",
       .labels = {{"entailment", "entailment"}, {"neutral", "neutral"}, {"contradiction", "contradiction"}},
       .metrics = {"matthews"},
       .text = {{"sentence1", "premise"}},
       .pair = {{"sentence2", "hypothesis"}},
       .label = {{"label", "gold_label"}},
       .files = {{{}, {}, {"diagnostic.tsv", "diagnostic/diagnostic.tsv", "AX.tsv"}}},
       .submission_file = "AX.tsv"},
  };
}

void complete(TaskDefinition& task) {
  task.of_glue = true;
  task.is_pair = task.pair.wanted();
  task.id = {{"index", "idx", "id"}};
  task.difficulty = {{"difficulty"}};
  if (task.files.back().empty()) task.files = {{{"train.tsv"}, {"dev.tsv"}, {"test.tsv"}}};
  // Besides the task's own, the layouts in which files of sentences or pairs are met.
  const std::vector<HeaderlessLayout> sentences = {{.columns = {"sentence", "label"}, .text = 0, .label = 1},
                                                   {.columns = {"label", "sentence"}, .text = 1, .label = 0},
                                                   {.columns = {"index", "sentence"}, .text = 1, .id = 0}};
  const std::vector<HeaderlessLayout> pairs = {
      {.columns = {"sentence1", "sentence2", "label"}, .text = 0, .pair = 1, .label = 2},
      {.columns = {"label", "sentence1", "sentence2"}, .text = 1, .pair = 2, .label = 0},
      {.columns = {"index", "sentence1", "sentence2"}, .text = 1, .pair = 2, .id = 0}};
  const std::vector<HeaderlessLayout>& common = task.is_pair ? pairs : sentences;
  task.layouts.insert(task.layouts.end(), common.begin(), common.end());
}

const std::vector<TaskDefinition>& tasks() {
  static const std::vector<TaskDefinition> all = [] {
    std::vector<TaskDefinition> made = rows();
    for (TaskDefinition& task : made) complete(task);
    return made;
  }();
  return all;
}

/// "SST_2" and "sst 2" become "sst2".
std::string plain_spelling(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c == '-' || c == '_' || c == ' ') continue;
    plain += lower_case(c);
  }
  if (plain == "mnlim" || plain == "mnlimatched") return "mnli";
  if (plain == "mnlimismatched") return "mnlimm";
  return plain;
}

}  // namespace

const TaskDefinition* find_glue_task(std::string_view name) {
  const std::string wanted = plain_spelling(name);
  const auto task = std::find_if(tasks().begin(), tasks().end(),
                                 [&](const TaskDefinition& each) { return plain_spelling(each.name) == wanted; });
  return task == tasks().end() ? nullptr : &*task;
}

std::vector<std::string> glue_task_names() {
  std::vector<std::string> names;
  for (const TaskDefinition& task : tasks()) names.push_back(task.name);
  return names;
}

}  // namespace sharcs::internal
