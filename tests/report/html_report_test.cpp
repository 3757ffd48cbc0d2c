#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/page.hpp"
#include "report/synthetic_run.hpp"

namespace sharcs::internal::html_report_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::synthetic_run;

std::vector<RunFolder> two_runs() {
  return {synthetic_run({.name = "two widths", .samples = 60}),
          synthetic_run({.name = "three widths", .widths = {0.25, 0.5, 1}, .samples = 60, .seed = 2})};
}

/// The JSON that the page's script reads.
nlohmann::json data_of(const std::string& page) {
  const std::string start = "<script type=\"application/json\" id=\"data\">";
  const std::size_t from = page.find(start) + start.size();
  return nlohmann::json::parse(page.substr(from, page.find("</script>", from) - from));
}

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++count;
  return count;
}

TEST(HtmlReport, NeedsNothingFromAnywhere) {
  const std::string page = html_of(two_runs());
  EXPECT_EQ(page.rfind("<!DOCTYPE html>", 0), 0u);
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, HasSubstr("Apache License 2.0"));
  for (const std::string attribute : {"src=", "href="})
    for (const std::string quote : {"", "\"", "'"})
      for (const std::string address : {"http:", "https:", "//"})
        EXPECT_EQ(page.find(attribute + quote + address), std::string::npos) << attribute << quote << address;
  EXPECT_THAT(page, Not(HasSubstr("@import")));
  EXPECT_THAT(page, Not(HasSubstr("url(")));
  EXPECT_THAT(page, Not(HasSubstr("fetch(")));
}

TEST(HtmlReport, TellsWhatIsKnownOfEachClass) {
  const std::vector<RunFolder> runs = {synthetic_run({.samples = 60})};
  const Recording& recording = runs[0].recorded->recording;
  const nlohmann::json recorded = data_of(html_of(runs))["runs"][0]["recorded"];
  ASSERT_EQ(recorded["classes"].size(), 2u);
  EXPECT_EQ(recorded["classes"][0]["name"], recording.classes[0]);
  std::size_t samples = 0, right = 0, counted = 0;
  for (std::size_t i = 0; i < recording.size(); ++i)
    right += recording.label_of(i, runs[0].recorded->answer_of_sample[i]) == recording.labels[i];
  for (const auto& each : recorded["classes"]) samples += each["samples"].get<std::size_t>();
  for (const auto& row : recorded["confusion"])
    for (const auto& cell : row) counted += cell.get<std::size_t>();
  EXPECT_EQ(samples, 60u);
  EXPECT_EQ(counted, 60u);
  EXPECT_EQ(recorded["confusion"][0][0].get<std::size_t>() + recorded["confusion"][1][1].get<std::size_t>(), right);
  const double found = recorded["confusion"][1][1], said = recorded["confusion"][0][1];
  EXPECT_NEAR(recorded["classes"][1]["precision"].get<double>(), found / (found + said), 1e-4);
}

TEST(HtmlReport, HasTheTitleThatItIsGiven) {
  const std::vector<RunFolder> runs = {synthetic_run({.name = "a run", .samples = 20})};
  EXPECT_THAT(html_of(runs), HasSubstr("<p class=\"runs\">a run</p>"));
  const std::string page = html_of(runs, {.title = "Films & <books>"});
  EXPECT_THAT(page, HasSubstr("<p class=\"runs\">Films &amp; &lt;books&gt;</p>"));
  EXPECT_THAT(page, HasSubstr("<title>Films &amp; &lt;books&gt; "));
}

TEST(HtmlReport, TextFromTheDataCannotBecomeMarkup) {
  std::vector<RunFolder> runs = two_runs();
  const std::string nasty = "</script><script>alert(1)</script><!-- \"quoted\" & 'single' <b>\u2028{{script}}";
  runs[0].name = nasty;
  runs[0].folder = nasty;
  runs[0].settings.push_back({nasty, nasty});
  runs[0].recorded->recording.samples[5].text = nasty;
  runs[0].recorded->recording.classes[0] = nasty;
  runs[0].recorded->recording.data = nasty;
  const std::string page = html_of(runs);
  EXPECT_EQ(count_of(page, "<script"), count_of(html_of(two_runs()), "<script"));
  EXPECT_THAT(page, Not(HasSubstr("alert(1)</script>")));
  EXPECT_THAT(page, HasSubstr("&lt;/script&gt;&lt;script&gt;alert(1)"));
  const nlohmann::json data = data_of(page);
  EXPECT_EQ(data["runs"][0]["name"], nasty);
  EXPECT_EQ(data["runs"][0]["recorded"]["samples"][5]["text"], nasty);
  EXPECT_EQ(data["runs"][0]["recorded"]["labels"][0], nasty);
}

TEST(HtmlReport, InvalidUtf8IsReplaced) {
  std::vector<RunFolder> runs = {synthetic_run({.samples = 10})};
  runs[0].name = "bad \xff name";
  const std::string page = html_of(runs);
  EXPECT_THAT(page, Not(HasSubstr("\xff")));
  EXPECT_THAT(page, HasSubstr("bad \uFFFD name"));
}

TEST(HtmlReport, EverythingOfTheTemplateIsFilled) { EXPECT_THAT(html_of(two_runs()), Not(HasSubstr("{{"))); }

