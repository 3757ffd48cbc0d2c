#include <gmock/gmock.h>

#include "browser.hpp"
#include "serve/test_server.hpp"

namespace sharcs::internal::try_it_page_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(TryItPage, SlowShowsWhatEachTextGot) {
  const std::string browser = testing::find_browser();
  if (browser.empty()) GTEST_SKIP() << "no Chromium is installed";
  const testing::TestServer server;
  const std::string url = server.server().url() + "/#the%20film%20was%20superb%0Aa%20%3Cb%3Ebold%3C%2Fb%3E%20mess";
  const testing::Rendering rendering = testing::render_url(browser, url, 900);
  ASSERT_EQ(rendering.status, 0) << rendering.messages;
  EXPECT_THAT(rendering.messages, Not(HasSubstr("CONSOLE")));
  const nlohmann::json expected =
      server.ask(testing::post("/v1/classify", R"({"inputs": ["the film was superb"]})")).json()["predictions"][0];
  EXPECT_THAT(rendering.page, HasSubstr("<td>the film was superb</td><td>" + expected["label"].get<std::string>()));
  EXPECT_THAT(rendering.page, HasSubstr("<td>" + expected["answer"].get<std::string>() + "</td>"));
  EXPECT_THAT(rendering.page, HasSubstr("<td>a &lt;b&gt;bold&lt;/b&gt; mess</td>"));
  EXPECT_THAT(rendering.page, HasSubstr("tiny, router: mean cost "));
}

TEST(TryItPage, SlowLabelsWordsAndAnswersQuestions) {
  const std::string browser = testing::find_browser();
  if (browser.empty()) GTEST_SKIP() << "no Chromium is installed";
  const testing::TestServer words({}, {}, testing::label_words);
  const testing::Rendering labelled = testing::render_url(browser, words.server().url() + "/#the%20film", 900);
  EXPECT_THAT(labelled.messages, Not(HasSubstr("CONSOLE")));
  const nlohmann::json tags =
      words.ask(testing::post("/v1/tag", R"({"inputs": [["the", "film"]]})")).json()["predictions"][0];
  const std::string first = tags["entities"].empty() ? "no names" : tags["entities"][0]["text"].get<std::string>();
  EXPECT_THAT(labelled.page, HasSubstr("<td>the film</td><td>" + first));
  const testing::TestServer questions({}, {}, testing::find_answers);
  const std::string url = questions.server().url() + "/#the%20plot&context=a%20gem%20,%20the%20film%20was%20superb";
  const testing::Rendering answered = testing::render_url(browser, url, 900);
  EXPECT_THAT(answered.messages, Not(HasSubstr("CONSOLE")));
  const std::string request = R"({"inputs": [{"question": "the plot", "context": "a gem , the film was superb"}]})";
  const std::string text = questions.ask(testing::post("/v1/answer", request)).json()["predictions"][0]["text"];
  EXPECT_THAT(answered.page, HasSubstr("<td>the plot</td><td>" + (text.empty() ? "no answer" : text) + "</td>"));
}

TEST(TryItPage, SlowFillsMasks) {
  const std::string browser = testing::find_browser();
  if (browser.empty()) GTEST_SKIP() << "no Chromium is installed";
  const testing::TestServer masks({}, {}, testing::fill_masks);
  const testing::Rendering filled = testing::render_url(browser, masks.server().url() + "/#a%20[MASK]", 900);
  EXPECT_THAT(filled.messages, Not(HasSubstr("CONSOLE")));
  const nlohmann::json fillings =
      masks.ask(testing::post("/v1/fill", R"({"inputs": ["a [MASK]"]})")).json()["predictions"][0]["masks"][0];
  EXPECT_THAT(filled.page, HasSubstr("<td>a [MASK]</td><td>" + fillings[0]["token"].get<std::string>() + " 0."));
}

TEST(TryItPage, SlowSaysWhyThereIsNoAnswer) {
  const std::string browser = testing::find_browser();
  if (browser.empty()) GTEST_SKIP() << "no Chromium is installed";
  const testing::TestServer server({}, {.limits = {.max_inputs = 1}});
  const testing::Rendering rendering = testing::render_url(browser, server.server().url() + "/#a%0Ab", 500);
  EXPECT_THAT(rendering.page, HasSubstr("has 2 inputs; expected at most 1</p>"));
}

}  // namespace
}  // namespace sharcs::internal::try_it_page_test
