// A training that is killed at any moment, while it writes a checkpoint above all, goes on to the same bits. ctest
// kills each way of training a few times, SHARCS_FAULTS=all 200 times (tests/long.sh).
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <ostream>
#include <string_view>
#include <thread>

#include "cli/program.hpp"
#include "core/random.hpp"
#include "data/synthetic.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal::killed_training_test {
namespace {

using testing::result_of;
using testing::RunningProgram;

/// A way to train, as settings that stand in a configuration.
struct Mode {
  const char* name;
  nlohmann::json training, model = nlohmann::json::object();
};
void PrintTo(const Mode& mode, std::ostream* out) { *out << mode.name; }

const nlohmann::json exits = {{"exits", {1}}};
const Mode modes[] = {
    {"joint", {{"window", 1}, {"thresholds", {{0.5, 1.01}, {0.0, 0.55}}}}},
    {"accumulation",
     {{"window", 1}, {"thresholds", {{0.5, 1.01}, {0.0, 0.55}}}, {"batch_size", 10}, {"accumulation", 4}}},
    {"alternate", {{"window", 1}, {"thresholds", {{0.5, 1.01}, {0.0, 0.55}}}, {"step_mode", "alternate"}}},
    {"distilled", {{"recipe", "distilled"}, {"warmup_epochs", 1}, {"reordering", "all"}}},
    {"exits", {{"recipe", "distilled"}, {"warmup_epochs", 1}}, exits},
    {"exits_two_stage", {{"recipe", "distilled"}, {"warmup_epochs", 1}, {"exit_training", "two_stage"}}, exits},
    {"exits_alternating", {{"recipe", "distilled"}, {"warmup_epochs", 1}, {"exit_training", "alternating"}}, exits},
    {"bf16", {{"recipe", "distilled"}, {"warmup_epochs", 1}, {"precision", "bf16"}}, exits},
};

class KilledTraining : public ::testing::TestWithParam<Mode> {
 protected:
  KilledTraining() {
    SyntheticData::generate({.train = 96, .dev = 32, .test = 0}).save(folder_ / "data");
    nlohmann::json training = {{"epochs", 3},
                               {"batch_size", 40},
                               {"max_length", 32},
                               {"checkpoint_every_steps", 1}};  // so that most kills fall into the writing of one
    training.update(GetParam().training);
    nlohmann::json config = testing::tiny_training_config(training);
    config["model"]["sharcs"].update(GetParam().model);
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

TEST_P(KilledTraining, EndsWithTheSameBits) {
  const char* all = std::getenv("SHARCS_FAULTS");
  kill_and_resume(all != nullptr && std::string_view(all) == "all" ? 200 : 3, 1);
}
INSTANTIATE_TEST_SUITE_P(InEachMode, KilledTraining, ::testing::ValuesIn(modes),
                         [](const auto& mode) { return std::string(mode.param.name); });

}  // namespace
}  // namespace sharcs::internal::killed_training_test
