#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "core/random.hpp"
#include "io/file.hpp"
#include "serve/test_server.hpp"
#include "sharcs/classifier.hpp"

namespace sharcs::internal::server_test {
namespace {

using namespace std::chrono_literals;
using testing::get;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::post;
using testing::ReadResponse;
using testing::TestClient;
using testing::TestServer;

const std::string two_inputs = R"({"inputs": ["the film was superb", "a mess"]})";
const std::string two_texts_of_words = R"({"inputs": [["the", "film"], ["a", "mess", "dull"]]})";
const std::string two_questions = R"({"inputs": [{"question": "the plot", "context": "a gem \u00e9 dull"},)"
                                  R"( {"question": "a", "context": "not a joy"}]})";

const std::string two_texts_with_masks = R"({"inputs": ["the film was [MASK]", "[MASK] mess , not a [MASK]"]})";

/// What a model has of its own: the endpoint, how it is made, and requests for two inputs, one input and three.
struct Kind {
  std::string path;
  void (*change)(ModelConfig&);
  std::string two_inputs;
  nlohmann::json input;
};
const Kind kinds[] = {{"/v1/classify", nullptr, two_inputs, "a gem"},
                      {"/v1/tag", testing::label_words, two_texts_of_words, {"a", "gem"}},
                      {"/v1/answer", testing::find_answers, two_questions, {{"question", "a"}, {"context", "gem"}}},
                      {"/v1/fill", testing::fill_masks, two_texts_with_masks, "a [MASK]"},
                      {"/v1/embed", nullptr, two_inputs, "a gem"}};

bool is_well(const TestServer& server) { return server.ask(get("/health")).status == 200; }

TEST(Server, GivesThePredictionsOfTheClassifier) {
  const TestServer server;
  const auto classifier = Classifier::load(server.folder());
  const auto expected = classifier.classify(std::vector<std::string>{"the film was superb", "a mess"});
  const ReadResponse response = server.ask(post("/v1/classify", two_inputs));
  ASSERT_EQ(response.status, 200) << response.body;
  const nlohmann::json json = response.json();
  EXPECT_EQ(json["model"], "tiny");
  EXPECT_EQ(json["classes"], nlohmann::json({"negative", "positive"}));
  ASSERT_EQ(json["predictions"].size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const nlohmann::json& found = json["predictions"][i];
    EXPECT_EQ(found["label"], classifier.label_name(expected[i].label));
    EXPECT_EQ(found["label_id"], expected[i].label);
    EXPECT_EQ(found["answer"], expected[i].answer);
    EXPECT_EQ(found["width"], expected[i].width);
    EXPECT_EQ(found["probabilities"].get<std::vector<float>>(), expected[i].probabilities);
    EXPECT_EQ(found["truncated"], false);
  }
}

TEST(Server, LabelsTheWordsOfTexts) {
  const TestServer server({}, {}, testing::label_words);
  const auto classifier = Classifier::load(server.folder());
  const std::vector<std::vector<std::string>> texts = {{"the", "film"}, std::vector<std::string>(40, "dull")};
  const std::vector<Prediction> expected = classifier.tag(texts);
  const ReadResponse response = server.ask(post("/v1/tag", nlohmann::json({{"inputs", texts}}).dump()));
  ASSERT_EQ(response.status, 200) << response.body;
  const nlohmann::json json = response.json();
  EXPECT_EQ(json["classes"], nlohmann::json({"B-PER", "I-PER", "O"}));
  ASSERT_EQ(json["predictions"].size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const nlohmann::json& found = json["predictions"][i];
    std::size_t row = 0;
    ASSERT_EQ(found["labels"].size(), texts[i].size());
    for (std::size_t w = 0; w < texts[i].size(); ++w) {
      const int label = expected[i].labels[w];
      EXPECT_EQ(found["labels"][w], label < 0 ? nlohmann::json() : nlohmann::json(classifier.label_name(label)));
      EXPECT_EQ(found["probabilities"][w],
                label < 0 ? nlohmann::json()
                          : nlohmann::json(expected[i].probabilities[3 * row++ + static_cast<std::size_t>(label)]));
    }
    for (const nlohmann::json& entity : found["entities"]) {
      EXPECT_EQ(entity["type"], "PER");
      EXPECT_EQ(entity["text"].get<std::string>().substr(0, texts[i][entity["first"]].size()),
                texts[i][entity["first"]]);
    }
    EXPECT_EQ(found["answer"], expected[i].answer);
    EXPECT_EQ(found["truncated"], i == 1);
  }
  EXPECT_TRUE(json["predictions"][1]["labels"].back().is_null());
  EXPECT_EQ(server.ask(post("/v1/tag", R"({"inputs": ["a gem"]})")).message(),
            "body: \"inputs[0]\" is \"a gem\"; expected a list");
  EXPECT_THAT(server.ask(post("/v1/tag", R"({"inputs": [[]]})")).message(), HasSubstr("a list of at least one word"));
}

TEST(Server, AnswersQuestionsAndCountsCharacters) {
  const TestServer server({}, {}, testing::find_answers);
  const auto classifier = Classifier::load(server.folder());
  const std::string context =
      "a \xC3\xA9 gem , the film was superb \xF0\x9F\x98\x80 a mess , the plot is dull , not a joy";
  const std::vector<TextPair> questions = {{"the plot", context}, {"a", "gem"}};
  const std::vector<FoundAnswer> expected = classifier.answer(questions);
  nlohmann::json request;
  for (const TextPair& each : questions) request["inputs"].push_back({{"question", each.text}, {"context", each.pair}});
  const ReadResponse response = server.ask(post("/v1/answer", request.dump()));
  ASSERT_EQ(response.status, 200) << response.body;
  ASSERT_EQ(response.json()["predictions"].size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const nlohmann::json found = response.json()["predictions"][i];
    EXPECT_EQ(found["text"], expected[i].text);
    EXPECT_EQ(found["probability"], expected[i].probability);
    EXPECT_EQ(found["score"], expected[i].score);
    EXPECT_EQ(found["no_answer_score"], expected[i].none);
    EXPECT_EQ(found["windows"], expected[i].windows);
    EXPECT_FALSE(response.json().contains("classes"));
    ASSERT_EQ(found.contains("start"), !expected[i].text.empty());
    if (expected[i].text.empty()) continue;
    std::u32string characters;
    for (const char c : questions[i].pair)  // one a character is enough to count
      if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) characters.push_back(static_cast<char32_t>(c));
    const auto start = found["start"].get<std::size_t>(), end = found["end"].get<std::size_t>();
    ASSERT_LE(end, characters.size());
    EXPECT_EQ(characters[start], static_cast<char32_t>(expected[i].text.front()));
    EXPECT_EQ(characters[end - 1] & 0x7F, static_cast<char32_t>(expected[i].text.back()) & 0x7F);
  }
  request["no_answer_above"] = -1e9;
  const nlohmann::json none = server.ask(post("/v1/answer", request.dump())).json()["predictions"][0];
  EXPECT_EQ(none["text"], "");
  EXPECT_FALSE(none.contains("start"));
  EXPECT_EQ(server.ask(post("/v1/answer", R"({"inputs": [{"question": "a", "context": " "}]})")).message(),
            "body: \"inputs[0]\": a question's context is empty; expected a text");
  EXPECT_THAT(server.ask(post("/v1/answer", R"({"inputs": ["a"]})")).message(),
              HasSubstr("expected an object with \"question\" and \"context\""));
}

TEST(Server, FillsTheMasksOfTexts) {
  const TestServer server({}, {}, testing::fill_masks);
  const auto classifier = Classifier::load(server.folder());
  const std::vector<std::string> texts = {"the film was [MASK]", "[MASK] mess , not a [MASK]"};
  const std::vector<FilledText> expected = classifier.fill(texts, 3);
  const nlohmann::json request = {{"inputs", texts}, {"top", 3}};
  const ReadResponse response = server.ask(post("/v1/fill", request.dump()));
  ASSERT_EQ(response.status, 200) << response.body;
  const nlohmann::json json = response.json();
  EXPECT_FALSE(json.contains("classes"));
  ASSERT_EQ(json["predictions"].size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const nlohmann::json& found = json["predictions"][i];
    ASSERT_EQ(found["masks"].size(), i + 1);
    for (std::size_t m = 0; m < found["masks"].size(); ++m) {
      ASSERT_EQ(found["masks"][m].size(), 3u);
      for (std::size_t t = 0; t < 3; ++t) {
        const MaskFilling& filling = expected[i].masks[m][t];
        EXPECT_EQ(found["masks"][m][t],
                  nlohmann::json({{"token", filling.token}, {"id", filling.id}, {"probability", filling.probability}}));
      }
    }
    EXPECT_EQ(found["answer"], expected[i].prediction.answer);
    EXPECT_EQ(found["width"], expected[i].prediction.width);
    EXPECT_EQ(found["truncated"], false);
  }
  EXPECT_EQ(server.ask(post("/v1/fill", two_texts_with_masks)).json()["predictions"][0]["masks"][0].size(), 5u);
  EXPECT_EQ(server.ask(post("/v1/fill", R"({"inputs": ["a [MASK]", "a gem"]})")).message(),
            "body: \"inputs[1]\": the text has no mask among the tokens that are read; expected [MASK]");
  EXPECT_THAT(server.ask(post("/v1/fill", R"({"inputs": ["a [MASK]"], "policy": "cascade:0.9:entropy"})")).message(),
              HasSubstr("goes by entropy; expected max-probability or patience for masked tokens"));
}

TEST(Server, AModelIsAskedAtItsOwnEndpoint) {
  for (const Kind& own : kinds) {
    const TestServer server({}, {}, own.change);
    const std::string expected = own.path == "/v1/embed" ? "/v1/classify" : own.path;
    EXPECT_EQ(server.ask(get("/v1/models")).json()["models"][0]["endpoint"], expected);
    EXPECT_EQ(server.ask(post("/v1/embed", two_inputs)).status, 200);
    for (const Kind& other : kinds) {
      if (other.path == own.path || other.change == own.change || other.path == "/v1/embed") continue;
      const ReadResponse response = server.ask(post(other.path, other.two_inputs));
      EXPECT_EQ(response.status, 400) << response.body;
      EXPECT_THAT(response.message(), HasSubstr("the model \"tiny\" is asked at /v1/"));
      EXPECT_THAT(response.message(), HasSubstr("and not at " + other.path));
    }
  }
}

TEST(Server, PolicyOfTheRequestDecidesAnswerAndCost) {
  const TestServer server;
  const auto with = [&](const std::string& policy) {
    const ReadResponse response =
        server.ask(post("/v1/classify", R"({"inputs": ["a gem"], "policy": ")" + policy + "\"}"));
    EXPECT_EQ(response.status, 200) << response.body;
    return response.json()["predictions"][0];
  };
  EXPECT_EQ(with("fixed:1")["cost"], 1.0);
  EXPECT_EQ(with("fixed:0.25")["answer"], "0.25");
  EXPECT_LT(with("fixed:0.25")["cost"], 1.0);
  const ReadResponse wrong = server.ask(post("/v1/classify", R"({"inputs": ["a gem"], "policy": "fixed:0.3"})"));
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.message(), "body: \"policy\": width 0.3 is not one of the model's: 0.25, 0.5, 1");
  const ReadResponse budget = server.ask(post("/v1/classify", R"({"inputs": ["a gem"], "budget": 0.5})"));
  EXPECT_EQ(budget.status, 400);
  EXPECT_THAT(budget.message(), HasSubstr("\"budget\" is 0.5, but the model has no calibrated budgets: its folder has "
                                          "no recording.json"));
}

