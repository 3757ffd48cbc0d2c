// Trains as several processes, started by mpirun. What the ranks compute is tested in tests/train/ranks_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include "cli/program.hpp"
#include "core/random.hpp"
#include "data/synthetic.hpp"
#include "formats/model_access.hpp"
#include "io/file.hpp"
#include "model/network.hpp"
#include "train/metrics_log.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal::ranks_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::ProgramRun;
using testing::run_program;
using testing::RunningProgram;

#ifdef SHARCS_HAS_MPI

std::size_t count_of(const std::string& part, const std::string& text) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

class TrainOnRanks : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::system("mpirun --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no mpirun";
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    SyntheticData::generate({.train = 96, .dev = 32, .test = 0}).save(folder_ / "data");
    const nlohmann::json config = testing::tiny_training_config({{"epochs", 3},
                                                                 {"window", 1},
                                                                 {"batch_size", 8},
                                                                 {"accumulation", 2},
                                                                 {"learning_rate", 2e-3},
                                                                 {"adam_epsilon", 1e-6},
                                                                 {"thresholds", {{0.5, 1.01}, {0, 0.51}}},
                                                                 {"max_length", 32}});
    write_file_atomically(folder_ / "config.json", config.dump());
  }

  std::vector<std::string> command(const std::string& output, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {
        "train",    "--task",         "sst-2",     "--data", folder_ / "data", "--config", folder_ / "config.json",
        "--output", folder_ / output, "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  static std::vector<std::string> launcher(int ranks) {
    // Tests share their cores: a rank that waits gives its core away.
    return {"mpirun", "--oversubscribe",    "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1",
            "-np",    std::to_string(ranks)};
  }
  static ProgramRun run_on_two(const std::vector<std::string>& arguments) {
    return RunningProgram(arguments, {}, launcher(2)).wait();
  }
  enum class Missing { is_a_failure, is_fine };
  /// The process of a rank of a running mpirun; 0 where there is none.
  static pid_t process_of(int rank, pid_t mpirun, Missing missing = Missing::is_a_failure) {
    const std::string id = std::to_string(mpirun);
    std::ifstream children("/proc/" + id + "/task/" + id + "/children");
    for (pid_t child; children >> child;) {
      std::ifstream environment("/proc/" + std::to_string(child) + "/environ");
      for (std::string variable; std::getline(environment, variable, '\0');)
        if (variable == "OMPI_COMM_WORLD_RANK=" + std::to_string(rank)) return child;
    }
    if (missing == Missing::is_a_failure) ADD_FAILURE() << "mpirun has no rank " << rank;
    return 0;
  }

  /// Whether the process is there, and not one that has ended and that nobody has asked about.
  static bool still_runs(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string stat;
    std::getline(file, stat);
    const std::size_t name_end = stat.rfind(") ");
    return name_end != std::string::npos && stat[name_end + 2] != 'Z' && stat[name_end + 2] != 'X';
  }

  TemporaryFolder folder_;
};

TEST_F(TrainOnRanks, GivesTheModelOfOneProcessWhicheverWayTheySplitTheWork) {
  ASSERT_EQ(run_program(command("alone")).exit_code, 0);
  const auto expected = read_metrics(folder_ / "alone" / "metrics.jsonl");
  for (const WidthTraining& width : expected.back().widths) ASSERT_GT(width.samples, 0) << "the widths take no part";
  for (const std::string sharding : {"samples", "micro_batches"}) {
    const ProgramRun run = run_on_two(command(sharding, {"--sharding", sharding, "--json"}));
    ASSERT_EQ(run.exit_code, 0) << run.errors;
    EXPECT_EQ(run.json()["epochs"], 3);
    EXPECT_EQ(count_of("epoch 3/3: ", run.errors), 1u) << run.errors;
    EXPECT_EQ(nlohmann::json::parse(read_text_file(folder_ / sharding / "training.json"))["ranks"], 2);
    const auto records = read_metrics(folder_ / sharding / "metrics.jsonl");
    ASSERT_EQ(records.size(), expected.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
      EXPECT_NEAR(records[i].loss_task, expected[i].loss_task, 1e-5);
      EXPECT_EQ(records[i].transitions, expected[i].transitions);
      EXPECT_EQ(records[i].evaluations[0].routed, expected[i].evaluations[0].routed);
    }
    const Model model = Model::load(folder_ / sharding), alone = Model::load(folder_ / "alone");
    const auto values = network_of(model).values().buffer(), values_alone = network_of(alone).values().buffer();
    for (std::size_t i = 0; i < values.size(); ++i) ASSERT_NEAR(values[i], values_alone[i], 1e-5) << sharding;
  }
}

