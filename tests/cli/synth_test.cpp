#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "io/file.hpp"

namespace sharcs::internal::synth_test {
namespace {

using testing::error_of;
using testing::run_program;

TEST(Synth, WritesTheSameFilesForTheSameSeed) {
  const TemporaryFolder folder;
  for (const auto& [name, seed] : {std::pair("a", "7"), {"b", "7"}, {"c", "8"}})
    EXPECT_EQ(
        run_program({"synth", "--output", folder / name, "--train", "40", "--dev", "10", "--seed", seed}).exit_code, 0);
  const auto text = [&](const std::string& run) { return read_text_file(folder / run / "train.tsv"); };
  EXPECT_EQ(text("a"), text("b"));
  EXPECT_NE(text("a"), text("c"));
  EXPECT_THAT(text("a"), ::testing::StartsWith("sentence\tlabel\tdifficulty\n"));
}

TEST(Synth, RefusesCountsAndSharesThatMakeNoData) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of(run_program({"synth", "--output", folder / "a", "--train", "1"})),
            "1 samples are asked for; train and dev have at least 2");
  EXPECT_EQ(error_of(run_program({"synth", "--output", folder / "a", "--levels", "1,2"}), 2),
            "--levels has 2 numbers; expected one for each of the 5 levels (sharcs synth --help tells more)");
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
}

}  // namespace
}  // namespace sharcs::internal::synth_test