TEST(Server, GivesTheVectorsOfTheClassifier) {
  const TestServer server;
  const auto classifier = Classifier::load(server.folder());
  const ReadResponse response =
      server.ask(post("/v1/embed", R"({"inputs": ["a gem", {"text": "a", "pair": "mess"}], "layer": 1})"));
  ASSERT_EQ(response.status, 200) << response.body;
  const auto vectors = response.json()["embeddings"].get<std::vector<std::vector<float>>>();
  ASSERT_EQ(vectors.size(), 2u);
  EXPECT_EQ(vectors[0], classifier.embed(std::vector<std::string>{"a gem"}, {.layer = 1})[0]);
  EXPECT_EQ(vectors[1], classifier.embed(std::vector<TextPair>{{"a", "mess"}}, {.layer = 1})[0]);
  const ReadResponse wrong = server.ask(post("/v1/embed", R"({"inputs": ["a gem"], "layer": 9})"));
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.message(), HasSubstr("\"layer\": layer 9; expected 0 (the embeddings) to 3"));
}

TEST(Server, OneInputThatCannotBeReadIsNamed) {
  const TestServer server;
  const ReadResponse response = server.ask(post("/v1/classify", R"({"inputs": ["a gem", " "]})"));
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.message(), HasSubstr("\"inputs[1]\""));
  EXPECT_EQ(server.ask(post("/v1/embed", R"({"inputs": [" "]})")).status, 400);
  EXPECT_TRUE(is_well(server));
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder) {
  const TestServer server;
  TestClient client(server.port());
  client.send(post("/v1/classify", two_inputs) + get("/nothing") + get("/health", "HEAD") + get("/v1/models"));
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read().status, 404);
  EXPECT_EQ(client.read(false).status, 200);
  EXPECT_EQ(client.read().json()["models"][0]["name"], "tiny");
}

