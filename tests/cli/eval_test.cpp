#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "cli/program.hpp"
#include "data/synthetic.hpp"
#include "eval/recorded_evaluation.hpp"
#include "io/file.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal::eval_test {
namespace {

using ::testing::ContainsRegex;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::run_program;
using ::testing::StartsWith;

class Eval : public ::testing::Test {
 protected:
  Eval() {
    testing::save_tiny_sst2_model(model());
    SyntheticData::generate({.train = 10, .dev = 50, .test = 0}).save(data());
  }
  std::string model() const { return folder_ / "model"; }
  std::string data() const { return folder_ / "data"; }
  std::string file(const std::string& name, const std::string& text) const {
    write_file_atomically(folder_ / name, text);
    return folder_ / name;
  }
  testing::ProgramRun eval(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"eval", "--model", model(), "--timing-rounds", "1"});
    return run_program(arguments);
  }

  TemporaryFolder folder_;
};

TEST_F(Eval, NeedsNoTaskForAModelThatKnowsIts) {
  const auto json = eval({"--data", data(), "--json"}).json();
  EXPECT_EQ(json["task"], "sst-2");
  EXPECT_EQ(json["split"], "dev");
  EXPECT_EQ(json["samples"], 50);
  EXPECT_EQ(json["full"]["cost_fraction"], 1);
  int samples = 0;
  double right = 0;
  for (const auto& width : json["answers"]) {
    samples += width["samples"].get<int>();
    if (width["samples"] > 0) right += width["samples"].get<double>() * width["routed"]["accuracy"].get<double>();
  }
  EXPECT_EQ(samples, 50);
  EXPECT_NEAR(right / 50, json["routed"]["accuracy"]["value"].get<double>(), 1e-12);
  EXPECT_EQ(json["answers"][2]["all"]["accuracy"], json["full"]["accuracy"]["value"]);
  EXPECT_LE(json["routed"]["accuracy"]["low"], json["routed"]["accuracy"]["value"]);
  EXPECT_EQ(json["confusion"][0][0].get<int>() + json["confusion"][0][1].get<int>(), 25);
}

TEST_F(Eval, DoesNotWriteOverWhatItReads) {
  const std::string dev = std::filesystem::path(data()) / "dev.tsv";
  const std::string before = read_text_file(dev);
  for (const char* option : {"--output", "--predictions"}) {
    EXPECT_THAT(error_of(eval({"--task", "sst-2", "--file", dev, option, dev}), 2),
                HasSubstr(": is what the command reads; expected another place"));
    EXPECT_THAT(error_of(eval({"--data", data(), option, model() + "/model.safetensors"}), 2),
                HasSubstr("model.safetensors: is what the command reads"));
  }
  EXPECT_EQ(read_text_file(dev), before);
}

TEST_F(Eval, WritesWhatAReportIsDrawnFrom) {
  const std::string output = folder_ / "model/recording.json";
  const auto json = eval({"--data", data(), "--output", output, "--json"}).json();
  const RecordedEvaluation file = RecordedEvaluation::load(output);
  EXPECT_EQ(file.recording.model, model());
  EXPECT_EQ(file.policy, "router");
  EXPECT_EQ(file.recording.size(), 50u);
  EXPECT_FALSE(file.latency.empty());
  ASSERT_EQ(file.calls.size(), 2u);
  EXPECT_EQ(file.calls[0].calls, 50) << "one for each sample";
  EXPECT_EQ(file.calls[1].calls, 1) << "50 samples have one whole call of 32";
  EXPECT_EQ(json["calls"][1]["policy"]["p50"], file.calls[1].policy.p50);
  ASSERT_GT(file.points.size(), 5u) << "the routing, three fixed widths and other baselines";
  EXPECT_EQ(file.points[0].name, "routed");
  EXPECT_EQ(file.points[0].score.value, json["routed"]["accuracy"]["value"]);
  EXPECT_TRUE(file.points[1].lead.has_value());
  EXPECT_EQ(run_program({"report", model()}).exit_code, 0);
}

TEST_F(Eval, TellsHowLongCallsOfOneAndOf32SamplesTake) {
  EXPECT_THAT(eval({"--data", data()}).output,
              ContainsRegex("\n *calls of +calls +p50 +p95 +p99 +full width: p50 +p95 +p99 +time\n"
                            "1 sample +50 .*\n32 samples +1 "));
  EXPECT_THAT(eval({"--data", data(), "--call-seconds", "0"}).output, Not(HasSubstr("calls of")));
}