TEST_F(TrainOnRanks, RankThatIsKilledEndsTheJobAndOneProcessResumes) {
  const auto arguments = command("run", {"--epochs", "16", "--checkpoint-every-steps", "1"});
  RunningProgram running(arguments, {}, launcher(2));
  running.await("epoch 2/16: ");
  ::kill(process_of(1, running.process()), SIGKILL);
  const ProgramRun killed = running.wait();
  EXPECT_NE(killed.exit_code, 0);
  EXPECT_THAT(killed.errors, AllOf(HasSubstr("rank 1"), HasSubstr("signal 9 (Killed)")));
  auto resumed = arguments;
  resumed.emplace_back("--resume");
  const ProgramRun run = run_program(resumed);
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.errors, AllOf(HasSubstr("resuming in epoch "), HasSubstr("epoch 16/16: ")));
}

TEST_F(TrainOnRanks, SlowKilledAtAnyMomentEndsWithTheSameBits) {
  const std::vector<std::string> more = {"--checkpoint-every-steps", "1"};
  ASSERT_EQ(run_on_two(command("whole", more)).exit_code, 0);
  const std::string expected = testing::result_of(folder_ / "whole");
  const char* all = std::getenv("SHARCS_FAULTS");
  const int kills = all != nullptr && std::string_view(all) == "all" ? 200 : 3;
  const std::filesystem::path output = folder_ / "run";
  Random random(5);
  int killed = 0;
  for (int attempt = 0; killed < kills && attempt < 20 * kills; ++attempt) {
    auto arguments = command("run", more);
    if (std::filesystem::exists(output / "training.json")) arguments.emplace_back("--resume");
    RunningProgram running(arguments, {}, launcher(2));
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + random.below(1500)));
    const pid_t rank = process_of(static_cast<int>(random.below(2)), running.process(), Missing::is_fine);
    if (rank != 0) ::kill(rank, SIGKILL);
    if (running.wait().exit_code != 0) {
      ++killed;
      continue;
    }
    ASSERT_EQ(testing::result_of(output), expected) << "after " << killed << " kills";
    std::filesystem::remove_all(output);
  }
  EXPECT_EQ(killed, kills);
  auto last = command("run", more);
  if (std::filesystem::exists(output / "training.json")) last.emplace_back("--resume");
  const ProgramRun run = run_on_two(last);
  ASSERT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_EQ(testing::result_of(output), expected) << "after " << killed << " kills";
}

TEST_F(TrainOnRanks, WhicheverRankIsKilledTheOthersEndSoonAndOneLineNamesIt) {
  for (const int rank : {0, 1}) {
    SCOPED_TRACE(rank);
    RunningProgram running(command("run-" + std::to_string(rank), {"--epochs", "1000"}), {}, launcher(2));
    running.await("epoch 2/1000: ");
    const pid_t other = process_of(1 - rank, running.process());
    ::kill(process_of(rank, running.process()), SIGKILL);
    const auto begin = std::chrono::steady_clock::now();
    const auto is_in_time = [&] { return std::chrono::steady_clock::now() - begin < std::chrono::seconds(30); };
    const ProgramRun killed = running.wait();
    // mpirun kills the other rank and may end before that one has died. By itself it would train for minutes, or wait
    // in a sum for ever.
    while (still_runs(other) && is_in_time()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_FALSE(still_runs(other)) << "rank " << 1 - rank;
    EXPECT_TRUE(is_in_time());
    EXPECT_EQ(killed.exit_code, 128 + SIGKILL);
    std::istringstream lines(killed.errors);
    std::size_t naming = 0;
    for (std::string line; std::getline(lines, line);)
      naming += line.find("rank " + std::to_string(rank) + " ") != std::string::npos &&
                line.find("signal 9 (Killed)") != std::string::npos;
    EXPECT_EQ(naming, 1u) << killed.errors;
    EXPECT_EQ(count_of("sharcs: ", killed.errors), 0u) << killed.errors;
  }
}

TEST_F(TrainOnRanks, SignalToOneRankStopsAllAfterTheStep) {
  const auto arguments = command("run", {"--epochs", "16"});
  RunningProgram running(arguments, {}, launcher(2));
  running.await("epoch 2/16: ");
  ::kill(process_of(1, running.process()), SIGTERM);
  const ProgramRun stopped = running.wait();
  EXPECT_EQ(stopped.exit_code, 128 + SIGTERM) << stopped.errors;
  EXPECT_EQ(count_of("stopped; the same command with --resume goes on from here", stopped.errors), 1u)
      << stopped.errors;
  auto resumed = arguments;
  resumed.insert(resumed.end(), {"--resume"});
  const ProgramRun run = run_on_two(resumed);
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.errors, AllOf(HasSubstr("resuming in epoch "), HasSubstr("epoch 16/16: ")));
}