TEST(Server, ManyClientsGetTheirOwnAnswers) {
  const TestServer server;
  const auto classifier = Classifier::load(server.folder());
  const std::vector<std::string> texts = {"a gem", "a mess", "the plot is dull", "not a joy", "the film was superb"};
  std::vector<nlohmann::json> expected;
  for (const std::string& text : texts) expected.emplace_back(classifier.classify(text).probabilities);
  std::vector<std::thread> clients;
  std::atomic<int> right = 0;
  for (std::size_t c = 0; c < 16; ++c)
    clients.emplace_back([&, c] {
      TestClient client(server.port());
      for (std::size_t i = 0; i < 20; ++i) {
        const std::size_t which = (c + i) % texts.size();
        client.send(post("/v1/classify", nlohmann::json({{"inputs", {texts[which]}}}).dump()));
        const ReadResponse response = client.read();
        right += response.status == 200 && response.json()["predictions"][0]["probabilities"] == expected[which];
      }
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 16 * 20);
  EXPECT_THAT(server.ask(get("/metrics")).body,
              HasSubstr("sharcs_requests_total{endpoint=\"/v1/classify\",status=\"200\"} 320\n"));
}

TEST(Server, WrongMethodPathAndTypeAreToldApart) {
  const TestServer server;
  const ReadResponse method = server.ask(get("/v1/classify"));
  EXPECT_EQ(method.status, 405);
  EXPECT_THAT(method.head, HasSubstr("Allow: POST\r\n"));
  const ReadResponse written = server.ask(post("/health", "{}"));
  EXPECT_EQ(written.status, 405);
  EXPECT_THAT(written.head, HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_EQ(server.ask(get("/v2/classify")).status, 404);
  const ReadResponse type = server.ask(post("/v1/classify", two_inputs, "Content-Type: text/plain\r\n"));
  EXPECT_EQ(type.status, 415);
  EXPECT_EQ(type.message(), "the content type is \"text/plain\"; expected application/json");
  EXPECT_EQ(server.ask(post("/v1/classify", two_inputs, "Content-Type: Application/JSON; charset=utf-8\r\n")).status,
            200);
}

TEST(Server, LongBodyGets413BeforeItIsSent) {
  const TestServer server({.max_body = 1000});
  TestClient announced(server.port());
  announced.send("POST /v1/classify HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000\r\n\r\n");
  EXPECT_EQ(announced.read().status, 413);
  EXPECT_TRUE(announced.is_closed());
  TestClient in_parts(server.port());
  in_parts.send("POST /v1/classify HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 20; ++i) in_parts.send("64\r\n" + std::string(100, 'a') + "\r\n");
  EXPECT_EQ(in_parts.read().status, 413);
  EXPECT_TRUE(is_well(server));
}

TEST(Server, BodyInPartsAndOnRequestIsRead) {
  const TestServer server;
  const std::string fields = "POST /v1/classify HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
  TestClient in_parts(server.port());
  in_parts.send(fields + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"inp\r\n");
  in_parts.send("12\r\nuts\": [\"a gem\"]}  \r\n0\r\n\r\n");
  EXPECT_EQ(in_parts.read().status, 200);
  TestClient on_request(server.port());
  on_request.send(fields + "Expect: 100-continue\r\nContent-Length: " + std::to_string(two_inputs.size()) + "\r\n\r\n");
  EXPECT_EQ(on_request.read().status, 100);
  on_request.send(two_inputs);
  EXPECT_EQ(on_request.read().status, 200);
}

TEST(Server, LongFieldsGet431) {
  const TestServer server;
  EXPECT_EQ(server.ask("GET /" + std::string(20000, 'a') + " HTTP/1.1\r\n").status, 431);
  EXPECT_EQ(server.ask("GET / HTTP/1.1\r\nHost: test\r\nX: " + std::string(20000, 'a')).status, 431);
  EXPECT_TRUE(is_well(server));
}

TEST(Server, WhatIsNotHttpGets400) {
  const TestServer server;
  for (const char* bytes :
       {"hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n"}) {
    TestClient client(server.port());
    client.send(bytes);
    EXPECT_EQ(client.read().status, 400) << bytes;
    EXPECT_TRUE(client.is_closed()) << bytes;
  }
  EXPECT_TRUE(is_well(server));
}

TEST(Server, SlowRequestGets408) {
  const TestServer server({.timeout = 50ms});
  for (const std::string& part : {std::string("GET /hea"), post("/v1/classify", two_inputs).substr(0, 120)}) {
    TestClient client(server.port());
    client.send(part);
    EXPECT_EQ(client.read().status, 408) << part;
    EXPECT_TRUE(client.is_closed());
  }
  EXPECT_TRUE(is_well(server));
}

TEST(Server, ClientThatSendsAByteNowAndThenGets408AndHindersNobody) {
  const TestServer server({.max_connections = 300, .timeout = 600ms});
  const std::string whole = post("/v1/classify", two_inputs);
  std::vector<std::unique_ptr<TestClient>> slow;
  for (int i = 0; i < 200; ++i) slow.push_back(std::make_unique<TestClient>(server.port()));
  for (std::size_t i = 0; i < 10; ++i) {  // half a second; each byte comes long before the limit
    for (const auto& client : slow) client->send(std::string_view(whole).substr(i, 1));
    EXPECT_TRUE(is_well(server));
    EXPECT_EQ(server.ask(whole).status, 200);
    std::this_thread::sleep_for(50ms);
  }
  for (const auto& client : slow) {
    EXPECT_EQ(client->read().status, 408);
    EXPECT_TRUE(client->is_closed());
  }
}

TEST(Server, SizesOfChunksThatCannotBeAreRefused) {
  const TestServer server({.max_body = 1000});
  for (const auto& [size, status] : {std::pair{"ffffffffffffffff", 413}, std::pair{"3e9", 413}, std::pair{"-1", 400},
                                     std::pair{"", 400}, std::pair{"10000000000000000", 400}, std::pair{"g", 400}}) {
    TestClient client(server.port());
    client.send("POST /v1/classify HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(size) +
                "\r\n");
    EXPECT_EQ(client.read().status, status) << size;
    EXPECT_TRUE(client.is_closed()) << size;
  }
  EXPECT_TRUE(is_well(server));
}

TEST(Server, ErrorAfterAHeadRequestHasItsBody) {
  const TestServer server;
  TestClient client(server.port());
  client.send(get("/health", "HEAD") + "hello\r\n\r\n");
  EXPECT_EQ(client.read(false).status, 200);
  const ReadResponse response = client.read();
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.message(), HasSubstr("not a request of HTTP/1.1"));
}

TEST(Server, ConnectionThatSaysNothingIsClosed) {
  const TestServer server({.idle = 50ms});
  TestClient client(server.port());
  EXPECT_TRUE(client.is_closed());
  TestClient between(server.port());
  between.send(get("/health"));
  EXPECT_EQ(between.read().status, 200);
  EXPECT_TRUE(between.is_closed());
}

TEST(Server, ClientsThatGoAwayTouchNobody) {
  const TestServer server;
  const std::string whole = post("/v1/classify", two_inputs);
  for (std::size_t size = 0; size <= whole.size(); size += 7) {
    const TestClient client(server.port());
    client.send(std::string_view(whole).substr(0, size));
  }
  EXPECT_TRUE(is_well(server));
  EXPECT_EQ(server.ask(whole).status, 200);
}

TEST(Server, DamagedRequestsEndInAResponseOrAClosedConnection) {
  const TestServer server({.timeout = 200ms});
  const std::string whole = post("/v1/classify", two_inputs) + get("/metrics");
  Random random(7);
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    for (int changes = 0; changes < 3; ++changes) {
      const auto at = static_cast<std::size_t>(random.below(damaged.size()));
      if (random.below(3) == 0)
        damaged.erase(at, 1 + static_cast<std::size_t>(random.below(9)));
      else
        damaged[at] = static_cast<char>(random.below(256));
    }
    TestClient client(server.port());
    client.send(damaged);
    client.end_sending();
    for (int responses = 0; responses < 3; ++responses) {
      const int status = client.read().status;
      if (status == 0) break;
      EXPECT_THAT(status, ::testing::AnyOf(200, 400, 404, 405, 408, 413, 415, 431)) << damaged;
    }
  }
  EXPECT_TRUE(is_well(server));
}

TEST(Server, OneConnectionMoreThanThereMayBeGets503) {
  const TestServer server({.max_connections = 2});
  TestClient first(server.port()), second(server.port());
  first.send(get("/health"));
  second.send(get("/health"));
  EXPECT_EQ(first.read().status, 200);
  EXPECT_EQ(second.read().status, 200);
  TestClient third(server.port());
  EXPECT_EQ(third.read().status, 503);
  first.send(get("/health"));
  EXPECT_EQ(first.read().status, 200);
}

TEST(Server, FullQueueGets429AndWhenToComeAgain) {
  const TestServer server({}, {.model = {.max_queue = 1}});
  for (const char* path : {"/v1/classify", "/v1/embed"}) {
    const ReadResponse response = server.ask(post(path, two_inputs));
    EXPECT_EQ(response.status, 429) << path;
    EXPECT_THAT(response.head, HasSubstr("Retry-After: 1\r\n"));
    EXPECT_EQ(response.message(), "the queue has no room for 2 inputs more");
  }
  EXPECT_EQ(server.ask(post("/v1/classify", R"({"inputs": ["a gem"]})")).status, 200);
}

TEST(Server, RequestThatWaitedTooLongGets503) {
  const TestServer server({}, {.timeout = 0ms});
  EXPECT_EQ(server.ask(post("/v1/classify", two_inputs)).status, 503);
  EXPECT_EQ(server.ask(post("/v1/embed", two_inputs)).status, 503);
}

TEST(Server, EndsWhenTheRequestsThatHaveBegunAreAnswered) {
  TestServer server;
  const int port = server.port();
  const std::string whole = post("/v1/classify", two_inputs);
  TestClient idle(port), begun(port);
  idle.send(get("/health"));
  EXPECT_EQ(idle.read().status, 200);
  begun.send(whole.substr(0, 60));
  EXPECT_TRUE(is_well(server));  // later, so that what was sent before has come
  server.server().stop();
  EXPECT_TRUE(idle.is_closed());
  EXPECT_FALSE(TestClient(port).connected());
  begun.send(whole.substr(60));
  const ReadResponse response = begun.read();
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.head, HasSubstr("Connection: close\r\n"));
  server.end();
}

