#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "report/synthetic_run.hpp"

namespace sharcs::internal::report_test {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramRun;
using testing::run_program;
using testing::save_run;
using testing::synthetic_run;

TEST(Report, WritesAnHtmlFileIntoTheRunsFolder) {
  const TemporaryFolder folder;
  save_run(synthetic_run({.samples = 20}), folder / "run");
  const auto json = run_program({"report", folder / "run", "--json"}).json();
  EXPECT_EQ(json["report"], (folder / "run/report.html").string());
  const std::string page = read_text_file(folder / "run/report.html");
  EXPECT_EQ(json["bytes"], page.size());
  EXPECT_EQ(page, report_html(std::vector<std::filesystem::path>{folder / "run"}));
  EXPECT_THAT(run_program({"report", folder / "run"}).output, HasSubstr("run/report.html ("));
}

TEST(Report, WritesWhereItIsTold) {
  const TemporaryFolder folder;
  save_run(synthetic_run({.samples = 20}), folder / "a");
  save_run(synthetic_run({.samples = 20, .seed = 2}), folder / "b");
  const ProgramRun run =
      run_program({"report", folder / "a", folder / "b", "--output", folder / "both.html", "--samples", "5"});
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(read_text_file(folder / "both.html"), HasSubstr("<p class=\"runs\">a, b</p>"));
  EXPECT_THAT(error_of(run_program({"report", folder / "a", "--output", folder / "no/such/x.html"})),
              HasSubstr("no/such/x.html"));
  EXPECT_THAT(error_of(run_program({"report", folder / "a", "--output", folder / "a/recording.json"}), 2),
              HasSubstr("a/recording.json: is what the command reads; expected another place"));
}

TEST(Report, DrawsTextWithoutColourWhereThereIsNoTerminal) {
  const TemporaryFolder folder;
  save_run(synthetic_run({.samples = 20}), folder / "run");
  const ProgramRun run = run_program({"report", "--text", folder / "run"});
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("Score against cost"));
  EXPECT_THAT(run.output, Not(HasSubstr("\x1b")));
}

TEST(Report, WrongUsageAndFoldersThatAreNoRunsAreNamed) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of(run_program({"report"}), 2), HasSubstr("give the folder of a training run"));
  EXPECT_THAT(error_of(run_program({"report", "x", "--text", "--json"}), 2), HasSubstr("--text"));
  EXPECT_THAT(error_of(run_program({"report", folder / "absent"})), HasSubstr("absent: no such folder"));
  save_run(synthetic_run({.samples = 5}), folder / "run");
  write_file_atomically(folder / "run/recording.json", "{\n\n");
  EXPECT_THAT(error_of(run_program({"report", folder / "run"})), HasSubstr("run/recording.json:3: not valid JSON"));
}

}  // namespace
}  // namespace sharcs::internal::report_test
