// What each released version has saved is read by this one: tests/compatibility/VERSION/, made by make.sh and never
// changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "cli/program.hpp"
#include "io/file.hpp"

namespace sharcs::internal::compatibility_test {
namespace {

namespace fs = std::filesystem;
using testing::ProgramRun;
using testing::run_program;

std::vector<std::string> versions() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(SHARCS_COMPATIBILITY_DIR))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

class Compatibility : public ::testing::TestWithParam<std::string> {
 protected:
  fs::path files() const { return fs::path(SHARCS_COMPATIBILITY_DIR) / GetParam(); }

  /// Compares what a model says of the sentences with what it said when it was saved.
  void expect_the_same_answers(const fs::path& model, const std::string& expected, double tolerance) const {
    const ProgramRun run = run_program({"predict", "--model", model, "--threads", "1", "--json"},
                                       read_text_file(files() / "sentences.txt"));
    ASSERT_EQ(run.exit_code, 0) << run.errors;
    std::istringstream found(run.output), saved(read_text_file(files() / expected));
    int lines = 0;
    for (std::string line, then; std::getline(saved, then); ++lines) {
      ASSERT_TRUE(std::getline(found, line)) << "line " << lines + 1 << " is missing";
      const auto is = nlohmann::json::parse(line), was = nlohmann::json::parse(then);
      EXPECT_EQ(is["text"], was["text"]);
      EXPECT_EQ(is["answer"], was["answer"]);
      for (const auto& [name, probability] : was["probabilities"].items())
        EXPECT_NEAR(is["probabilities"][name].get<double>(), probability.get<double>(), tolerance) << was["text"];
    }
    EXPECT_EQ(lines, 8);
  }
};

TEST_P(Compatibility, ModelsAnswerAsTheyDid) {
  expect_the_same_answers(files() / "run", "run.jsonl", 1e-5);
  expect_the_same_answers(files() / "int8", "int8.jsonl", 2e-3);
  expect_the_same_answers(files() / "bf16", "bf16.jsonl", 2e-3);
}

TEST_P(Compatibility, StoppedTrainingGoesOn) {
  const TemporaryFolder folder;
  fs::copy(files() / "run", folder / "run", fs::copy_options::recursive);
  const ProgramRun run =
      run_program({"train", "--task", "sst-2", "--data", files() / "data", "--config", files() / "config.json",
                   "--output", folder / "run", "--threads", "1", "--seed", "1", "--resume"});
  ASSERT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.errors, ::testing::HasSubstr("resuming in epoch 3"));
  EXPECT_TRUE(fs::exists(folder / "run" / "checkpoints" / "step-000000000018.checkpoint"));
}

TEST_P(Compatibility, RecordingsAreCalibratedAndReported) {
  const TemporaryFolder folder;
  fs::copy(files() / "run", folder / "run", fs::copy_options::recursive);
  const ProgramRun calibrate =
      run_program({"calibrate", "--recording", folder / "run" / "recording.json", "--budget", "0.6", "--dry-run"});
  EXPECT_EQ(calibrate.exit_code, 0) << calibrate.errors;
  const ProgramRun report = run_program({"report", folder / "run"});
  EXPECT_EQ(report.exit_code, 0) << report.errors;
}

INSTANTIATE_TEST_SUITE_P(OfEachVersion, Compatibility, ::testing::ValuesIn(versions()), [](const auto& version) {
  std::string name = "v" + version.param;
  std::ranges::replace_if(
      name, [](char c) { return c == '.' || c == '-'; }, '_');
  return name;
});

}  // namespace
}  // namespace sharcs::internal::compatibility_test