TEST(Server, EndDoesNotWaitForeverForAClient) {
  TestServer server({.timeout = 1h, .drain = 50ms});
  TestClient client(server.port());
  client.send("GET /hea");
  EXPECT_TRUE(is_well(server));
  server.end();
  EXPECT_TRUE(client.is_closed());
}

TEST(Server, ReloadTakesTheNewModelAndKeepsTheOldOneWhereItCannot) {
  TestServer server;
  const auto label = [&] {
    return server.ask(post("/v1/classify", two_inputs)).json()["classes"][0].get<std::string>();
  };
  EXPECT_EQ(label(), "negative");
  testing::save_tiny_model(server.folder(), [](ModelConfig& config) { config.labels = {"bad", "good"}; });
  EXPECT_EQ(label(), "negative");
  EXPECT_EQ(server.service().reload(), std::vector<std::string>{"model tiny: read again"});
  EXPECT_EQ(label(), "bad");
  write_file_atomically(server.folder() / "config.json", "{");
  const std::vector<std::string> lines = server.service().reload();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], HasSubstr("model tiny: the old one stays: "));
  EXPECT_THAT(lines[0], HasSubstr("config.json:1: not valid JSON"));
  EXPECT_EQ(label(), "bad");
  EXPECT_THAT(server.ask(get("/metrics")).body, HasSubstr("sharcs_reloads_total{model=\"tiny\",worked=\"no\"} 1\n"));
}