TEST_F(TrainOnRanks, ErrorsOfAllAreSaidOnce) {
  for (const auto& [flags, text] :
       {std::pair<std::vector<std::string>, const char*>{
            {"--learning-rate", "1e30", "--schedule", "constant", "--warmup-ratio", "0"}, "'s loss is "},
        {{"--resume"}, "holds no training to resume"}}) {
    const ProgramRun run = run_on_two(command(std::string("run") + flags[0], flags));
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_EQ(count_of("sharcs: ", run.errors), 1u) << run.errors;
    EXPECT_THAT(run.errors, HasSubstr(text));
  }
}

TEST_F(TrainOnRanks, ErrorOfOneRankEndsTheJob) {
  SyntheticData::generate({.train = 90, .dev = 32, .test = 0}).save(folder_ / "other");
  auto arguments = command("run");
  arguments.insert(arguments.end(), {":", "-np", "1", testing::program_file()});
  for (std::string word : command("run")) {
    if (word == (folder_ / "data").string()) word = folder_ / "other";
    arguments.push_back(word);
  }
  const ProgramRun run = RunningProgram(arguments, {}, launcher(1)).wait();
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.errors, AllOf(HasSubstr("sharcs: rank 1: the first rank trains something else: here "),
                                HasSubstr("has 90 samples; it had 96")));
}

#else

TEST(TrainOnRanks, NeedABuildWithMpi) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder / "model");
  ::setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
  const ProgramRun run = run_program(
      {"train", "--task", "sst-2", "--data", folder / "data", "--init", folder / "model", "--output", folder / "run"});
  ::unsetenv("OMPI_COMM_WORLD_SIZE");
  EXPECT_THAT(testing::error_of(run),
              HasSubstr("started as one of several processes, but sharcs was built without MPI"));
}

#endif

TEST(TrainAsATaskOfSlurm, IsRefusedWhereTheTasksDoNotKnowEachOther) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder / "model");
  ::setenv("SLURM_NTASKS", "4", 1);
  const ProgramRun run = run_program(
      {"train", "--task", "sst-2", "--data", folder / "data", "--init", folder / "model", "--output", folder / "run"});
  ::unsetenv("SLURM_NTASKS");
  EXPECT_EQ(
      testing::error_of(run),
      "Slurm has 4 tasks (SLURM_NTASKS), but this process is alone; expected srun --mpi=pmix or mpirun before the "
      "command, or srun -n 1 for one process");
}

#ifdef SHARCS_HAS_MPI
TEST(TrainAsATaskOfSlurm, IsRefusedWhereMpiKnowsOtherProcessesThanTheLauncher) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder / "model");
  ::setenv("PMI_SIZE", "3", 1);  // of MPICH, to a program that was built with Open MPI, or the other way round
  const ProgramRun run = run_program(
      {"train", "--task", "sst-2", "--data", folder / "data", "--init", folder / "model", "--output", folder / "run"});
  ::unsetenv("PMI_SIZE");
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.errors,
              HasSubstr("sharcs: 3 processes were started, but MPI knows 1; expected the launcher of the MPI"));
}
#endif

}  // namespace
}  // namespace sharcs::internal::ranks_test
