#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal::quantize_test {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::last_error_of;
using testing::run_program;

class Quantize : public ::testing::Test {
 protected:
  Quantize() { testing::save_tiny_sst2_model(folder_ / "model"); }
  testing::ProgramRun quantize(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"quantize", folder_ / "model"});
    return run_program(arguments);
  }
  std::string folder(const std::string& name) const { return folder_ / name; }

  TemporaryFolder folder_;
};

TEST_F(Quantize, StoresAModelThatAnswersAsTheOldOneDoesInInt8) {
  const auto run = quantize({"--precision", "int8", "--output", folder("new")});
  EXPECT_EQ(run.errors, "");
  EXPECT_THAT(run.output, HasSubstr("full width on 16 sentences (built-in sentences): logits "));
  EXPECT_THAT(run.output, HasSubstr("largest errors"));
  EXPECT_THAT(run.output, HasSubstr("dense.weight"));
  const auto predict = [&](const std::string& model, std::vector<std::string> more) {
    more.insert(more.begin(), {"predict", "--model", folder(model), "--text", "the film was superb", "--json"});
    return run_program(more);
  };
  const auto stored = predict("new", {}), quantized = predict("model", {"--precision", "int8"});
  EXPECT_EQ(stored.exit_code, 0) << stored.errors;
  EXPECT_EQ(stored.output, quantized.output);
  EXPECT_NE(stored.output, predict("model", {}).output);
  EXPECT_EQ(predict("new", {"--precision", "int8"}).output, stored.output);
  EXPECT_THAT(error_of(predict("new", {"--precision", "fp32"})), HasSubstr("holds int8 weights; expected fp32 ones"));
}

TEST_F(Quantize, StoredModelIsEvaluatedAndCalibratedButNotTrainedFurther) {
  ASSERT_EQ(quantize({"--output", folder("new")}).exit_code, 0);
  write_file_atomically(folder_ / "dev.tsv",
                        "sentence\tlabel\na gem\t1\na mess\t0\nsuperb\t1\ndull\t0\nfine\t1\nbad\t0\n");
  const auto eval = run_program({"eval", "--model", folder("new"), "--file", folder("dev.tsv"), "--json"});
  ASSERT_EQ(eval.exit_code, 0) << eval.errors;
  EXPECT_EQ(eval.output.find("nan"), std::string::npos);
  const auto calibrated = run_program(
      {"calibrate", "--model", folder("new"), "--file", folder("dev.tsv"), "--budget", "0.9", "--folds", "2"});
  EXPECT_EQ(calibrated.exit_code, 0) << calibrated.errors;
  EXPECT_THAT(calibrated.output, HasSubstr("is now"));
  EXPECT_THAT(last_error_of(run_program({"train", "--init", folder("new"), "--task", "sst-2", "--train",
                                         folder("dev.tsv"), "--max-length", "16", "--output", folder("run")})),
              HasSubstr("holds int8 weights, which can only be run"));
}

TEST_F(Quantize, InspectTellsWhatIsStored) {
  ASSERT_EQ(quantize({"--output", folder("int8")}).exit_code, 0);
  ASSERT_EQ(quantize({"--precision", "bf16", "--output", folder("bf16")}).exit_code, 0);
  const auto described = [&](const std::string& model) {
    const auto run = run_program({"inspect", folder(model), "--json"});
    EXPECT_EQ(run.exit_code, 0) << run.errors;
    return run.json();
  };
  auto fp32 = described("model"), bf16 = described("bf16"), int8 = described("int8");
  EXPECT_EQ(fp32["precision"], "fp32");
  EXPECT_EQ(bf16["precision"], "bf16");
  EXPECT_EQ(int8["precision"], "int8");
  EXPECT_LT(bf16["weight_bytes"], fp32["weight_bytes"]);
  EXPECT_LT(int8["weight_bytes"], fp32["weight_bytes"]);
  for (auto* json : {&fp32, &bf16, &int8}) json->erase("precision"), json->erase("weight_bytes");
  EXPECT_EQ(fp32, bf16);
  EXPECT_EQ(fp32, int8);
  EXPECT_THAT(run_program({"inspect", folder("int8")}).output, HasSubstr(" (int8)\n"));
}

