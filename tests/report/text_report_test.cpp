#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "report/synthetic_run.hpp"
#include "report/terminal.hpp"

namespace sharcs::internal::text_report_test {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::synthetic_run;

std::vector<RunFolder> two_runs() {
  return {synthetic_run({.name = "two widths", .samples = 60}),
          synthetic_run({.name = "three widths", .widths = {0.25, 0.5, 1}, .epochs = 200, .samples = 60, .seed = 2})};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(TextReport, HasTheEssentials) {
  const std::vector<RunFolder> runs = {synthetic_run({.samples = 60})};
  const std::string text = text_of(runs);
  for (const char* heading : {"Score against cost", "Answers", "Levels of difficulty", "Time of a call", "Training",
                              "Hardest sentences", "Easiest sentences"})
    EXPECT_THAT(text, HasSubstr(heading));
  EXPECT_THAT(text, HasSubstr("With its router the model"));
  EXPECT_THAT(text, HasSubstr("├"));
  EXPECT_THAT(text, HasSubstr("█"));
}

TEST(TextReport, TellsWhatIsKnownOfEachClassAndWhatWasPredicted) {
  const std::vector<RunFolder> runs = {synthetic_run({.samples = 60})};
  const Recording& recording = runs[0].recorded->recording;
  const std::string text = text_of(runs, {.title = "Films"});
  EXPECT_EQ(lines_of(text)[0], "Films");
  EXPECT_THAT(text, HasSubstr("samples  predicted  precision   recall"));
  EXPECT_THAT(text, HasSubstr("True class, and the predicted one"));
  for (const std::string& name : recording.classes) EXPECT_THAT(text, HasSubstr("\n  " + name));
  const auto lines = lines_of(text);
  const auto heading = std::ranges::find_if(lines, [](const auto& line) { return line.starts_with("Hardest"); });
  ASSERT_NE(heading, lines.end());
  EXPECT_TRUE(std::ranges::any_of(recording.classes, [&](const std::string& name) {
    return (heading + 1)->find("✓ " + name + "  ") != std::string::npos ||
           (heading + 1)->find("✗ " + name + "  ") != std::string::npos;
  })) << *(heading + 1);
}

TEST(TextReport, NoLineIsWiderThanTheTerminal) {
  std::vector<RunFolder> runs = two_runs();
  runs[0].recorded->recording.samples[0].text =
      "映画はとても面白かったです。映画はとても面白かったです。映画はとても面白かったです。";
  for (const int columns : {20, 33, 60, 80, 137, 300})
    for (const std::string& line : lines_of(text_of(runs, {.columns = columns})))
      EXPECT_LE(columns_of(line), columns) << line;
}

TEST(TextReport, TellsTheTimeBesideTheCostWhereItWasMeasured) {
  std::vector<RunFolder> runs = {synthetic_run({.samples = 60})};
  const auto line_of_full_budget = [&] {
    for (const std::string& line : lines_of(text_of(runs)))
      if (line.find("budget 1 ") != std::string::npos) return line;
    return std::string();
  };
  EXPECT_THAT(line_of_full_budget(), HasSubstr("cost 100.0 %  time 104.0 %"));
  for (OperatingPoint& point : runs[0].recorded->points) point.time_fraction.reset();
  EXPECT_THAT(line_of_full_budget(), Not(HasSubstr("time")));
}

TEST(TextReport, TheScaleHasALineOfItsOwn) {
  std::vector<RunFolder> runs = {synthetic_run({.samples = 60})};
  runs[0].recorded->evaluation.full = {{"accuracy", 0.8}, {"f1", 0.7}};
  EXPECT_THAT(text_of(runs), ContainsRegex("\nScore against cost  mean of accuracy and f1 with 95 % intervals\n"
                                           "  scale from 0\\.[0-9]+ to [01]\\.[0-9]+\n"));
}

TEST(TextReport, NamesThePolicyThatWasEvaluated) {
  std::vector<RunFolder> runs = {synthetic_run({.samples = 60})};
  EXPECT_THAT(text_of(runs), HasSubstr("Measured on 60 samples of data/dev.tsv; policy: router.\n"));
  runs[0].recorded->policy = "fixed 0.25";
  EXPECT_THAT(text_of(runs), HasSubstr("With the policy \"fixed 0.25\" the model"));
  EXPECT_THAT(text_of(runs), HasSubstr("; policy: fixed 0.25.\n"));
}

TEST(TextReport, ShortTimesHaveThreeDigits) {
  std::vector<RunFolder> runs = {synthetic_run({.samples = 60})};
  runs[0].recorded->latency.resize(2);
  runs[0].recorded->latency[0].seconds = 0.0000123456;
  runs[0].recorded->latency[1].seconds = 0.0000384;
  const std::string text = text_of(runs);
  EXPECT_THAT(text, HasSubstr(" 0.0123 ms\n"));
  EXPECT_THAT(text, HasSubstr(" 0.0384 ms\n"));
}

TEST(TextReport, TellsHowLongCallsTake) {
  std::vector<RunFolder> runs = {synthetic_run({.samples = 60})};
  const std::string text = text_of(runs);
  EXPECT_THAT(text, HasSubstr("  1 sample    2.1 ms (6.3 ms)  full width 4.8 ms (6.5 ms)  48.0 %\n"));
  EXPECT_THAT(text, HasSubstr("  32 samples  71 ms (101 ms)  full width 151 ms (192 ms)  47.0 %\n"));
  runs[0].recorded->calls.clear();
  EXPECT_THAT(text_of(runs), Not(HasSubstr("Calls of the data")));
}

TEST(TextReport, HasColourOnlyWhenAsked) {
  const std::vector<RunFolder> runs = two_runs();
  EXPECT_THAT(text_of(runs), Not(HasSubstr("\x1b")));
  const std::string coloured = text_of(runs, {.colour = true});
  EXPECT_THAT(coloured, HasSubstr("\x1b[1m"));
  EXPECT_THAT(coloured, HasSubstr("\x1b[0m"));
}

TEST(TextReport, SentencesCannotSteerTheTerminal) {
  std::vector<RunFolder> runs = {synthetic_run({.samples = 3})};
  for (Sample& sample : runs[0].recorded->recording.samples) sample.text = "red \x1b[31m \u009b31m bell \a\r\n";
  EXPECT_THAT(text_of(runs), Not(HasSubstr("\x1b")));
  EXPECT_THAT(text_of(runs), Not(HasSubstr("\u009b")));
  EXPECT_THAT(text_of(runs), Not(HasSubstr("\r")));
}

TEST(TextReport, SeveralRunsAreComparedFirst) {
  const std::string text = text_of(two_runs(), {.columns = 100});
  EXPECT_EQ(lines_of(text)[0].rfind("Run", 0), 0u);
  EXPECT_THAT(text, HasSubstr("Settings that differ"));
  EXPECT_THAT(text, HasSubstr("seed                         1 | 2"));
  EXPECT_THAT(text, Not(HasSubstr("batch_size")));
}

TEST(TextReport, WhatARunDoesNotHaveIsLeftOut) {
  RunFolder run = synthetic_run({.samples = 30});
  run.recorded.reset();
  const std::string training = text_of(std::span(&run, 1));
  EXPECT_THAT(training, HasSubstr("Training"));
  EXPECT_THAT(training, HasSubstr("fixed 0.25"));
  EXPECT_THAT(training, Not(HasSubstr("Time of a call")));
  for (EpochRecord& epoch : run.epochs) epoch.evaluations.clear();
  EXPECT_THAT(text_of(std::span(&run, 1)), HasSubstr("task's loss"));
  RunFolder evaluated = synthetic_run({.samples = 30});
  evaluated.epochs.clear();
  EXPECT_THAT(text_of(std::span(&evaluated, 1)), Not(HasSubstr("Training")));
}

TEST(TextReport, TheSameRunsGiveTheSameText) { EXPECT_EQ(text_of(two_runs()), text_of(two_runs())); }

}  // namespace
}  // namespace sharcs::internal::text_report_test
