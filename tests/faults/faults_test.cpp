// What is left of the files when the program is killed, or a call that writes fails, at any moment: the old state or
// the new one, never something between; one line says what failed, and the same command goes on or starts again.
//
// ctest tries a few moments of each command. SHARCS_FAULTS=all tries every call that changes a file (tests/long.sh).
// Tests that load a library before the program are "slow", which leaves them out under sanitizers: those want to be the
// first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <set>

#include "cli/program.hpp"
#include "data/synthetic.hpp"
#include "io/file.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal::faults_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::ProgramRun;
using testing::run_program;
using testing::RunningProgram;

struct Fault {
  const char* name;
  int error;   ///< 0: the program is killed
  bool stays;  ///< later calls fail, too
};
constexpr Fault faults[] = {{"killed", 0, false},
                            {"input/output error", EIO, false},
                            {"full disk", ENOSPC, true},
                            {"read-only file system", EROFS, true}};

/// Names and contents of the files of a folder and those below it.
std::string contents(const fs::path& folder) {
  std::set<fs::path> files;
  if (fs::exists(folder))
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) files.insert(entry.path());
  std::string all;
  for (const fs::path& file : files) all += fs::relative(file, folder).string() + '\n' + read_text_file(file) + '\n';
  return all;
}

bool has_temporary_files(const fs::path& folder) {
  return std::ranges::any_of(fs::recursive_directory_iterator(folder),
                             [](const auto& entry) { return entry.path().extension() == ".tmp"; });
}

class Faults : public ::testing::Test {
 protected:
  Faults() {
    SyntheticData::generate({.train = 96, .dev = 32, .test = 0}).save(folder_ / "data");
    write_file_atomically(
        folder_ / "config.json",
        testing::tiny_training_config(
            {{"epochs", 2}, {"window", 1}, {"batch_size", 40}, {"max_length", 32}, {"checkpoint_every_steps", 2}})
            .dump());
  }