TEST(Server, PortThatIsTakenIsAnError) {
  const TestServer server;
  ServerMetrics metrics;
  EXPECT_THROW(HttpServer({.port = server.port()}, metrics), IoError);
  EXPECT_THROW(HttpServer({.host = "nowhere"}, metrics), ConfigError);
}

// --- docs/openapi.json ---

/// The request with an example of this property of its schema.
nlohmann::json example_request(const nlohmann::json& schema, const std::string& name, const nlohmann::json& input) {
  nlohmann::json request = {{"inputs", nlohmann::json::array({input})}};
  const nlohmann::json& property = schema["properties"][name];
  if (name == "model") request["model"] = "tiny";
  if (property.contains("example")) request[name] = property["example"];
  if (property.contains("default")) request[name] = property["default"];
  return request;
}

/// The schema that a path's reference names.
nlohmann::json schema_of(const nlohmann::json& file, const nlohmann::json& content) {
  const std::string reference = content["content"]["application/json"]["schema"]["$ref"];
  return file["components"]["schemas"][reference.substr(reference.rfind('/') + 1)];
}

TEST(OpenApi, FieldsAreThoseThatTheServerKnows) {
  for (const auto& [path, change, two_of_kind, input] : kinds) {
    const TestServer server({}, {}, change);
    const nlohmann::json file = server.ask(get("/openapi.json")).json();
    const nlohmann::json schema = schema_of(file, file["paths"][path]["post"]["requestBody"]);
    EXPECT_EQ(schema["additionalProperties"], false);
    std::string listed;
    for (const auto& [field, property] : schema["properties"].items()) {
      const nlohmann::json request = example_request(schema, field, input);
      ASSERT_TRUE(request.contains(field)) << field;
      const ReadResponse response = server.ask(post(path, request.dump()));
      // This model has no calibrated budgets, which is another refusal than that of a field that is not known.
      EXPECT_EQ(response.status, field == "budget" ? 400 : 200) << path << " " << request << response.body;
      EXPECT_THAT(response.body, Not(HasSubstr("not a field")));
    }
    // The message of an unknown field lists all that there are: none is missing in the file.
    nlohmann::json with_unknown = example_request(schema, "inputs", input);
    with_unknown["unknown"] = 1;
    const std::string message = server.ask(post(path, with_unknown.dump())).message();
    std::set<std::string> known;
    std::istringstream words(message.substr(message.find("expected ") + 9));
    for (std::string word; words >> word;) {
      word.erase(std::remove(word.begin(), word.end(), ','), word.end());
      if (word != "or") known.insert(word);
    }
    std::set<std::string> documented;
    for (const auto& [field, property] : schema["properties"].items()) documented.insert(field);
    EXPECT_EQ(known, documented) << path;
  }
}