TEST_F(Quantize, StoresBf16WeightsThatEveryProgramReads) {
  const auto run = quantize({"--precision", "bf16", "--output", folder("new"), "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_EQ(run.json()["precision"], "bf16");
  EXPECT_LT(run.json()["logits_error"], 0.05);  // a model of 16 dimensions
  EXPECT_LT(run.json()["bytes"], 0.9 * run.json()["fp32_bytes"].get<double>());
  const auto predict = [&](const std::string& model, std::vector<std::string> more) {
    more.insert(more.begin(), {"predict", "--model", folder(model), "--text", "the film was superb", "--json"});
    return run_program(more).output;
  };
  const std::string stored = predict("new", {});
  EXPECT_EQ(stored, predict("model", {"--precision", "bf16"}));
  EXPECT_NE(stored, predict("new", {"--precision", "fp32"}));
  EXPECT_THAT(read_text_file(folder("new") + "/config.json"), HasSubstr("\"torch_dtype\": \"bfloat16\""));
  // A policy that is stored with the model leaves the weights' type alone.
  write_file_atomically(folder_ / "dev.tsv",
                        "sentence\tlabel\na gem\t1\na mess\t0\nsuperb\t1\ndull\t0\nfine\t1\nbad\t0\n");
  const auto calibrated = run_program(
      {"calibrate", "--model", folder("new"), "--file", folder("dev.tsv"), "--budget", "0.9", "--folds", "2"});
  EXPECT_EQ(calibrated.exit_code, 0) << calibrated.errors;
  EXPECT_THAT(read_text_file(folder("new") + "/config.json"), HasSubstr("\"torch_dtype\": \"bfloat16\""));
  EXPECT_THAT(error_of(quantize({"--output", folder("new")}), 2), HasSubstr("has another model's model.safetensors"));
}

TEST_F(Quantize, TellsTheErrorsOfTheSentencesGiven) {
  write_file_atomically(folder_ / "texts", "the film was superb\na mess\n");
  const auto json = quantize({"--output", folder("new"), "--input", folder("texts"), "--json"}).json();
  EXPECT_EQ(json["samples"], 2);
  EXPECT_LT(json["bytes"], 0.8 * json["fp32_bytes"].get<double>());
  double before = 1;
  ASSERT_GT(json["weights"].size(), 6u);
  for (const auto& weight : json["weights"]) {
    EXPECT_LE(weight["error"], before);
    before = weight["error"];
    EXPECT_GT(before, 0);
  }
  // Without the weight of the largest error, another one is the largest.
  const std::string worst = json["weights"][0]["weight"];
  const auto kept = quantize({"--output", folder("kept"), "--keep-fp32", worst, "--json"}).json();
  EXPECT_EQ(kept["weights"].size() + 1, json["weights"].size());
  for (const auto& weight : kept["weights"]) EXPECT_NE(weight["weight"], worst);
  EXPECT_GT(kept["bytes"], json["bytes"]);
}

TEST_F(Quantize, RefusesWhatItCannotDo) {
  EXPECT_THAT(error_of(quantize({"--output", folder("model")}), 2),
              HasSubstr("model: is what the command reads; expected another place"));
  EXPECT_THAT(error_of(quantize({"--output", folder("new"), "--precision", "fp32"}), 2), HasSubstr("is fp32 already"));
  EXPECT_THAT(error_of(quantize({"--output", folder("new"), "--keep-fp32", "layer.9"})),
              HasSubstr("--keep-fp32: \"layer.9\" names no weight that would be int8"));
  testing::save_tiny_model(folder_ / "other");
  EXPECT_THAT(error_of(quantize({"--output", folder("other")}), 2), HasSubstr("has another model's model.safetensors"));
  ASSERT_EQ(quantize({"--output", folder("new")}).exit_code, 0);
  EXPECT_THAT(error_of(run_program({"quantize", folder("new"), "--output", folder("again")})),
              HasSubstr("holds int8 weights"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "again"));
}

TEST_F(Quantize, PrecisionIsForModelsNotForRecordings) {
  EXPECT_THAT(error_of(run_program({"eval", "--recording", folder("x.json"), "--precision", "int8"}), 2),
              HasSubstr("--precision is for running a model"));
  EXPECT_THAT(
      error_of(run_program({"calibrate", "--recording", folder("x.json"), "--precision", "int8", "--budget", "0.5"}),
               2),
      HasSubstr("--precision is for running a model"));
}

}  // namespace
}  // namespace sharcs::internal::quantize_test
