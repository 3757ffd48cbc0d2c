#include "cli/progress.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <sstream>

namespace sharcs::internal::progress_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TrainingProgress at_step(std::int64_t step) {
  return {.epoch = 3,
          .epochs = 10,
          .step = step,
          .steps = 340,
          .loss_task = 0.4123,
          .loss_router = 0.2311,
          .learning_rate = 1.5e-5,
          .samples_per_second = 812.4,
          .seconds_left = 83,
          .widths = {0.25, 1.0},
          .width_shares = {0.408, 0.592}};
}

/// Columns of a line with the one-column characters that progress lines are made of.
std::size_t columns_of(const std::string& text) {
  std::size_t columns = 0;
  for (const char c : text) columns += (c & 0xC0) != 0x80;
  return columns;
}

TEST(ProgressLine, TellsEpochStepRateTimeLossesAndShares) {
  EXPECT_EQ(
      progress_line(at_step(145), 1000, false),
      "epoch 3/10  step 145/340  812 samples/s  1:23 left  loss 0.412  router 0.231  0.25: 41 %  1: 59 %  lr 1.5e-05");
  EXPECT_THAT(progress_line(at_step(145), 1000, true), StartsWith("epoch 3/10  ████▎       145/340  812 samples/s  "));
}

TEST(ProgressLine, FitsTheColumnsAndLeavesTheLeastImportantOut) {
  for (int columns = 0; columns <= 140; ++columns)
    EXPECT_LE(columns_of(progress_line(at_step(145), columns, true)), static_cast<std::size_t>(columns));
  EXPECT_EQ(progress_line(at_step(145), 50, true), "epoch 3/10  145/340  1:23 left  loss 0.412");
  EXPECT_EQ(progress_line(at_step(145), 10, true), "epoch 3/10");
}

TEST(ProgressLine, LeavesOutWhatDoesNotExist) {
  TrainingProgress progress = at_step(0);
  progress.loss_router = std::numeric_limits<double>::quiet_NaN();
  progress.loss_task = std::numeric_limits<double>::quiet_NaN();
  progress.seconds_left = std::numeric_limits<double>::quiet_NaN();
  progress.widths.clear();
  progress.steps = 0;
  EXPECT_EQ(progress_line(progress, 1000, false), "epoch 3/10  step 0/0  812 samples/s  ? left  loss -  lr 1.5e-05");
}

TEST(ProgressLine, BarIsEmptyAtTheStartAndFullAtTheEnd) {
  EXPECT_THAT(progress_line(at_step(0), 1000, true), StartsWith("epoch 3/10              0/340"));
  EXPECT_THAT(progress_line(at_step(340), 1000, true), StartsWith("epoch 3/10  ██████████  340/340"));
}

TEST(DurationText, ReadsLikeAClock) {
  EXPECT_EQ(duration_text(0), "0:00");
  EXPECT_EQ(duration_text(-3), "0:00");
  EXPECT_EQ(duration_text(6.7), "0:07");
  EXPECT_EQ(duration_text(754), "12:34");
  EXPECT_EQ(duration_text(3723), "1:02:03");
  EXPECT_EQ(duration_text(86399), "23:59:59");
  EXPECT_EQ(duration_text(3 * 86400 + 4 * 3600), "3 d 4 h");
  EXPECT_EQ(duration_text(std::numeric_limits<double>::quiet_NaN()), "?");
  EXPECT_THAT(duration_text(1e300), HasSubstr(" d "));
}

TEST(Progress, OnATerminalRedrawsOneLineInPlace) {
  std::ostringstream out;
  double now = 100;
  {
    Progress progress(out, {.is_terminal = true, .columns = 60}, [&] { return now; });
    progress.update(at_step(1));
    EXPECT_THAT(out.str(), AllOf(StartsWith("\repoch 3/10"), Not(HasSubstr("\n"))));
    const auto size = out.str().size();
    now += 0.05;
    progress.update(at_step(2));
    EXPECT_EQ(out.str().size(), size) << "too early to draw again";
    now += 0.06;
    progress.update(at_step(3));
    EXPECT_THAT(out.str().substr(size),
                AllOf(StartsWith("\repoch 3/10"), ::testing::EndsWith("\x1b[K"), Not(HasSubstr("\n"))));
  }
  EXPECT_THAT(out.str(), ::testing::EndsWith("\n"));
}

TEST(Progress, DrawsTheLastStepOfAnEpochInAnyCase) {
  std::ostringstream out;
  Progress progress(out, {.is_terminal = true, .columns = 60}, [] { return 5.0; });
  progress.update(at_step(1));
  progress.update(at_step(340));
  EXPECT_THAT(out.str(), HasSubstr("340/340"));
}

TEST(Progress, ASaidLineReplacesTheDrawnOneAndStays) {
  std::ostringstream out;
  {
    Progress progress(out, {.is_terminal = true, .columns = 60}, [] { return 5.0; });
    progress.update(at_step(1));
    out.str("");
    progress.say("epoch 3: accuracy 0.81");
    EXPECT_EQ(out.str(), "\r\x1b[Kepoch 3: accuracy 0.81\n");
  }
  EXPECT_EQ(out.str(), "\r\x1b[Kepoch 3: accuracy 0.81\n") << "nothing is drawn any more, so nothing is ended";
}

TEST(Progress, ElsewhereWritesPlainLinesNowAndThen) {
  std::ostringstream out;
  double now = 0;
  Progress progress(out, {.is_terminal = false, .seconds_between_lines = 30}, [&] { return now; });
  for (std::int64_t step = 1; step <= 340; ++step) {
    now += 0.25;
    progress.update(at_step(step));
  }
  progress.say("done");
  std::istringstream lines(out.str());
  std::vector<std::string> steps;
  for (std::string line; std::getline(lines, line);) steps.push_back(line.substr(0, 24));
  EXPECT_THAT(steps, ::testing::ElementsAre("epoch 3/10  step 120/340", "epoch 3/10  step 240/340",
                                            "epoch 3/10  step 340/340", "done"));
  EXPECT_THAT(out.str(), AllOf(Not(HasSubstr("\r")), Not(HasSubstr("\x1b")), Not(HasSubstr("█"))));
}

TEST(ProgressOptions, APipeIsNoTerminal) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_FALSE(ProgressOptions::of_descriptor(ends[1]).is_terminal);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(ProgressOptions, ATerminalIsOneUnlessItIsDumb) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0) GTEST_SKIP() << "this system gives no pseudo-terminals";
  const char* const before = ::getenv("TERM");
  const std::string saved = before != nullptr ? before : "";
  ::setenv("TERM", "xterm", 1);
  EXPECT_TRUE(ProgressOptions::of_descriptor(terminal).is_terminal);
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(ProgressOptions::of_descriptor(terminal).is_terminal);
  before != nullptr ? ::setenv("TERM", saved.c_str(), 1) : ::unsetenv("TERM");
  ::close(terminal);
}

}  // namespace
}  // namespace sharcs::internal::progress_test