TEST(HtmlReport, StaysSmall) {
  RunFolder run = synthetic_run({.epochs = 3, .samples = 10});
  EXPECT_LT(html_of(std::span(&run, 1)).size(), 150'000u) << "page, style and script";
}

TEST(HtmlReport, TheSameRunsGiveTheSameBytes) { EXPECT_EQ(html_of(two_runs()), html_of(two_runs())); }

TEST(PageData, HoldsWhatTheRunHolds) {
  const std::vector<RunFolder> runs = two_runs();
  const auto data = page_data(runs, {});
  ASSERT_EQ(data["runs"].size(), 2u);
  const auto& run = data["runs"][1];
  EXPECT_EQ(run["widths"].size(), 3u);
  EXPECT_EQ(run["epochs"].size(), 10u);
  EXPECT_EQ(run["epochs"][4]["transitions"].size(), 3u);
  EXPECT_EQ(run["reliability"].size(), 3u);
  EXPECT_EQ(run["points"].size(), runs[1].recorded->points.size());
  EXPECT_TRUE(run["points"][0]["time"].is_null());
  EXPECT_NEAR(run["points"].back()["time"].get<double>() / run["points"].back()["cost"].get<double>(), 1.04, 1e-3);
  EXPECT_EQ(run["recorded"]["latency"].size(), runs[1].recorded->latency.size());
  EXPECT_EQ(run["recorded"]["latency"][2]["cost"], 1.0) << "of the widest width";
  EXPECT_LT(run["recorded"]["latency"][0]["cost"], 0.5);
  EXPECT_EQ(run["recorded"]["calls"][1]["batch"], 32);
  EXPECT_EQ(run["recorded"]["calls"][1]["policy"]["p95"], 0.092);
  EXPECT_EQ(run["recorded"]["difficulty"].size(), 5u);
  EXPECT_EQ(run["recorded"]["samples"].size(), 60u);
  EXPECT_TRUE(data["settings"]["training"].size() > 10);
}

TEST(PageData, HoldsWhatTheRouterKnowsOfEachNarrowWidth) {
  const std::vector<RunFolder> runs = two_runs();
  const auto known = page_data(runs, {})["runs"][1]["recorded"]["knowledge"];
  ASSERT_EQ(known.size(), 2u);
  EXPECT_EQ(known[0]["width"], 0.25);
  for (const auto& width : known) {
    EXPECT_GT(width["router"]["value"], 0.5) << "synthetic routers know something";
    EXPECT_LE(width["router"]["low"], width["router"]["value"]);
    EXPECT_GE(width["router"]["high"], width["router"]["value"]);
  }
}

TEST(PageData, OfManySentencesTheEasiestAndTheHardestStay) {
  RunFolder run = synthetic_run({.samples = 50});
  for (std::size_t i = 0; i < 50; ++i) {
    run.recorded->recording.router_logits[2 * i] = 0;
    run.recorded->recording.router_logits[2 * i + 1] = static_cast<float>((i * 7) % 50);
  }
  const auto recorded = page_data(std::span(&run, 1), {.samples = 5})["runs"][0]["recorded"];
  EXPECT_EQ(recorded["all_samples"], 50);
  std::vector<double> found;
  for (const auto& sample : recorded["samples"]) found.push_back(sample["router_margin"]);
  EXPECT_THAT(found, ::testing::UnorderedElementsAre(0, 1, 47, 48, 49));
}

TEST(PageData, MarksThePointsThatNoOtherBeats) {
  RunFolder run = synthetic_run({.samples = 50});
  const auto point = [](const char* series, double cost, double value) {
    return OperatingPoint{.name = series, .series = series, .cost_fraction = cost, .score = {value, {value, value}}};
  };
  run.recorded->points = {point("routed", 0.5, 0.8), point("fixed", 0.25, 0.7), point("fixed", 1, 0.8),
                          point("oracle", 0.2, 1), point("calibrated", 0.6, 0.9)};
  std::vector<bool> on_front;
  const auto data = page_data(std::span(&run, 1), {});
  for (const auto& each : data["runs"][0]["points"]) on_front.push_back(each["on_front"]);
  EXPECT_EQ(on_front, (std::vector<bool>{true, true, false, false, true})) << "the oracle takes no part";
}

TEST(PageData, WithoutComparedPointsTheSummaryGivesThem) {
  RunFolder run = synthetic_run({.samples = 50});
  run.recorded->points.clear();
  const auto points = page_data(std::span(&run, 1), {})["runs"][0]["points"];
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(points[0]["name"], "routed");
  EXPECT_EQ(points[2]["name"], "fixed 1");
  EXPECT_EQ(points[2]["cost"], 1.0);
}

TEST(PageData, ARunWithoutEvaluationsStillHasItsCurves) {
  RunFolder run = synthetic_run({.samples = 20});
  run.recorded.reset();
  for (EpochRecord& epoch : run.epochs) epoch.evaluations.clear();
  const auto data = page_data(std::span(&run, 1), {})["runs"][0];
  EXPECT_TRUE(data["headline"].is_null());
  EXPECT_TRUE(data["points"].empty());
  EXPECT_EQ(data["widths"].size(), 2u);
  EXPECT_EQ(data["epochs"].size(), 10u);
}

TEST(PageData, NumbersThatJsonDoesNotHaveAreNull) {
  RunFolder run = synthetic_run({.samples = 20});
  run.epochs[3].loss_task = std::nan("");
  run.epochs[3].seconds = 0;
  const auto epoch = page_data(std::span(&run, 1), {})["runs"][0]["epochs"][3];
  EXPECT_TRUE(epoch["loss_task"].is_null());
  EXPECT_TRUE(epoch["samples_per_second"].is_null());
}

}  // namespace
}  // namespace sharcs::internal::html_report_test