TEST_F(Eval, TriesAnotherPolicyOnARecordingWithoutTheModel) {
  const std::string recording = folder_ / "dev.json";
  eval({"--data", data(), "--output", recording});
  const auto with_model = eval({"--data", data(), "--policy", "cascade:0.8", "--json"}).json();
  std::filesystem::remove_all(model());
  const auto json = run_program({"eval", "--recording", recording, "--policy", "cascade:0.8", "--json"}).json();
  EXPECT_EQ(json["policy"], "cascade 0.8");
  EXPECT_EQ(json["answers"], with_model["answers"]);
  EXPECT_EQ(json["routed"]["accuracy"], with_model["routed"]["accuracy"]);
  EXPECT_THAT(error_of(run_program({"eval", "--recording", recording, "--data", data()}), 2),
              StartsWith("--recording has the model's answers already; leave out --data"));
}

TEST_F(Eval, ComparesTheRouterWithOtherWaysOfChoosingWidths) {
  EXPECT_FALSE(eval({"--data", data(), "--json"}).json().contains("comparison"));
  const auto json = eval({"--data", data(), "--compare", "--json"}).json();
  const auto& list = json["comparison"];
  std::vector<std::string> names;
  for (const auto& entry : list) names.push_back(entry["name"]);
  ASSERT_EQ(names.size(), 8u);
  EXPECT_THAT(names[6], StartsWith("mix of fixed "));
  names.erase(names.begin() + 6);
  EXPECT_EQ(names, (std::vector<std::string>{"routed", "random", "by length", "fixed 0.25", "fixed 0.5", "fixed 1",
                                             "oracle"}));
  const auto& routed = list[0];
  EXPECT_EQ(routed["score"]["value"], json["routed"]["accuracy"]["value"]);
  EXPECT_EQ(routed["metrics"]["accuracy"], json["routed"]["accuracy"]["value"]);
  EXPECT_FALSE(routed.contains("lead"));
  EXPECT_EQ(list[5]["baseline"], "fixed");
  EXPECT_EQ(list[5]["cost_fraction"], 1);
  for (std::size_t i = 1; i < list.size(); ++i) {
    const auto& lead = list[i]["lead"];
    EXPECT_NEAR(lead["value"].get<double>(),
                routed["score"]["value"].get<double>() - list[i]["score"]["value"].get<double>(), 1e-12);
    EXPECT_LE(lead["low"], lead["value"]);
    EXPECT_GE(lead["high"], lead["value"]);
  }
  for (std::size_t width = 0; width < 3; ++width)
    EXPECT_NEAR(list[1]["shares"][width].get<double>(), routed["shares"][width].get<double>(), 1e-12);

  const auto text = eval({"--data", data(), "--compare"}).output;
  for (const char* part : {"\nwidths chosen ", "routed leads by", "\nrandom ", "\nby length ", "\nfixed 0.25 ",
                           "\nmix of fixed ", "\noracle "})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(eval({"--data", data()}).output, Not(HasSubstr("oracle")));
}

TEST_F(Eval, ComparesAModelWithoutRouterWithItself) {
  testing::save_tiny_model(model(), [](ModelConfig& config) {
    Task::named("sst-2").store_in(config);
    config.max_position_embeddings = 32;
    config.sharcs.reset();
  });
  const auto list = eval({"--data", data(), "--compare", "--json"}).json()["comparison"];
  for (const auto& entry : list) {
    EXPECT_EQ(entry["cost_fraction"], 1);
    EXPECT_EQ(entry["score"]["value"], list[0]["score"]["value"]);
  }
}

