#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "data/metrics.hpp"
#include "expect_error.hpp"
#include "model/predicted_label.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::multi_label_data_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MultiLabelData : public ::testing::Test {
 protected:
  static TaskSpec spec() { return {.kind = TaskKind::multi_label, .label = "labels"}; }

  std::filesystem::path write(const std::string& name, std::string_view content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }
  TrainingData read(const TaskSpec& spec, const std::string& name, std::string_view content,
                    const ReadOptions& options = {}) {
    const auto file = write(name, content);
    return read_training_data(spec, {.train = file, .dev = file, .read = options});
  }
  std::string error(const TaskSpec& spec, const std::string& name, std::string_view content) {
    std::string message = message_of<DataError>([&] { read(spec, name, content); });
    const std::string prefix = folder_.path().string() + "/";
    for (auto at = message.find(prefix); at != std::string::npos; at = message.find(prefix))
      message.erase(at, prefix.size());
    return message;
  }
  static std::vector<int> sets_of(const Dataset& dataset) {
    std::vector<int> sets;
    for (const Sample& sample : dataset.samples) sets.push_back(sample.label.value_or(-1));
    return sets;
  }

  TemporaryFolder folder_;
};

TEST_F(MultiLabelData, CellsOfTablesHoldLabelsWithASeparatorAndEmptyOnesNone) {
  const TrainingData tsv = read(spec(), "a.tsv", "text\tlabels\na\tsport,news\nb\t\nc\tnews\nd\t art , sport \n");
  EXPECT_THAT(tsv.task.labels(), ElementsAre("art", "news", "sport"));
  EXPECT_THAT(sets_of(tsv.train), ElementsAre(0b110, 0, 0b010, 0b101));
  EXPECT_EQ(tsv.task.outputs(), 3u);
  TaskSpec bars = spec();
  bars.label_separator = '|';
  const TrainingData csv = read(bars, "a.csv", "text,labels\na,10|2\nb,2\nc,\"1|10\"\n");
  EXPECT_THAT(csv.task.labels(), ElementsAre("1", "2", "10"));
  EXPECT_THAT(sets_of(csv.train), ElementsAre(0b110, 0b010, 0b101));
}

TEST_F(MultiLabelData, JsonLinesHoldLists) {
  const TrainingData data =
      read(spec(), "a.jsonl",
           "{\"text\": \"a\", \"labels\": [\"x,y\", 3, true]}\n{\"text\": \"b\", \"labels\": []}\n"
           "{\"text\": \"c\", \"labels\": \"3\"}\n");
  EXPECT_THAT(data.task.labels(), ElementsAre("3", "true", "x,y"));  // an element is a label as it is
  EXPECT_THAT(sets_of(data.train), ElementsAre(0b111, 0, 0b001));
}

TEST_F(MultiLabelData, FastTextLinesHoldSeveralLabels) {
  TaskSpec lines = spec();
  lines.label = "label";
  lines.format = TableFormat::fasttext;
  const TrainingData data = read(lines, "a.txt", "__label__b __label__a a gem\n__label__b\ta mess\n");
  EXPECT_THAT(data.task.labels(), ElementsAre("a", "b"));
  EXPECT_THAT(sets_of(data.train), ElementsAre(0b11, 0b10));
  EXPECT_EQ(data.train.samples[0].text, "a gem");
  EXPECT_EQ(error(lines, "b.txt", "__label__b x\n__label__a y\nz\n"), "b.txt:3: no labels under \"label\"");
}

