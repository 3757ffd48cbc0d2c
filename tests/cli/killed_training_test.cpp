// A training that is killed at any moment, while it writes a checkpoint above all, goes on to the same bits.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "cli/program.hpp"
#include "core/random.hpp"
#include "data/synthetic.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal {
namespace {

using testing::result_of;
using testing::RunningProgram;

class KilledTraining : public ::testing::Test {
 protected:
  KilledTraining() {
    SyntheticData::generate({.train = 96, .dev = 32, .test = 0}).save(folder_ / "data");
    const nlohmann::json config = testing::tiny_training_config(
        {{"epochs", 3},
         {"window", 1},
         {"batch_size", 40},
         {"thresholds", {{0.5, 1.01}, {0.0, 0.55}}},
         {"max_length", 32},
         {"checkpoint_every_steps", 1}});  // so that most kills fall into the writing of one
    write_file_atomically(folder_ / "config.json", config.dump());
  }

  std::vector<std::string> command(const std::filesystem::path& output) const {
    std::vector<std::string> words = {"train", "--config", folder_ / "config.json", "--threads", "1",   "--task",
                                      "sst-2", "--data",   folder_ / "data",        "--output",  output};
    if (std::filesystem::exists(output / "training.json")) words.emplace_back("--resume");
    return words;
  }

  struct End {
    bool by_itself;
    double seconds;
  };
  /// Runs or resumes the training in `output`, and kills it after so many seconds; 0: never.
  End run(const std::filesystem::path& output, double kill_after = 0) const {
    const auto start = std::chrono::steady_clock::now();
    RunningProgram program(command(output));
    if (kill_after > 0) {
      std::this_thread::sleep_for(std::chrono::duration<double>(kill_after));
      program.send(SIGKILL);
    }
    const testing::ProgramRun ended = program.wait();
    EXPECT_TRUE(ended.exit_code == 0 || ended.exit_code == 128 + SIGKILL) << ended.errors;
    return {ended.exit_code == 0, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
  }

  /// Kills a training `kills` times, each time at a random moment, and resumes it; a training that comes to its end is
  /// compared with one that was never stopped, and the next one starts.
  void kill_and_resume(int kills, std::uint64_t seed) const {
    // How long a whole run takes here and now, so that the moments fall into all of it.
    const double whole = run(folder_ / "whole").seconds;
    const std::string expected = result_of(folder_ / "whole");
    Random random(seed);
    int killed = 0, finished = 0;
    const std::filesystem::path output = folder_ / "killed";
    for (int attempt = 0; killed < kills && attempt < 20 * kills; ++attempt) {
      if (!run(output, whole * (0.02 + 0.9 * random.uniform())).by_itself) {
        ++killed;
        continue;
      }
      ASSERT_EQ(result_of(output), expected) << "after " << killed << " kills";
      std::filesystem::remove_all(output);
      ++finished;
    }
    EXPECT_EQ(killed, kills);
    ASSERT_TRUE(run(output).by_itself);
    EXPECT_EQ(result_of(output), expected) << "after " << killed << " kills and " << finished << " finished trainings";
  }

  TemporaryFolder folder_;
};

TEST_F(KilledTraining, EndsWithTheSameBits) { kill_and_resume(10, 1); }

TEST_F(KilledTraining, SlowEndsWithTheSameBitsAfterAHundredKills) { kill_and_resume(100, 2); }

}  // namespace
}  // namespace sharcs::internal
