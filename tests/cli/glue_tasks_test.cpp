// Every task of GLUE through the program, on files with the columns, headers and line ends that GLUE distributes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/program.hpp"
#include "golden_folder.hpp"
#include "io/file.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal::glue_tasks_test {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::run_program;

/// Files of a task as GLUE distributes them. A row is a template: {i} is its number, {a} and {b} are sentences, {y} is
/// the label.
struct GlueLayout {
  const char* task;
  const char* header;  ///< of the training file; empty: it has none
  const char* row;
  const char* dev_header;  ///< empty: as in the training file
  const char* dev_row;
  const char* test_header;
  const char* test_row;
  std::vector<const char*> labels;
  const char* submission;
  const char* answers;  ///< pattern of a prediction
  const char* dev_file = "dev.tsv";
  const char* test_file = "test.tsv";
  const char* line_end = "\n";
};

std::ostream& operator<<(std::ostream& out, const GlueLayout& layout) { return out << layout.task; }

std::string filled(std::string row, int i, const std::string& label) {
  const auto replace = [&](const std::string& mark, const std::string& text) {
    for (std::size_t at = row.find(mark); at != std::string::npos; at = row.find(mark, at + text.size()))
      row.replace(at, mark.size(), text);
  };
  replace("{i}", std::to_string(i));
  replace("{a}", i % 2 == 0 ? "the \"film\" is good" : "no , the plot is dull");
  replace("{b}", "a story of number " + std::to_string(i));
  replace("{y}", label);
  return row;
}

class GlueTask : public ::testing::TestWithParam<GlueLayout> {
 protected:
  GlueTask() {
    const GlueLayout& layout = GetParam();
    write("train.tsv", layout.header, layout.row, 24);
    const bool same = *layout.dev_row == '\0';
    write(layout.dev_file, same ? layout.header : layout.dev_header, same ? layout.row : layout.dev_row, 8);
    write(layout.test_file, layout.test_header, layout.test_row, 5);
    // One model of MNLI answers both test sets.
    for (const char* other : {"dev_matched.tsv", "dev_mismatched.tsv"})
      if (std::string(layout.task).starts_with("mnli")) write(other, layout.dev_header, layout.dev_row, 8);
    for (const char* other : {"test_matched.tsv", "test_mismatched.tsv"})
      if (std::string(layout.task).starts_with("mnli")) write(other, layout.test_header, layout.test_row, 5);
  }

  void write(const std::string& name, const std::string& header, const char* row, int rows) {
    const GlueLayout& layout = GetParam();
    std::string text = header.empty() ? "" : header + layout.line_end;
    for (int i = 0; i < rows; ++i)
      text += filled(row, i, layout.labels[static_cast<std::size_t>(i) % layout.labels.size()]) + layout.line_end;
    std::filesystem::create_directories(folder_ / "data");
    write_file_atomically(folder_ / "data" / name, text);
  }

  TemporaryFolder folder_;
};

TEST_P(GlueTask, IsTrainedEvaluatedAndPredictedForSubmission) {
  const GlueLayout& layout = GetParam();
  const nlohmann::json config = {
      {"model",
       {{"model_type", "bert"},
        {"hidden_size", 8},
        {"num_hidden_layers", 2},
        {"num_attention_heads", 2},
        {"intermediate_size", 16},
        {"max_position_embeddings", 32},
        {"sharcs", {{"width_mult_list", {0.5, 1.0}}, {"adaptive_layer_idx", 1}, {"hidden_size_router", 8}}}}},
      {"tokenizer", {{"vocab_size", 200}}},
      {"training", {{"epochs", 2}, {"window", 1}, {"batch_size", 16}, {"max_length", 32}}}};
  write_file_atomically(folder_ / "config.json", config.dump());
  const std::string data = folder_ / "data", model = folder_ / "model";
  const auto trained = run_program({"train", "--task", layout.task, "--data", data, "--config", folder_ / "config.json",
                                    "--output", model, "--threads", "1"});
  ASSERT_EQ(trained.exit_code, 0) << trained.errors;
  EXPECT_THAT(trained.errors, HasSubstr("train: 24 "));
  EXPECT_THAT(trained.errors, HasSubstr("dev: 8 "));

  const auto evaluation = run_program({"eval", "--model", model, "--data", data, "--json"}).json();
  EXPECT_EQ(evaluation["task"], layout.task);
  EXPECT_EQ(evaluation["samples"], 8);
  const Task task = Task::named(layout.task);
  for (const Metric metric : task.metrics())
    EXPECT_TRUE(evaluation["routed"].contains(to_string(metric))) << to_string(metric);

  const auto predicted = run_program({"predict", "--model", model, "--data", data, "--split", "test",
                                      "--glue-submission", (folder_ / "submission").string() + "/"});
  ASSERT_EQ(predicted.exit_code, 0) << predicted.errors;
  std::istringstream lines(read_text_file(folder_ / "submission" / layout.submission));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "index\tprediction");
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_THAT(line, MatchesRegex(std::to_string(i) + "\t" + layout.answers));
  }
  EXPECT_FALSE(std::getline(lines, line));
}