TEST(OpenApi, ResponsesHaveTheFieldsOfTheFile) {
  const TestServer server;
  const nlohmann::json file = server.ask(get("/openapi.json")).json(), schemas = file["components"]["schemas"];
  const auto compare = [&](const nlohmann::json& found, const nlohmann::json& schema) {
    for (const auto& [key, value] : found.items()) EXPECT_TRUE(schema["properties"].contains(key)) << key;
    for (const auto& key : schema["required"]) EXPECT_TRUE(found.contains(key.get<std::string>())) << key;
  };
  for (const auto& [path, change, two_of_kind, input] : kinds) {
    const TestServer of_kind({}, {}, change);
    const nlohmann::json found = of_kind.ask(post(path, two_of_kind)).json();
    const nlohmann::json schema = schema_of(file, file["paths"][path]["post"]["responses"]["200"]);
    compare(found, schema);
    if (path == "/v1/embed") continue;
    const std::string items = schema["properties"]["predictions"]["items"]["$ref"];
    compare(found["predictions"][0], schemas[items.substr(items.rfind('/') + 1)]);
  }
  const nlohmann::json models = server.ask(get("/v1/models")).json();
  compare(models, schemas["ModelList"]);
  compare(models["models"][0], schemas["ModelList"]["properties"]["models"]["items"]);
  compare(server.ask(get("/health")).json(), schemas["Health"]);
  compare(server.ask(get("/nothing")).json(), schemas["Error"]);
}