TEST_F(MultiLabelData, BrokenLabelsNameTheirLine) {
  EXPECT_EQ(error(spec(), "a.tsv", "text\tlabels\na\tx\nb\tx,,y\n"),
            "a.tsv:3: the labels under \"labels\" are \"x,,y\", with an empty one between the others; expected labels");
  EXPECT_EQ(error(spec(), "a.tsv", "text\tlabels\na\tx\nb\ty,\n"),
            "a.tsv:3: the labels under \"labels\" are \"y,\", with an empty one between the others; expected labels");
  const std::string first = "{\"text\": \"a\", \"labels\": [\"x\", \"y\"]}\n{\"text\": \"b\"";
  EXPECT_EQ(error(spec(), "a.jsonl", first + ", \"labels\": {\"x\": 1}}\n"),
            "a.jsonl:2: the labels under \"labels\" are an object; expected a list of labels");
  EXPECT_EQ(error(spec(), "a.jsonl", first + ", \"labels\": [[\"x\"]]}\n"),
            "a.jsonl:2: the labels under \"labels\" have [\"x\"]; expected a label");
  EXPECT_EQ(error(spec(), "a.jsonl", first + ", \"labels\": [null]}\n"),
            "a.jsonl:2: the labels under \"labels\" have null; expected a label");
  EXPECT_EQ(error(spec(), "a.jsonl", first + "}\n"),
            "a.jsonl:2: no labels under \"labels\"; expected a list, [] for none");
  TaskSpec known = spec();
  known.labels = {"x", "y"};
  EXPECT_EQ(error(known, "a.tsv", "text\tlabels\na\tx\nb\ty,z\n"),
            "a.tsv:3: unknown label \"z\"; expected some of \"x\", \"y\"");
  EXPECT_EQ(error(spec(), "a.tsv", "text\tlabels\na\tx,y\nb\ty,x\n"),
            "a.tsv: all 2 samples have the same labels; training needs samples with different ones");
}

TEST_F(MultiLabelData, FirstRowsOfLabelsAndHeadersAreToldApart) {
  TaskSpec places = spec();
  places.text = Column::at(1);
  places.label = Column::at(2);
  EXPECT_EQ(read(places, "a.tsv", "one\tx,y\ntwo\ty\nthree\tx\n").train.size(), 3u);
  EXPECT_EQ(read(places, "a.tsv", "text\ttags\ntwo\ty\nthree\tx,y\n").train.size(), 2u);
  EXPECT_THAT(error(places, "a.tsv", "one\tx,z\ntwo\ty\nthree\tx\n"), HasSubstr("\"z\" occurs on no other line"));
}

TEST_F(MultiLabelData, MoreLabelsThanASetHoldsAreRefusedByName) {
  TaskSpec many = spec();
  for (int i = 0; i < 32; ++i) many.labels.push_back("l" + std::to_string(i));
  EXPECT_EQ(message_of<ConfigError>([&] { Task::custom(many); }),
            "task \"own data\" has 32 labels; a multi-label task has at most 31");
  many.labels.pop_back();
  EXPECT_EQ(Task::custom(many).outputs(), 31u);
  many.metrics = {"accuracy"};
  EXPECT_EQ(message_of<ConfigError>([&] { Task::custom(many); }),
            "task \"own data\" is a multi_label; accuracy is not a metric of it");
}

TEST_F(MultiLabelData, TheTaskIsStoredWithTheModelAndFoundAgain) {
  TaskSpec described = spec();
  described.labels = {"x", "y"};
  described.label_separator = '|';
  described.label_threshold = 0.3;
  ModelConfig config;
  Task::custom(described).store_in(config);
  EXPECT_TRUE(config.multi_label);
  const ModelConfig read = ModelConfig::parse(config.to_json(), "config.json");
  EXPECT_TRUE(read.multi_label);
  EXPECT_EQ(read.label_threshold, 0.3);
  EXPECT_EQ(read.task->label_separator, '|');
  const std::optional<Task> task = Task::of(read);
  ASSERT_TRUE(task);
  EXPECT_EQ(task->kind(), TaskKind::multi_label);
  ModelConfig other = read;
  other.multi_label = false;
  EXPECT_THAT(message_of<ConfigError>([&] { Task::of(other); }), HasSubstr("\"sharcs_task\" is a multi_label"));
}