constexpr const char* stsb_columns = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2";
constexpr const char* stsb_row = "{i}\tmain-news\theadlines\t2013\t{i}\tnone\tnone\t{a}\t{b}";
constexpr const char* mnli_columns =
    "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse\t"
    "sentence1\tsentence2";
constexpr const char* mnli_row = "{i}\t31193\t31193n\tfiction\t( x )\t( y )\t(ROOT x)\t(ROOT y)\t{a}\t{b}";
const std::string stsb_scored = std::string(stsb_columns) + "\tscore",
                  stsb_scored_row = std::string(stsb_row) + "\t{y}";
const std::string mnli_train = std::string(mnli_columns) + "\tlabel1\tgold_label",
                  mnli_train_row = std::string(mnli_row) + "\t{y}\t{y}",
                  mnli_dev = std::string(mnli_columns) + "\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label",
                  mnli_dev_row = std::string(mnli_row) + "\tneutral\tneutral\t{y}\t{y}\t{y}\t{y}";

GlueLayout mnli(const char* task, const char* submission) {
  return {task,
          mnli_train.c_str(),
          mnli_train_row.c_str(),
          mnli_dev.c_str(),
          mnli_dev_row.c_str(),
          mnli_columns,
          mnli_row,
          {"neutral", "entailment", "contradiction"},
          submission,
          "(neutral|entailment|contradiction)",
          std::string(task) == "mnli" ? "dev_matched.tsv" : "dev_mismatched.tsv",
          std::string(task) == "mnli" ? "test_matched.tsv" : "test_mismatched.tsv"};
}

