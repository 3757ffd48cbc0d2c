#include <algorithm>

#include "data/task_definition.hpp"

namespace sharcs {
using namespace internal;
namespace {

// Column names and positions, label words and metrics as GLUE distributes and scores the tasks
// (gluebenchmark.com/tasks); the classes' order is that of the Hugging Face `glue` data set. The second and later names
// of a column are those of that data set and of other common conversions.

std::vector<std::string> index_names() { return {"index", "idx", "id"}; }
std::vector<ClassLabel> two_way_entailment() {
  return {{"entailment", "entailment"}, {"not_entailment", "not_entailment"}};
}

// What is met without header besides the task's own files: for every task of sentences, and of pairs.
std::vector<HeaderlessLayout> sentence_layouts(std::vector<HeaderlessLayout> own = {}) {
  own.push_back({.columns = {"sentence", "label"}, .text = 0, .label = 1});
  own.push_back({.columns = {"label", "sentence"}, .text = 1, .label = 0});
  own.push_back({.columns = {"index", "sentence"}, .text = 1, .id = 0});
  return own;
}
std::vector<HeaderlessLayout> pair_layouts(std::vector<HeaderlessLayout> own) {
  own.push_back({.columns = {"sentence1", "sentence2", "label"}, .text = 0, .pair = 1, .label = 2});
  own.push_back({.columns = {"label", "sentence1", "sentence2"}, .text = 1, .pair = 2, .label = 0});
  own.push_back({.columns = {"index", "sentence1", "sentence2"}, .text = 1, .pair = 2, .id = 0});
  return own;
}
HeaderlessLayout indexed_pair() {
  return {.columns = {"index", "sentence1", "sentence2", "label"}, .text = 1, .pair = 2, .label = 3, .id = 0};
}

std::array<std::vector<std::string>, 3> plain_files() { return {{{"train.tsv"}, {"dev.tsv"}, {"test.tsv"}}}; }

Task::Definition mnli(std::string name, const std::string& match, std::string submission_file) {
  const std::vector<std::string> before = {
      "index",           "promptID",        "pairID",    "genre",    "sentence1_binary_parse", "sentence2_binary_parse",
      "sentence1_parse", "sentence2_parse", "sentence1", "sentence2"};
  std::vector<std::string> train = before, dev = before;
  for (const char* column : {"label1", "gold_label"}) train.emplace_back(column);
  for (const char* column : {"label1", "label2", "label3", "label4", "label5", "gold_label"}) dev.emplace_back(column);
  return {.name = std::move(name),
          .labels = {{"entailment", "entailment"}, {"neutral", "neutral"}, {"contradiction", "contradiction"}},
          .metrics = {Metric::accuracy},
          .is_pair = true,
          .text = {{"sentence1", "premise"}},
          .pair = {{"sentence2", "hypothesis"}},
          .label = {{"gold_label", "label"}},
          .id = {index_names()},
          .difficulty = {{"difficulty"}},
          .layouts = pair_layouts({{.columns = train, .text = 8, .pair = 9, .label = 11, .id = 0},
                                   {.columns = dev, .text = 8, .pair = 9, .label = 15, .id = 0},
                                   {.columns = before, .text = 8, .pair = 9, .id = 0}}),
          .of_glue = true,
          .files = {{{"train.tsv"}, {"dev_" + match + ".tsv"}, {"test_" + match + ".tsv"}}},
          .submission_file = std::move(submission_file),
          // Pairs on which the annotators did not agree. GLUE has taken them out, MultiNLI's own files have them.
          .unlabelled_mark = "-"};
}

std::vector<Task::Definition> make_tasks() {
  std::vector<Task::Definition> tasks;
  tasks.push_back(
      {.name = "cola",
       .labels = {{"unacceptable", "0"}, {"acceptable", "1"}},
       .metrics = {Metric::matthews},
       .text = {{"sentence", "text"}},
       .label = {{"label", "acceptability", "is_acceptable"}},
       .id = {index_names()},
       .difficulty = {{"difficulty"}},
       .layouts = sentence_layouts({{.columns = {"source", "label", "mark", "sentence"}, .text = 3, .label = 1}}),
       .of_glue = true,
       .files = plain_files(),
       .submission_file = "CoLA.tsv"});
  tasks.push_back({.name = "sst-2",
                   .labels = {{"negative", "0"}, {"positive", "1"}},
                   .metrics = {Metric::accuracy},
                   .text = {{"sentence", "text"}},
                   .label = {{"label", "sentiment"}},
                   .id = {index_names()},
                   .difficulty = {{"difficulty"}},
                   .layouts = sentence_layouts(),
                   .of_glue = true,
                   .files = plain_files(),
                   .submission_file = "SST-2.tsv"});
  tasks.push_back(
      {.name = "mrpc",
       .labels = {{"not_equivalent", "0"}, {"equivalent", "1"}},
       .metrics = {Metric::accuracy, Metric::f1},
       .is_pair = true,
       .text = {{"#1 String", "sentence1"}},
       .pair = {{"#2 String", "sentence2"}},
       .label = {{"Quality", "label"}},
       .id = {index_names()},
       .difficulty = {{"difficulty"}},
       .layouts = pair_layouts(
           {{.columns = {"Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"}, .text = 3, .pair = 4, .label = 0},
            {.columns = {"index", "#1 ID", "#2 ID", "#1 String", "#2 String"}, .text = 3, .pair = 4, .id = 0}}),
       .of_glue = true,
       .files = {{{"train.tsv", "msr_paraphrase_train.txt"}, {"dev.tsv"}, {"test.tsv", "msr_paraphrase_test.txt"}}},
       .submission_file = "MRPC.tsv"});
  const std::vector<std::string> sts_b_columns = {"index",   "genre",   "filename",  "year",     "old_index",
                                                  "source1", "source2", "sentence1", "sentence2"};
  std::vector<std::string> sts_b_scored = sts_b_columns;
  sts_b_scored.emplace_back("score");
  tasks.push_back({.name = "sts-b",
                   .kind = TaskKind::regression,
                   .metrics = {Metric::pearson, Metric::spearman},
                   .target_range = TargetRange{0, 5},
                   .is_pair = true,
                   .text = {{"sentence1"}},
                   .pair = {{"sentence2"}},
                   .label = {{"score", "label"}},
                   .id = {index_names()},
                   .difficulty = {{"difficulty"}},
                   .layouts = pair_layouts({{.columns = sts_b_scored, .text = 7, .pair = 8, .label = 9, .id = 0},
                                            {.columns = sts_b_columns, .text = 7, .pair = 8, .id = 0}}),
                   .of_glue = true,
                   .files = plain_files(),
                   .submission_file = "STS-B.tsv"});
  tasks.push_back(
      {.name = "qqp",
       .labels = {{"not_duplicate", "0"}, {"duplicate", "1"}},
       .metrics = {Metric::accuracy, Metric::f1},
       .is_pair = true,
       .text = {{"question1", "sentence1"}},
       .pair = {{"question2", "sentence2"}},
       .label = {{"is_duplicate", "label"}},
       .id = {index_names()},
       .difficulty = {{"difficulty"}},
       .layouts = pair_layouts({{.columns = {"id", "qid1", "qid2", "question1", "question2", "is_duplicate"},
                                 .text = 3,
                                 .pair = 4,
                                 .label = 5,
                                 .id = 0}}),
       .of_glue = true,
       .files = plain_files(),
       .submission_file = "QQP.tsv",
       // A few questions of the original have line ends in them, which cut their rows in GLUE's train.tsv, and a few
       // have no text at all. Everybody's reader leaves out the former and keeps the latter.
       .leave_out_broken_rows = true,
       .keep_empty_text = true});
  tasks.push_back(mnli("mnli", "matched", "MNLI-m.tsv"));
  tasks.push_back(mnli("mnli-mm", "mismatched", "MNLI-mm.tsv"));
  tasks.push_back({.name = "qnli",
                   .labels = two_way_entailment(),
                   .metrics = {Metric::accuracy},
                   .is_pair = true,
                   .text = {{"question", "sentence1"}},
                   .pair = {{"sentence", "sentence2"}},
                   .label = {{"label"}},
                   .id = {index_names()},
                   .difficulty = {{"difficulty"}},
                   .layouts = pair_layouts({indexed_pair()}),
                   .of_glue = true,
                   .files = plain_files(),
                   .submission_file = "QNLI.tsv"});
  for (const bool winograd : {false, true})
    tasks.push_back({.name = winograd ? "wnli" : "rte",
                     .labels = winograd ? std::vector<ClassLabel>{{"not_entailment", "0"}, {"entailment", "1"}}
                                        : two_way_entailment(),
                     .metrics = {Metric::accuracy},
                     .is_pair = true,
                     .text = {{"sentence1", "premise"}},
                     .pair = {{"sentence2", "hypothesis"}},
                     .label = {{"label"}},
                     .id = {index_names()},
                     .difficulty = {{"difficulty"}},
                     .layouts = pair_layouts({indexed_pair()}),
                     .of_glue = true,
                     .files = plain_files(),
                     .submission_file = winograd ? "WNLI.tsv" : "RTE.tsv"});
  return tasks;
}

const std::vector<Task::Definition>& tasks() {
  static const std::vector<Task::Definition> all = make_tasks();
  return all;
}

std::string plain_spelling(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c == '-' || c == '_' || c == ' ') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (plain == "mnlim" || plain == "mnlimatched") return "mnli";
  if (plain == "mnlimismatched") return "mnlimm";
  return plain;
}

}  // namespace

const Task::Definition* find_glue_task(std::string_view name) {
  const std::string wanted = plain_spelling(name);
  const auto task = std::find_if(tasks().begin(), tasks().end(),
                                 [&](const Task::Definition& each) { return plain_spelling(each.name) == wanted; });
  return task == tasks().end() ? nullptr : &*task;
}

std::vector<std::string> glue_task_names() {
  std::vector<std::string> names;
  for (const Task::Definition& task : tasks()) names.push_back(task.name);
  return names;
}

}  // namespace sharcs