TEST_F(MultiLabelData, ASplitGivesEveryCombinationItsShareAndRareOnesTogether) {
  Dataset dataset;
  dataset.file = "a";
  dataset.multi_label = true;
  for (int i = 0; i < 100; ++i) dataset.samples.push_back({.text = "t", .label = i < 60 ? 0b01 : i < 90 ? 0b11 : i});
  const TrainAndDev parts = split_stratified(dataset, {.dev_share = 0.2});
  EXPECT_EQ(std::ranges::count(sets_of(parts.dev), 0b01), 12);
  EXPECT_EQ(std::ranges::count(sets_of(parts.dev), 0b11), 6);
  EXPECT_EQ(parts.dev.size(), 20u);  // two of the ten combinations that occur once
  EXPECT_TRUE(parts.train.multi_label && parts.dev.multi_label);
  Dataset counted;
  counted.samples = {{.text = "t", .label = 0b101}, {.text = "u", .label = 0b100}};
  counted.multi_label = true;
  EXPECT_THAT(label_counts(counted, 3), ElementsAre(1u, 0u, 2u));
}

TEST(MultiLabelMetrics, AreThoseOfScikitLearn) {
  // sklearn.metrics of y_true [[1,0,1],[0,1,0],[0,0,0],[1,1,0]] and y_pred [[1,0,0],[0,1,1],[0,0,0],[1,1,0]]:
  // accuracy_score 0.5, f1_score micro 0.8, macro (1 + 1 + 0) / 3.
  const std::vector<int> truth = {0b101, 0b010, 0, 0b011}, predicted = {0b001, 0b110, 0, 0b011};
  const auto value = [&](const char* metric) {
    return measure(Metric(metric), std::span<const int>(truth), std::span<const int>(predicted));
  };
  EXPECT_DOUBLE_EQ(value("exact_match"), 0.5);
  EXPECT_DOUBLE_EQ(value("micro_f1"), 0.8);
  EXPECT_DOUBLE_EQ(value("label_macro_f1"), 2.0 / 3);
  const std::vector<int> nothing = {0, 0};
  EXPECT_EQ(measure(Metric("micro_f1"), std::span<const int>(nothing), std::span<const int>(nothing)), 0);
  EXPECT_EQ(measure(Metric("label_macro_f1"), std::span<const int>(nothing), std::span<const int>(nothing)), 0);
}

TEST(LabelMap, GivesTheDataTheTasksNames) {
  TemporaryFolder folder;
  std::ofstream(folder / "a.tsv") << "text\tlabel\na\tpositive\nb\tnegative\nc\t1\n";
  const Task task = Task::custom({.labels = {"0", "1"}});
  const ReadOptions options = {.label_map = {{"positive", "1"}, {"negative", "0"}}};
  const Dataset dataset = task.read_file(folder / "a.tsv", Split::dev, options);
  EXPECT_EQ(dataset.samples[0].label, 1);
  EXPECT_EQ(dataset.samples[1].label, 0);
  EXPECT_EQ(dataset.samples[2].label, 1);
  const TrainingData found =
      read_training_data({}, {.train = folder / "a.tsv", .dev = folder / "a.tsv", .read = options});
  EXPECT_THAT(found.task.labels(), ElementsAre("0", "1"));
  // Without the map they are refused where they are needed, and left aside with a note where they are not.
  EXPECT_THAT(message_of<DataError>([&] { task.read_file(folder / "a.tsv", Split::test); }),
              HasSubstr("a.tsv:2: unknown label \"positive\"; expected one of \"0\", \"1\""));
  const Dataset aside = task.read_file(folder / "a.tsv", Split::test, {.needs_labels = false});
  ASSERT_EQ(aside.size(), 3u);
  for (const Sample& sample : aside.samples) EXPECT_FALSE(sample.label);
  ASSERT_EQ(aside.notes.size(), 1u);
  EXPECT_THAT(aside.notes[0], HasSubstr("the labels were not compared: "));
  EXPECT_THAT(aside.notes[0], HasSubstr("a.tsv:2: unknown label \"positive\""));
}

}  // namespace
}  // namespace sharcs::internal::multi_label_data_test