INSTANTIATE_TEST_SUITE_P(All, GlueTask,
                         ::testing::Values(GlueLayout{"cola",
                                                      "",
                                                      "gj04\t{y}\t\t{a} {b}",
                                                      "",
                                                      "",
                                                      "index\tsentence",
                                                      "{i}\t{a} {b}",
                                                      {"1", "0"},
                                                      "CoLA.tsv",
                                                      "[01]"},
                                           GlueLayout{"sst-2",
                                                      "sentence\tlabel",
                                                      "{a} {b} \t{y}",
                                                      "",
                                                      "",
                                                      "index\tsentence",
                                                      "{i}\t{a} {b}",
                                                      {"1", "0"},
                                                      "SST-2.tsv",
                                                      "[01]"},
                                           GlueLayout{"mrpc",
                                                      "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String",
                                                      "{y}\t702876\t702977\t{a}\t{b}",
                                                      "",
                                                      "",
                                                      "\xEF\xBB\xBFindex\t#1 ID\t#2 ID\t#1 String\t#2 String",
                                                      "{i}\t1089874\t1089925\t{a}\t{b}",
                                                      {"1", "0"},
                                                      "MRPC.tsv",
                                                      "[01]",
                                                      "dev.tsv",
                                                      "test.tsv",
                                                      "\r\n"},
                                           GlueLayout{"sts-b",
                                                      stsb_scored.c_str(),
                                                      stsb_scored_row.c_str(),
                                                      "",
                                                      "",
                                                      stsb_columns,
                                                      stsb_row,
                                                      {"5.000", "3.250", "0.400"},
                                                      "STS-B.tsv",
                                                      "[0-5]\\.[0-9]{3}"},
                                           GlueLayout{"qqp",
                                                      "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
                                                      "{i}\t1{i}\t2{i}\t{a}\t{b}\t{y}",
                                                      "",
                                                      "",
                                                      "id\tquestion1\tquestion2",
                                                      "{i}\t{a}\t{b}",
                                                      {"0", "1"},
                                                      "QQP.tsv",
                                                      "[01]"},
                                           mnli("mnli", "MNLI-m.tsv"), mnli("mnli-mm", "MNLI-mm.tsv"),
                                           GlueLayout{"qnli",
                                                      "index\tquestion\tsentence\tlabel",
                                                      "{i}\t{a}\t{b}\t{y}",
                                                      "",
                                                      "",
                                                      "index\tquestion\tsentence",
                                                      "{i}\t{a}\t{b}",
                                                      {"entailment", "not_entailment"},
                                                      "QNLI.tsv",
                                                      "(not_)?entailment"},
                                           GlueLayout{"rte",
                                                      "index\tsentence1\tsentence2\tlabel",
                                                      "{i}\t{a}\t{b}\t{y}",
                                                      "",
                                                      "",
                                                      "index\tsentence1\tsentence2",
                                                      "{i}\t{a}\t{b}",
                                                      {"not_entailment", "entailment"},
                                                      "RTE.tsv",
                                                      "(not_)?entailment"},
                                           GlueLayout{"wnli",
                                                      "index\tsentence1\tsentence2\tlabel",
                                                      "{i}\t{a}\t{b}\t{y}",
                                                      "",
                                                      "",
                                                      "index\tsentence1\tsentence2",
                                                      "{i}\t{a}\t{b}",
                                                      {"1", "0"},
                                                      "WNLI.tsv",
                                                      "[01]"}),
                         [](const auto& task) {
                           std::string name = task.param.task;
                           std::erase(name, '-');
                           return name;
                         });

/// The dev sets of real tasks, evaluated with a model that knows nothing: every path but the learning.
class RealDevSet : public ::testing::TestWithParam<std::tuple<const char*, const char*, std::size_t>> {};

TEST_P(RealDevSet, IsEvaluatedAndPredicted) {
  const auto& [task, name, samples] = GetParam();
  const auto data = testing::data_dir() / "glue" / name;
  SHARCS_SKIP_WITHOUT(data);
  const TemporaryFolder folder;
  testing::save_tiny_model(folder / "model");
  ModelConfig config = ModelConfig::load(folder / "model" / "config.json");
  Task::named(task).store_in(config);
  Model::create(config).save(folder / "model");
  const auto evaluation =
      run_program({"eval", "--model", folder / "model", "--data", data, "--timing-rounds", "1", "--json"}).json();
  EXPECT_EQ(evaluation["task"], task);
  EXPECT_EQ(evaluation["samples"], samples);
  const auto predicted = run_program({"predict", "--model", folder / "model", "--data", data, "--split", "dev",
                                      "--output", folder / "predictions.tsv"});
  ASSERT_EQ(predicted.exit_code, 0) << predicted.errors;
  const std::string predictions = read_text_file(folder / "predictions.tsv");
  EXPECT_EQ(static_cast<std::size_t>(std::count(predictions.begin(), predictions.end(), '\n')), samples + 1);
}

INSTANTIATE_TEST_SUITE_P(Glue, RealDevSet,
                         ::testing::Values(std::tuple("cola", "CoLA", 516u), std::tuple("sst-2", "SST-2", 872u),
                                           std::tuple("mrpc", "MRPC", 1500u), std::tuple("sts-b", "STS-B", 1500u),
                                           std::tuple("qnli", "QNLI", 5463u), std::tuple("rte", "RTE", 139u),
                                           std::tuple("wnli", "WNLI", 70u)),
                         [](const auto& set) {
                           std::string name = std::get<0>(set.param);
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace sharcs::internal::glue_tasks_test
