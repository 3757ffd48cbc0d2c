#include "serve/request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.hpp"

namespace sharcs::internal::request_test {
namespace {

using ::testing::HasSubstr;

std::string refusal(const std::string& body, int status = 400) {
  try {
    read_classify_request(body, {.max_inputs = 3});
  } catch (const RequestError& error) {
    EXPECT_EQ(error.status, status) << body;
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  ADD_FAILURE() << "was taken: " << body;
  return {};
}

std::string embed_refusal(const std::string& body) {
  return message_of<RequestError>([&] { read_embed_request(body, {}); });
}

TEST(ClassifyRequest, HasTextsPairsAndWhatTheyAreAskedWith) {
  const ClassifyRequest request = read_classify_request(
      R"({"model": "m", "inputs": ["a", {"text": "b"}, {"text": "c", "pair": "d"}], "budget": 0.5})", {});
  EXPECT_EQ(request.choice.model, "m");
  ASSERT_EQ(request.inputs.size(), 3u);
  EXPECT_EQ(request.inputs[0].text, "a");
  EXPECT_FALSE(request.inputs[1].pair);
  EXPECT_EQ(request.inputs[2].pair, "d");
  EXPECT_EQ(request.choice.budget, 0.5);
  EXPECT_FALSE(request.choice.policy);
  EXPECT_EQ(read_classify_request(R"({"inputs": ["a"], "policy": "router"})", {}).choice.policy, "router");
}

TEST(TagRequest, HasTheWordsOfTexts) {
  const TagRequest request = read_tag_request(R"({"inputs": [["a", "b c"], ["d"]], "policy": "router"})", {});
  EXPECT_EQ(request.inputs, (std::vector<std::vector<std::string>>{{"a", "b c"}, {"d"}}));
  EXPECT_EQ(request.choice.policy, "router");
  const auto refused = [](const char* body) {
    return message_of<RequestError>([&] { read_tag_request(body, {.max_inputs = 2}); });
  };
  EXPECT_EQ(refused(R"({"inputs": [["a"], []]})"), "body: \"inputs[1]\" is []; expected a list of at least one word");
  EXPECT_EQ(refused(R"({"inputs": [["a", 5]]})"), "body: \"inputs[0][1]\" is 5; expected a string");
  EXPECT_EQ(refused(R"({"inputs": ["a"]})"), "body: \"inputs[0]\" is \"a\"; expected a list");
  EXPECT_EQ(refused(R"({"inputs": [["a"], ["b"], ["c"]]})"), "body: \"inputs\" has 3 inputs; expected at most 2");
  EXPECT_THAT(refused(R"({"inputs": [["a"]], "no_answer_above": 1})"), HasSubstr("is not a field of this request"));
}

TEST(AnswerRequest, HasQuestionsWithTheirContexts) {
  const AnswerRequest request = read_answer_request(
      R"({"inputs": [{"question": "a", "context": "b"}], "no_answer_above": -1.5, "budget": 0.5})", {});
  ASSERT_EQ(request.inputs.size(), 1u);
  EXPECT_EQ(request.inputs[0].text, "a");
  EXPECT_EQ(request.inputs[0].pair, "b");
  EXPECT_EQ(request.no_answer_above, -1.5);
  EXPECT_EQ(request.choice.budget, 0.5);
  const auto refused = [](const char* body) {
    return message_of<RequestError>([&] { read_answer_request(body, {}); });
  };
  EXPECT_EQ(refused(R"({"inputs": ["a"]})"),
            "body: \"inputs[0]\" is \"a\"; expected an object with \"question\" and \"context\"");
  EXPECT_EQ(refused(R"({"inputs": [{"question": "a"}]})"), "body: \"inputs[0].context\" is absent; expected a string");
  EXPECT_EQ(refused(R"({"inputs": [{"question": "a", "context": "b", "id": 1}]})"),
            "body: \"inputs[0].id\" is not a field of an input; expected question or context");
  EXPECT_EQ(refused(R"({"inputs": [{"question": "a", "context": "b"}], "no_answer_above": "x"})"),
            "body: \"no_answer_above\" is \"x\"; expected a number");
}

TEST(FillRequest, HasTextsAndHowManyTokens) {
  const FillRequest request = read_fill_request(R"({"inputs": ["a [MASK]"], "top": 100, "policy": "router"})", {});
  EXPECT_EQ(request.inputs, std::vector<std::string>{"a [MASK]"});
  EXPECT_EQ(request.top, 100);
  EXPECT_EQ(request.choice.policy, "router");
  EXPECT_EQ(read_fill_request(R"({"inputs": ["a [MASK]"]})", {}).top, 5);
  const auto refused = [](const char* body) { return message_of<RequestError>([&] { read_fill_request(body, {}); }); };
  EXPECT_EQ(refused(R"({"inputs": [["a"]]})"), "body: \"inputs[0]\" is [\"a\"]; expected a string");
  EXPECT_EQ(refused(R"({"inputs": ["a"], "top": 0})"), "body: \"top\" is 0; expected an integer from 1 to 100");
  EXPECT_EQ(refused(R"({"inputs": ["a"], "top": 101})"), "body: \"top\" is 101; expected an integer from 1 to 100");
  EXPECT_EQ(refused(R"({"inputs": ["a"], "pooling": "cls"})"),
            "body: \"pooling\" is not a field of this request; expected model, inputs, policy, budget or top");
}

TEST(ClassifyRequest, SaysWhichFieldIsWrongWhatWasFoundAndWhatWasExpected) {
  EXPECT_EQ(refusal("{}"), "body: \"inputs\" is absent; expected a list");
  EXPECT_EQ(refusal(R"({"inputs": "a"})"), "body: \"inputs\" is \"a\"; expected a list");
  EXPECT_EQ(refusal(R"({"inputs": []})"), "body: \"inputs\" is []; expected a list of at least one input");
  EXPECT_EQ(refusal(R"({"inputs": ["a", 5]})"),
            "body: \"inputs[1]\" is 5; expected a string, or an object with \"text\" and maybe \"pair\"");
  EXPECT_EQ(refusal(R"({"inputs": [{}]})"), "body: \"inputs[0].text\" is absent; expected a string");
  EXPECT_EQ(refusal(R"({"inputs": [{"text": "a", "pair": null}]})"),
            "body: \"inputs[0].pair\" is null; expected a string");
  EXPECT_EQ(refusal(R"({"inputs": [{"text": "a", "extra": 1}]})"),
            "body: \"inputs[0].extra\" is not a field of an input; expected text or pair");
  EXPECT_EQ(refusal(R"({"inputs": ["a"], "bugdet": 1})"),
            "body: \"bugdet\" is not a field of this request; expected model, inputs, policy or budget");
  EXPECT_EQ(refusal(R"({"inputs": ["a"], "budget": 1.5})"), "body: \"budget\" is 1.5; expected a number from 0 to 1");
  EXPECT_EQ(refusal(R"({"inputs": ["a"], "budget": NaN})"), "body: \"budget\" is NaN; expected a finite number");
  EXPECT_EQ(refusal(R"({"inputs": ["a"], "budget": 1, "policy": "router"})"),
            "body: \"budget\" stands beside \"policy\"; expected one of the two");
  EXPECT_EQ(refusal(R"({"inputs": ["a"], "model": ""})"), "body: \"model\" is \"\"; expected a model's name");
  EXPECT_EQ(refusal(R"({"inputs": ["a", "b", "c", "d"]})", 413), "body: \"inputs\" has 4 inputs; expected at most 3");
}

TEST(ClassifyRequest, TextThatIsNoJsonIsRefusedWithItsPlace) {
  EXPECT_THAT(refusal(""), HasSubstr("body:1: not valid JSON at byte 1"));
  EXPECT_THAT(refusal("{\"inputs\": [\"a\"]"), HasSubstr("not valid JSON at byte 17"));
  EXPECT_THAT(refusal("{\"inputs\": [\"\xff\"]}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(refusal(std::string(100000, '[')), HasSubstr("more than 200 lists and objects inside each other"));
  EXPECT_THAT(refusal("{\"inputs\": [\"a\"], \"budget\": 1e999}"), HasSubstr("1e999 is too large"));
}

TEST(EmbedRequest, HasLayerPoolingAndLength) {
  const EmbedRequest request =
      read_embed_request(R"({"inputs": ["a"], "layer": 2, "pooling": "cls", "normalize": true})", {});
  EXPECT_EQ(request.options.layer, 2);
  EXPECT_EQ(request.options.pooling, Pooling::cls);
  EXPECT_TRUE(request.options.normalize);
  EXPECT_FALSE(read_embed_request(R"({"inputs": ["a"]})", {}).options.layer);
  EXPECT_EQ(embed_refusal(R"({"inputs": ["a"], "layer": -1})"), "body: \"layer\" is -1; expected an integer ≥ 0");
  EXPECT_EQ(embed_refusal(R"({"inputs": ["a"], "pooling": "max"})"),
            "body: \"pooling\" is \"max\"; expected one of mean, cls");
  EXPECT_EQ(embed_refusal(R"({"inputs": ["a"], "normalize": 1})"), "body: \"normalize\" is 1; expected true or false");
  EXPECT_EQ(embed_refusal(R"({"inputs": ["a"], "policy": "router"})"),
            "body: \"policy\" is not a field of this request; expected model, inputs, layer, pooling or normalize");
}

}  // namespace
}  // namespace sharcs::internal::request_test