TEST(OpenApi, EveryStatusOfTheFileOccurs) {
  for (const auto& [path, change, two_of_kind, input] : kinds) {
    const TestServer server({.max_body = 1000, .timeout = 100ms}, {.limits = {.max_inputs = 2}}, change);
    const TestServer full({}, {.model = {.max_queue = 1}}, change);
    const TestServer late({}, {.timeout = 0ms}, change);
    std::set<std::string> documented, found;
    const auto add = [&](const ReadResponse& response) { found.insert(std::to_string(response.status)); };
    const nlohmann::json file = server.ask(get("/openapi.json")).json();
    for (const auto& [status, response] : file["paths"][path]["post"]["responses"].items()) documented.insert(status);
    nlohmann::json other_model = {{"inputs", nlohmann::json::array({input})}, {"model", "other"}};
    const nlohmann::json three = {{"inputs", nlohmann::json::array({input, input, input})}};
    add(server.ask(post(path, two_of_kind)));
    add(server.ask(post(path, "{}")));
    add(server.ask(post(path, other_model.dump())));
    add(server.ask(get(path)));
    add(server.ask(post(path, two_of_kind).substr(0, 100)));
    add(server.ask(post(path, three.dump())));
    add(server.ask(post(path, two_of_kind, "")));
    add(full.ask(post(path, two_of_kind)));
    add(server.ask("POST " + path + " HTTP/1.1\r\nX: " + std::string(20000, 'a')));
    add(late.ask(post(path, two_of_kind)));
    EXPECT_EQ(found, documented) << path;
  }
  const TestServer server;
  const nlohmann::json file = server.ask(get("/openapi.json")).json();
  std::set<std::string> posted;
  for (const auto& [path, methods] : file["paths"].items()) {
    if (methods.contains("post")) posted.insert(path);
    if (!methods.contains("get")) continue;
    std::set<std::string> documented, found;
    for (const auto& [status, response] : methods["get"]["responses"].items()) documented.insert(status);
    for (const std::string& request : {get(path), post(path, "{}")})
      found.insert(std::to_string(server.ask(request).status));
    EXPECT_EQ(found, documented) << path;
  }
  EXPECT_EQ(posted, (std::set<std::string>{"/v1/answer", "/v1/classify", "/v1/embed", "/v1/fill", "/v1/tag"}));
}

}  // namespace
}  // namespace sharcs::internal::server_test