TEST_F(Eval, TellsTheLevelsOfDifficulty) {
  const auto json = eval({"--data", data(), "--json"}).json();
  ASSERT_EQ(json["difficulty"]["levels"].size(), 5u);
  EXPECT_EQ(json["difficulty"]["hard"], nlohmann::json({3, 4}));
  EXPECT_GE(json["difficulty"]["router_auc"], 0);
  const auto text = eval({"--data", data()}).output;
  for (const char* part :
       {"sst-2, dev: 50 sentences of", "routed by router", "\nfull width ", "\ndifficulty ",
        "AUC of the router's logit for width 1, difficulty 3, 4 against 0, 1: ", "true \\ predicted"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST_F(Eval, PolicyIsObeyed) {
  const auto json = eval({"--data", data(), "--policy", "fixed:0.5", "--json"}).json();
  EXPECT_EQ(json["answers"][1]["samples"], 50);
  EXPECT_EQ(json["policy"], "fixed 0.5");
  EXPECT_EQ(json["routed"]["cost_fraction"], json["answers"][1]["cost_fraction"]);
}

TEST_F(Eval, ACascadeTellsHowManySamplesWereAskedForEachAnswer) {
  const auto json = eval({"--data", data(), "--policy", "cascade:1", "--json"}).json();
  const auto routed = eval({"--data", data(), "--policy", "router", "--json"}).json();
  for (std::size_t w = 0; w < 3; ++w) {
    EXPECT_EQ(routed["answers"][w]["asked"], routed["answers"][w]["samples"]);
    EXPECT_EQ(json["answers"][w]["asked"], 50);
    EXPECT_EQ(json["answers"][w]["samples"], w == 2 ? 50 : 0) << "no answer is ever as probable as 1";
  }
  EXPECT_THAT(eval({"--data", data(), "--policy", "cascade:1"}).output, HasSubstr("\nanswer  asked  samples "));
  EXPECT_THAT(eval({"--data", data()}).output, HasSubstr("\nanswer  samples "));
}

TEST_F(Eval, SaysHowManySamplesWereCut) {
  const std::string dev = file("long.tsv", "sentence\tlabel\nshort\t1\n" + std::string(200, 'a') +
                                               "\t0\na b c d e f g h i j k l m n o p q r "
                                               "s t u v w x y z a b c d e f g h\t1\n");
  EXPECT_EQ(eval({"--file", dev, "--json"}).json()["truncated"], 1);
  EXPECT_THAT(eval({"--file", dev}).output, HasSubstr("1 sample longer than 32 tokens, and cut there"));
}

TEST_F(Eval, DataThatCannotBeUsedAreNamedWithTheirLine) {
  EXPECT_EQ(
      error_of(eval({"--file", file("a.tsv", "sentence\tlabel\ngood\t2\n")})),
      (folder_ / "a.tsv").string() + ":2: unknown label \"2\"; expected one of \"0\" (negative), \"1\" (positive)");
  EXPECT_EQ(error_of(eval({"--file", file("b.tsv", "sentence\tlabel\ngood\t1\nbad\t0\tx\n")})),
            (folder_ / "b.tsv").string() + ":3: expected 2 columns (sentence, label), found 3");
  EXPECT_THAT(error_of(eval({"--file", file("c.tsv", "")})), StartsWith((folder_ / "c.tsv").string() + ": "));
  EXPECT_THAT(error_of(eval({"--file", file("d.tsv", "sentence\tlabel\nb\xff\t1\n")})),
              StartsWith((folder_ / "d.tsv").string() + ":2: 0xff at byte 2 of the line is not UTF-8"));
  const auto replaced = eval({"--file", folder_ / "d.tsv", "--invalid-text", "replace"});
  EXPECT_EQ(replaced.exit_code, 0);
  EXPECT_THAT(replaced.output, HasSubstr("replaced 1 ill-formed UTF-8 sequence"));
  EXPECT_THAT(error_of(eval({"--data", folder_ / "model"})), HasSubstr("no dev.tsv; found"));
}

TEST_F(Eval, OwnColumnsNeedNoGlue) {
  const std::string own = file("own.csv", "body,verdict\n\"good, really\",positive\nbad,negative\n");
  const auto json = eval({"--file", own, "--text-column", "body", "--label-column", "verdict", "--json"}).json();
  EXPECT_EQ(json["task"], "own data");
  EXPECT_EQ(json["samples"], 2);
}

TEST_F(Eval, TaskMustFitTheModel) {
  EXPECT_EQ(error_of(eval({"--data", data(), "--task", "mnli"})),
            model() + "/config.json: the model has 2 outputs; task \"mnli\" needs 3");
  EXPECT_THAT(error_of(eval({"--data", data(), "--task", "rte"})),
              HasSubstr("the labels \"negative\", \"positive\" are not those of task \"rte\""));
  EXPECT_THAT(error_of(eval({"--data", data(), "--task", "sst-3"})),
              StartsWith("unknown task \"sst-3\"; expected one of cola, sst-2"));
}

TEST_F(Eval, TellsPrecisionAndRecallOfEachClassAndEachPrediction) {
  const std::string file = folder_ / "predictions.tsv";
  const auto json = eval({"--data", data(), "--json", "--predictions", file}).json();
  std::istringstream lines(read_text_file(file));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "line\ttrue\tpredicted\tanswer\ttext");
  std::map<std::string, double> samples, predicted, right;
  std::size_t count = 0;
  for (; std::getline(lines, line); ++count) {
    std::istringstream cells(line);
    std::string place, truth, answer;
    cells >> place >> truth >> answer;
    EXPECT_EQ(place, std::to_string(count + 2));
    ++samples[truth];
    ++predicted[answer];
    right[truth] += truth == answer;
  }
  EXPECT_EQ(count, 50u);
  ASSERT_EQ(json["classes"].size(), 2u);
  for (const auto& each : json["classes"]) {
    const std::string name = each["name"];
    EXPECT_EQ(each["samples"], samples[name]);
    EXPECT_EQ(each["recall"], right[name] / samples[name]);
    if (predicted[name] > 0) {
      EXPECT_EQ(each["precision"], right[name] / predicted[name]);
    }
    EXPECT_NEAR(each["f1"].get<double>(), 2 * right[name] / (samples[name] + predicted[name]), 1e-12);
  }
  EXPECT_THAT(eval({"--data", data()}).output, HasSubstr("precision"));
}

}  // namespace
}  // namespace sharcs::internal::eval_test
