#include "browser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/file.hpp"
#include "report/synthetic_run.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::browser_test {
namespace {

using testing::find_browser;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Rendering;
using testing::synthetic_run;

Rendering render(const std::string& browser, const std::string& page, int width) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "report.html", page);
  return testing::render_url(browser, "file://" + (folder / "report.html").string(), width);
}

/// The page above its own script, whose text would be found, too.
std::string shown_part(const Rendering& rendering) { return rendering.page.substr(0, rendering.page.find("<footer>")); }

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++count;
  return count;
}

/// A script that uses the page as a person would, and leaves what it saw as attributes of the body.
constexpr const char* visitor = R"(<script>
  const saw = document.body.dataset;
  const theme = document.getElementById('theme');
  saw.before = document.documentElement.dataset.theme;
  theme.click(); theme.click();
  saw.after = document.documentElement.dataset.theme;
  const search = document.querySelector('#sentences input');
  search.value = 'script ALERT';
  search.dispatchEvent(new Event('input'));
  saw.found = document.querySelectorAll('#sentence-table tbody tr').length;
  saw.sentence = document.querySelector('#sentence-table td').textContent;
  const choices = document.querySelectorAll('#chooser input');
  choices[1].checked = true;
  choices[1].dispatchEvent(new Event('change'));
  saw.columns = document.querySelectorAll('#sentence-table th').length;
  saw.overflow = document.documentElement.scrollWidth > document.documentElement.clientWidth;
  const plot = document.querySelector('#cost svg[tabindex]');
  for (const key of ['ArrowRight', 'ArrowRight']) plot.dispatchEvent(new KeyboardEvent('keydown', {key}));
  saw.tip = document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent;
</script>
)";

std::vector<RunFolder> two_runs() {
  return {synthetic_run({.name = "two widths", .samples = 60}),
          synthetic_run({.name = "three widths", .widths = {0.25, 0.5, 1}, .samples = 60, .seed = 2})};
}

TEST(Browser, SlowDrawsEverySectionWithoutAnError) {
  const std::string browser = find_browser();
  if (browser.empty()) GTEST_SKIP() << "no Chromium is installed";
  const std::vector<RunFolder> runs = {synthetic_run({.samples = 60})};
  const Rendering rendering = render(browser, html_of(runs), 1200);
  ASSERT_EQ(rendering.status, 0) << rendering.messages;
  EXPECT_THAT(rendering.messages, Not(HasSubstr("CONSOLE")));
  for (const char* section :
       {"summary", "cost", "training", "router", "difficulty", "calls", "latency", "widths", "sentences", "settings"})
    EXPECT_THAT(rendering.page, HasSubstr("<section id=\"" + std::string(section) + "\"")) << section;
  EXPECT_THAT(rendering.page, HasSubstr("Who knows when width 0.25 is enough?"));
  EXPECT_GE(count_of(shown_part(rendering), "role=\"img\""), 13u) << "plots";
  EXPECT_GE(count_of(shown_part(rendering), "<details>"), 13u) << "tables under plots";
  EXPECT_THAT(shown_part(rendering), Not(HasSubstr("NaN")));
  EXPECT_THAT(shown_part(rendering), Not(HasSubstr("undefined")));
}

TEST(Browser, SlowComparesRunsAndAnswersItsReader) {
  const std::string browser = find_browser();
  if (browser.empty()) GTEST_SKIP() << "no Chromium is installed";
  for (const int width : {500, 1200}) {
    const Rendering rendering = render(browser, html_of(two_runs()) + visitor, width);
    ASSERT_EQ(rendering.status, 0) << rendering.messages;
    EXPECT_THAT(rendering.messages, Not(HasSubstr("CONSOLE")));
    EXPECT_THAT(rendering.page, HasSubstr("data-before=\"light\""));
    EXPECT_THAT(rendering.page, HasSubstr("data-after=\"dark\""));
    EXPECT_THAT(rendering.page, HasSubstr("data-found=\"1\""));
    EXPECT_THAT(rendering.page, HasSubstr("data-columns=\"10\""))
        << "one for each of the second run's widths, and what was predicted";
    EXPECT_THAT(rendering.page, HasSubstr("data-overflow=\"false\"")) << "nothing is wider than the page";
    EXPECT_THAT(rendering.page, HasSubstr("data-tip=\"two widths: "));
    EXPECT_THAT(shown_part(rendering), Not(HasSubstr("<b>bold</b>"))) << "a sentence became markup";
  }
}

TEST(Browser, SlowDrawsRunsThatLackParts) {
  const std::string browser = find_browser();
  if (browser.empty()) GTEST_SKIP() << "no Chromium is installed";
  std::vector<RunFolder> runs = two_runs();
  runs[0].recorded.reset();  // goes on
  runs[1].epochs.clear();    // only evaluated
  runs[1].recorded->points.clear();
  runs[1].recorded->latency.clear();
  runs[1].recorded->calls.clear();
  runs[1].recorded->recording.router_logits.clear();
  for (Sample& sample : runs[1].recorded->recording.samples) sample.difficulty.reset();
  for (AnswerMetrics& answer : runs[1].recorded->evaluation.answers) answer.reliability.clear();
  RunFolder just_started = synthetic_run({.name = "just started", .epochs = 1, .samples = 60});
  just_started.recorded.reset();
  just_started.config.reset();
  just_started.settings.clear();
  just_started.epochs[0].evaluations.clear();
  for (const auto& shown : {runs, {runs[0]}, {runs[1]}, {just_started}}) {
    const Rendering rendering = render(browser, html_of(shown), 1000);
    ASSERT_EQ(rendering.status, 0) << rendering.messages;
    EXPECT_THAT(rendering.messages, Not(HasSubstr("CONSOLE")));
    EXPECT_THAT(rendering.page, HasSubstr("<section id=\"settings\""));
    EXPECT_THAT(shown_part(rendering), Not(HasSubstr("NaN")));
    EXPECT_THAT(shown_part(rendering), Not(HasSubstr("undefined")));
  }
}

}  // namespace
}  // namespace sharcs::internal::browser_test
