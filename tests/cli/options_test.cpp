#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "train/training_option_table.hpp"

namespace sharcs::internal::options_test {
namespace {

using ::testing::HasSubstr;
using testing::run_program;

TEST(Options, ReferencePageIsWhatTheProgramPrints) {
  const std::string page = SHARCS_DOCS_DIR "/options.md";
  EXPECT_EQ(read_text_file(page), run_program({"options"}).output)
      << "write it again: build/release/sharcs options > docs/options.md";
}

TEST(Options, EveryOneHasAFlagWithItsRangeAndDefault) {
  std::string help = run_program({"train", "--help"}).output;
  // Lines are broken anywhere between words.
  for (std::size_t at = 0; (at = help.find("\n                  ", at)) != std::string::npos;)
    help.replace(at, help.find_first_not_of(" \n", at) - at, " ");
  for (const auto& group : training_option_table())
    for (const auto& row : group.rows) {
      std::string flag = "--" + row.key;
      std::replace(flag.begin(), flag.end(), '_', '-');
      EXPECT_THAT(help, HasSubstr("\n  " + flag)) << row.key;
      if (row.key == "seed" || row.key == "threads") continue;  // flags of every command
      const std::string range = row.expected == "true or false" ? "" : " (" + row.expected + ")";
      EXPECT_THAT(help, HasSubstr(row.meaning + range + " [" + row.fallback + "]")) << row.key;
    }
}

}  // namespace
}  // namespace sharcs::internal::options_test