  fs::path work() const { return folder_ / "work"; }
  std::vector<std::string> train(const std::string& seed, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {
        "train",    "--task",       "sst-2",     "--data", folder_ / "data", "--config", folder_ / "config.json",
        "--output", work() / "run", "--threads", "1",      "--seed",         seed};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  /// Puts a copy of the folder that the command starts from in its place.
  void start_again() const {
    fs::remove_all(work());
    fs::create_directory(work());
    if (fs::exists(folder_ / "old")) fs::copy(folder_ / "old", work(), fs::copy_options::recursive);
  }
  void keep_as_old() const {
    fs::remove_all(folder_ / "old");
    fs::rename(work(), folder_ / "old");
  }

  ProgramRun run_with(const Fault& fault, long at, const std::vector<std::string>& arguments) const {
    return RunningProgram(arguments, {},
                          {"env", "LD_PRELOAD=" SHARCS_FAILING_CALLS, "SHARCS_FAULT_FOLDER=" + work().string(),
                           "SHARCS_FAULT_AT=" + std::to_string(at), "SHARCS_FAULT=" + std::to_string(fault.error),
                           "SHARCS_FAULT_STAYS=" + std::to_string(static_cast<int>(fault.stays)),
                           "SHARCS_FAULT_COUNT=" + (folder_ / "count").string()})
        .wait();
  }

  /// The calls that are tried: all, or some of the first, of the last and between.
  static std::vector<long> moments(long calls) {
    const char* all = std::getenv("SHARCS_FAULTS");
    const long tried = all != nullptr && std::string_view(all) == "all" ? calls : std::min(calls, 12L);
    std::set<long> chosen;
    for (long i = 0; i < tried; ++i) chosen.insert(1 + i * (calls - 1) / std::max(1L, tried - 1));
    return {chosen.begin(), chosen.end()};
  }

  /// Runs a command once as it is and then with each fault at each moment, always from the same files; `check` looks at
  /// what is left, and `again` brings the command to its end after that.
  void campaign(const std::vector<std::string>& arguments, const std::function<void()>& check_left,
                const std::function<void()>& again) const {
    start_again();
    const ProgramRun undisturbed = run_with({"none", 0, false}, 0, arguments);
    ASSERT_EQ(undisturbed.exit_code, 0) << undisturbed.errors;
    const long calls = std::stol(read_text_file(folder_ / "count"));
    ASSERT_GT(calls, 2) << "no call was counted";
    for (const Fault& fault : faults)
      for (const long at : moments(calls)) {
        SCOPED_TRACE(std::string(fault.name) + " at call " + std::to_string(at) + " of " + std::to_string(calls));
        start_again();
        const ProgramRun run = run_with(fault, at, arguments);
        if (fault.error == 0) {
          EXPECT_EQ(run.exit_code, 128 + SIGKILL) << run.errors;
        } else {
          EXPECT_TRUE(run.exit_code == 0 || run.exit_code == 1) << run.exit_code << ' ' << run.errors;
          if (run.exit_code == 1) {
            EXPECT_THAT(run.errors, HasSubstr(std::strerror(fault.error)));
          }
          EXPECT_FALSE(has_temporary_files(work()));
        }
        check_left();
        again();
        if (HasFailure()) return;
      }
  }

  TemporaryFolder folder_;
};

TEST_F(Faults, SlowTrainingOverAnOldModelLeavesItOrTheNewOne) {
  const fs::path run = work() / "run";
  fs::create_directory(work());
  ASSERT_EQ(run_program(train("1")).exit_code, 0);
  const std::string old = testing::result_of(run);
  keep_as_old();
  start_again();
  ASSERT_EQ(run_program(train("2", {"--overwrite"})).exit_code, 0);
  const std::string expected = testing::result_of(run);
  ASSERT_NE(old, expected);
  campaign(
      train("2", {"--overwrite"}),
      [&] {
        if (fs::exists(run)) {
          EXPECT_THAT(testing::result_of(run), ::testing::AnyOf(old, expected));
        }
      },
      [&] {
        const bool begun = fs::exists(work() / "run.new" / "training.json");
        const ProgramRun after = run_program(train("2", {begun ? "--resume" : "--overwrite"}));
        EXPECT_EQ(after.exit_code, 0) << after.errors;
        EXPECT_TRUE(testing::result_of(run) == expected);
      });
}

TEST_F(Faults, SlowTrainingGoesOnToTheSameBits) {
  const fs::path run = work() / "run";
  start_again();
  ASSERT_EQ(run_program(train("1")).exit_code, 0);
  const std::string expected = testing::result_of(run);
  campaign(
      train("1"),
      [&] {
        if (!fs::exists(run / "config.json")) return;
        const ProgramRun predict = run_program({"predict", "--model", run}, "a fine film\n");
        EXPECT_TRUE(predict.exit_code == 0 || predict.exit_code == 1) << predict.errors;
      },
      [&] {
        const ProgramRun after =
            run_program(train("1", fs::exists(run / "training.json") ? std::vector<std::string>{"--resume"}
                                                                     : std::vector<std::string>{}));
        EXPECT_EQ(after.exit_code, 0) << after.errors;
        EXPECT_TRUE(testing::result_of(run) == expected);
      });
}

TEST_F(Faults, SlowTrainingIsTheSameWithAClockThatJumps) {
  start_again();
  ASSERT_EQ(run_program(train("1")).exit_code, 0);
  const std::string expected = testing::result_of(work() / "run");
  start_again();
  const ProgramRun run =
      RunningProgram(train("1"), {}, {"env", "LD_PRELOAD=" SHARCS_FAILING_CALLS, "SHARCS_FAULT_CLOCK=1"}).wait();
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_TRUE(testing::result_of(work() / "run") == expected);
}

TEST_F(Faults, SignalsLeaveNoHalfWrittenFile) {
  for (const int signal : {SIGTERM, SIGINT}) {
    start_again();
    RunningProgram running(train("1", {"--epochs", "200"}));
    running.await("epoch 2/200: ");
    running.send(signal);
    const ProgramRun run = running.wait();
    EXPECT_EQ(run.exit_code, 128 + signal) << run.errors;
    EXPECT_FALSE(has_temporary_files(work()));
    EXPECT_THAT(run.errors, HasSubstr("--resume"));
  }
}

TEST_F(Faults, FolderThatVanishesIsMadeAgainOrALine) {
  start_again();
  RunningProgram running(train("1", {"--epochs", "40"}));
  running.await("epoch 2/40: ");
  fs::rename(work() / "run", work() / "moved");
  const ProgramRun run = running.wait();
  if (run.exit_code == 0) {  // a later epoch was better, and the model was saved once more
    const ProgramRun predict = run_program({"predict", "--model", work() / "run"}, "a fine film\n");
    EXPECT_EQ(predict.exit_code, 0) << predict.errors;
  } else {
    EXPECT_THAT(testing::last_error_of(run), HasSubstr((work() / "run").string()));
  }
}

/// Commands that make one file, or a folder, of a model that is there.
class FaultsOfAModel : public Faults {
 protected:
  FaultsOfAModel() {
    fs::create_directory(work());
    EXPECT_EQ(run_program(train("1")).exit_code, 0);
    keep_as_old();
  }
};

TEST_F(FaultsOfAModel, SlowCalibrateLeavesTheOldPolicyOrTheNewOne) {
  const std::vector<std::string> calibrate = {
      "calibrate", "--model", work() / "run", "--data", folder_ / "data",  "--task", "sst-2",
      "--budget",  "0.6",     "--threads",    "1",      "--timing-rounds", "1"};
  start_again();
  const std::string old = read_text_file(work() / "run" / "config.json");
  const ProgramRun whole = run_program(calibrate);
  ASSERT_EQ(whole.exit_code, 0) << whole.errors;
  const std::string expected = read_text_file(work() / "run" / "config.json");
  ASSERT_NE(old, expected);
  campaign(
      calibrate, [&] { EXPECT_THAT(read_text_file(work() / "run" / "config.json"), ::testing::AnyOf(old, expected)); },
      [&] {
        EXPECT_EQ(run_program(calibrate).exit_code, 0);
        EXPECT_EQ(read_text_file(work() / "run" / "config.json"), expected);
      });
}

TEST_F(FaultsOfAModel, SlowQuantizeLeavesNothingThatAnswersOrAllOfIt) {
  const std::vector<std::string> quantize = {"quantize", "--model",  work() / "run", "--precision",
                                             "int8",     "--output", work() / "int8"};
  const auto answers = [&](const fs::path& model) {
    return run_program({"predict", "--model", model}, "a fine film\na dull one\n");
  };
  start_again();
  ASSERT_EQ(run_program(quantize).exit_code, 0);
  const std::string expected = contents(work() / "int8"), said = answers(work() / "int8").output;
  ASSERT_NE(said, "");
  campaign(
      quantize,
      [&] {
        const ProgramRun predict = answers(work() / "int8");
        EXPECT_TRUE(predict.exit_code == 0 || predict.exit_code == 1) << predict.errors;
        EXPECT_EQ(predict.output, predict.exit_code == 0 ? said : "");
      },
      [&] {
        fs::remove_all(work() / "int8");
        EXPECT_EQ(run_program(quantize).exit_code, 0);
        EXPECT_TRUE(contents(work() / "int8") == expected);
      });
}

TEST_F(FaultsOfAModel, SlowReportAndRecordingAreTheOldOnesOrWhole) {
  const fs::path report = work() / "run" / "report.html", recording = work() / "recording.json";
  start_again();
  const std::vector<std::string> eval = {
      "eval",     "--model", work() / "run",    "--data", folder_ / "data", "--task", "sst-2",
      "--output", recording, "--timing-rounds", "1",      "--call-seconds", "0",      "--threads",
      "1"};
  ASSERT_EQ(run_program(eval).exit_code, 0);
  ASSERT_EQ(run_program({"report", work() / "run"}).exit_code, 0);
  keep_as_old();
  start_again();
  const std::string old_report = read_text_file(report);
  campaign(
      {"report", work() / "run"}, [&] { EXPECT_TRUE(read_text_file(report) == old_report); }, [] {});
  campaign(
      eval, [&] { EXPECT_FALSE(nlohmann::json::parse(read_text_file(recording), nullptr, false).is_discarded()); },
      [] {});
}

/// Runs the program with so many kilobytes of address space.
ProgramRun run_within(long kilobytes, const std::vector<std::string>& arguments) {
  return RunningProgram(arguments, "a fine film\n",
                        {"sh", "-c", "ulimit -v " + std::to_string(kilobytes) + "; exec \"$0\" \"$@\""})
      .wait();
}

TEST(LittleMemory, SlowIsALine) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder / "model", [](ModelConfig& config) {
    config.hidden_size = 512;
    config.intermediate_size = 2048;
    config.num_hidden_layers = 6;
  });
  // With little more than the program needs to begin at all, 75 MB of weights do not fit.
  long too_little = 1000, enough = 4'000'000;
  ASSERT_EQ(run_within(enough, {"--version"}).exit_code, 0);
  while (enough - too_little > 500) {
    const long middle = (too_little + enough) / 2;
    (run_within(middle, {"--version"}).exit_code == 0 ? enough : too_little) = middle;
  }
  for (const long more : {4'000, 10'000, 20'000, 40'000}) {
    SCOPED_TRACE(more);
    const std::string line =
        testing::error_of(run_within(enough + more, {"predict", "--model", folder / "model", "--threads", "1"}));
    EXPECT_THAT(line, HasSubstr("memory"));
  }
}

}  // namespace
}  // namespace sharcs::internal::faults_test
