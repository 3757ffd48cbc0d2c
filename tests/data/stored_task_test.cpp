#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/task.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal {
namespace {

/// What of() finds after the configuration has been a file.
std::optional<Task> stored_and_read(const Task& task) {
  ModelConfig config;
  task.store_in(config);
  return Task::of(ModelConfig::parse(config.to_json(), "config.json"));
}

ModelConfig config_with(const std::string& stored) {
  ModelConfig config;
  config.labels = {"bad", "good"};
  config.other_keys = R"({"sharcs_task": )" + stored + "}";
  return config;
}

TEST(StoredTask, EveryGlueTaskIsFoundAgain) {
  for (const std::string& name : Task::names()) {
    const std::optional<Task> task = stored_and_read(Task::named(name));
    ASSERT_TRUE(task) << name;
    EXPECT_EQ(task->name(), name);
    EXPECT_EQ(task->labels(), Task::named(name).labels());
    EXPECT_EQ(task->submission_file(), Task::named(name).submission_file());
  }
}

TEST(StoredTask, KeepsTheModelsOrderOfLabels) {
  const Task task = Task::named("rte").with_label_order({"not_entailment", "entailment"});
  EXPECT_EQ(stored_and_read(task)->labels(), task.labels());
}

TEST(StoredTask, DataOfOnesOwnAreReadAsBefore) {
  const TaskSpec spec = {.name = "tickets",
                         .text = Column::at(3),
                         .pair = Column("answer"),
                         .label = "queue",
                         .id = Column::at(1),
                         .difficulty = Column("level"),
                         .format = TableFormat::csv,
                         .quoting = Quoting::rfc4180,
                         .header = Header::yes,
                         .labels = {"billing", "delivery", "other"},
                         .metrics = {Metric::macro_f1}};
  const std::optional<Task> task = stored_and_read(Task::custom(spec));
  ASSERT_TRUE(task);
  EXPECT_EQ(task->name(), "tickets");
  EXPECT_EQ(task->labels(), spec.labels);
  EXPECT_EQ(task->metrics(), spec.metrics);
  const TemporaryFolder folder;
  write_file_atomically(folder / "dev.data", "n,queue,body,answer,level\n7,other,\"a, b\",c,2\n");
  const Dataset dataset = task->read_file(folder / "dev.data", Split::dev);
  ASSERT_EQ(dataset.size(), 1u);
  EXPECT_EQ(dataset.samples[0].text, "a, b");
  EXPECT_EQ(dataset.samples[0].pair, "c");
  EXPECT_EQ(dataset.samples[0].label, 2);
  EXPECT_EQ(dataset.samples[0].id, "7");
  EXPECT_EQ(dataset.samples[0].difficulty, 2);
}

TEST(StoredTask, RegressionsHaveOneOutputCalledScore) {
  ModelConfig config;
  Task::custom({.kind = TaskKind::regression}).store_in(config);
  EXPECT_THAT(config.labels, testing::ElementsAre("score"));
  const std::optional<Task> task = Task::of(config);
  EXPECT_EQ(task->kind(), TaskKind::regression);
  EXPECT_THAT(task->metrics(), testing::ElementsAre(Metric::pearson, Metric::spearman));
}

TEST(StoredTask, OtherKeysOfTheConfigurationStay) {
  ModelConfig config;
  config.other_keys = R"({"architectures": ["BertForSequenceClassification"], "sharcs_task": {"name": "old"}})";
  Task::named("cola").store_in(config);
  const auto others = nlohmann::json::parse(config.other_keys);
  EXPECT_EQ(others["architectures"][0], "BertForSequenceClassification");
  EXPECT_EQ(others["sharcs_task"]["name"], "cola");
}

TEST(StoredTask, IsAbsentWhereNobodyStoredOne) { EXPECT_FALSE(Task::of(ModelConfig())); }

TEST(StoredTask, NamesTheFileAndKeyOfWhatIsNoTask) {
  const auto message = [](const std::string& stored) {
    return message_of<ConfigError>([&] { Task::of(config_with(stored), "m/config.json"); });
  };
  EXPECT_EQ(message("3"), "m/config.json: \"sharcs_task\" is a JSON number; expected an object");
  EXPECT_EQ(message(R"({"benchmark": "superglue"})"),
            "m/config.json: \"sharcs_task.benchmark\" is \"superglue\"; expected \"glue\"");
  EXPECT_THAT(message(R"({"benchmark": "glue", "name": "x"})"),
              testing::StartsWith("m/config.json: unknown task \"x\"; expected one of cola"));
  EXPECT_THAT(message(R"({"benchmark": "glue", "name": "sst-2"})"),
              testing::StartsWith("m/config.json: the labels \"bad\", \"good\" are not those of task \"sst-2\""));
  EXPECT_EQ(message(R"({"name": "x"})"),
            "m/config.json: \"sharcs_task.kind\" is absent; expected \"classification\" or \"regression\"");
  EXPECT_EQ(message(R"({"kind": "ranking"})"),
            "m/config.json: \"sharcs_task.kind\" is \"ranking\"; expected one of classification, regression");
  EXPECT_EQ(message(R"({"kind": "classification", "text": 0})"),
            "m/config.json: \"sharcs_task.text\" is 0; expected the name of a column, or its position from 1");
  EXPECT_EQ(message(R"({"kind": "classification", "format": "xml"})"),
            "m/config.json: the format is \"xml\"; expected one of by_extension, tsv, csv, jsonl");
}

}  // namespace
}  // namespace sharcs::internal
