#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::configurations_test {
namespace {

using testing::run_program;

TEST(Configurations, SlowSmallOnesTrainOnPairs) {
  const TemporaryFolder folder;
  std::string pairs = "index\tsentence1\tsentence2\tlabel\n";
  for (int i = 0; i < 8; ++i)
    pairs += std::to_string(i) + "\ta gem\t" + (i % 2 ? "a joy\tentailment\n" : "a mess\tnot_entailment\n");
  for (const char* name : {"train.tsv", "dev.tsv"}) write_file_atomically(folder / name, pairs);
  int trained = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SHARCS_CONFIG_DIR)) {
    const std::string name = entry.path().stem();
    // BERT-base takes too long here, a grid is for `sharcs sweep`, and the others need a downloaded encoder.
    const bool needs_more =
        name.starts_with("bert-base") || name.starts_with("sweep") || name == "minilm" || name == "mpnet";
    if (needs_more) continue;
    const auto run = run_program({"train", "--task", "rte", "--data", folder / "", "--config", entry.path(), "--output",
                                  folder / name, "--epochs", "2", "--window", "1"});
    EXPECT_EQ(run.exit_code, 0) << name << ": " << run.errors;
    ++trained;
  }
  EXPECT_GE(trained, 6);
}

}  // namespace
}  // namespace sharcs::internal::configurations_test
