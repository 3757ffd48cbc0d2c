#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/task.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::stored_task_test {
namespace {

/// The task that is found after the configuration has been a file.
std::optional<Task> stored_and_read(const Task& task) {
  ModelConfig config;
  task.store_in(config);
  return Task::of(ModelConfig::parse(config.to_json(), "config.json"));
}

/// A config.json of a model with the classes "bad" and "good", and this text under "sharcs_task".
std::string config_with(const std::string& stored) {
  ModelConfig config;
  config.labels = {"bad", "good"};
  auto json = nlohmann::json::parse(config.to_json());
  json["sharcs_task"] = nlohmann::json::parse(stored);
  return json.dump();
}

ModelConfig parsed(const std::string& stored) { return ModelConfig::parse(config_with(stored), "m/config.json"); }

TEST(StoredTask, EveryNamedTaskIsFoundAgain) {
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
                         .metrics = {"macro_f1"}};
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
  EXPECT_THAT(config.labels, ::testing::ElementsAre("score"));
  const std::optional<Task> task = Task::of(config);
  EXPECT_EQ(task->kind(), TaskKind::regression);
  EXPECT_THAT(task->metrics(), ::testing::ElementsAre(Metric("pearson"), Metric("spearman")));
}

TEST(StoredTask, OtherKeysOfTheConfigurationStay) {
  ModelConfig config = parsed(R"({"name": "old", "kind": "classification"})");
  config.other_keys = R"({"architectures": ["BertForSequenceClassification"], "mine": [1, 2]})";
  Task::named("cola").store_in(config);
  const auto others = nlohmann::json::parse(config.other_keys);
  EXPECT_EQ(others["architectures"][0], "BertForSequenceClassification");
  const auto json = nlohmann::json::parse(config.to_json());
  EXPECT_EQ(json["sharcs_task"]["name"], "cola");
  EXPECT_EQ(json["mine"], nlohmann::json({1, 2}));
}

TEST(StoredTask, IsATypedValueOfTheConfiguration) {
  const ModelConfig glue = parsed(R"({"benchmark": "glue", "name": "sst-2"})");
  EXPECT_EQ(glue.task, (TaskSpec{.benchmark = Benchmark::glue, .name = "sst-2"}));
  EXPECT_EQ(glue.other_keys, "{}");
  const TaskSpec tickets = {.name = "tickets",
                            .kind = TaskKind::regression,
                            .text = Column::at(3),
                            .pair = Column("answer"),
                            .format = TableFormat::json_lines,
                            .metrics = {"spearman"}};
  EXPECT_EQ(parsed(R"({"name": "tickets", "kind": "regression", "text": 3, "pair": "answer", "label": "label",
                       "format": "jsonl", "quoting": "automatic", "header": "automatic", "metrics": ["spearman"]})")
                .task,
            tickets);
}

TEST(StoredTask, IsWrittenAsItAlwaysWas) {
  const auto stored = [](const Task& task) {
    ModelConfig config;
    task.store_in(config);
    return nlohmann::ordered_json::parse(config.to_json())["sharcs_task"].dump();
  };
  EXPECT_EQ(stored(Task::named("STS-B")), R"({"benchmark":"glue","name":"sts-b"})");
  EXPECT_EQ(stored(Task::custom({.text = Column::at(2), .id = Column("n"), .labels = {"x", "y"}})),
            R"({"name":"own data","kind":"classification","text":2,"label":"label","id":"n","format":"by_extension",)"
            R"("quoting":"automatic","header":"automatic","metrics":["accuracy","f1","matthews"]})");
}

TEST(StoredTask, IsAbsentWhereNobodyStoredOne) { EXPECT_FALSE(Task::of(ModelConfig())); }

TEST(StoredTask, NamesTheFileAndKeyOfWhatIsNoTask) {
  const auto message = [](const std::string& stored) {
    return message_of<ConfigError>([&] { Task::of(parsed(stored), "m/config.json"); });
  };
  EXPECT_EQ(message("3"), "m/config.json: \"sharcs_task\" is 3; expected an object");
  EXPECT_EQ(message(R"({"benchmark": "superglue"})"),
            "m/config.json: \"sharcs_task.benchmark\" is \"superglue\"; expected \"glue\"");
  EXPECT_THAT(message(R"({"benchmark": "glue", "name": "x"})"),
              ::testing::StartsWith("m/config.json: unknown task \"x\"; expected one of cola"));
  EXPECT_THAT(message(R"({"benchmark": "glue", "name": "sst-2"})"),
              ::testing::StartsWith("m/config.json: the labels \"bad\", \"good\" are not those of task \"sst-2\""));
  EXPECT_EQ(message(R"({"name": "x"})"),
            "m/config.json: \"sharcs_task.kind\" is absent; expected one of classification, regression, multi_label, "
            "token_classification, question_answering, masked_lm");
  EXPECT_EQ(message(R"({"kind": "ranking"})"),
            "m/config.json: \"sharcs_task.kind\" is \"ranking\"; expected one of classification, regression, "
            "multi_label, token_classification, question_answering, masked_lm");
  EXPECT_EQ(message(R"({"kind": "classification", "text": 0})"),
            "m/config.json: \"sharcs_task.text\" is 0; expected the name of a column, or its position from 1");
  EXPECT_EQ(message(R"({"kind": "classification", "format": "xml"})"),
            "m/config.json: \"sharcs_task.format\" is \"xml\"; expected one of by_extension, tsv, csv, jsonl, "
            "fasttext, conll");
}

}  // namespace
}  // namespace sharcs::internal::stored_task_test
