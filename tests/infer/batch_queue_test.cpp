#include "sharcs/batch_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <stdexcept>
#include <thread>

#include "cli/program.hpp"
#include "expect_error.hpp"
#include "infer/encoded_text.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::batch_queue_test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

/// Holds the queue's worker in a batch until it is opened.
class Gate {
 public:
  RequestOptions request() {
    return {.policy = Policy::custom(
                [this](const RoutingQuery&) {
                  entered_.count_down();
                  open_.wait();
                  return 0;
                },
                "gate")};
  }
  void await_worker() { entered_.wait(); }
  void open() { open_.count_down(); }

 private:
  std::latch entered_{1}, open_{1};
};

class Queue : public ::testing::Test {
 protected:
  Queue() { testing::save_tiny_model(folder_.path()); }
  std::shared_ptr<const Classifier> load(const EngineOptions& options = {}) const {
    return std::make_shared<const Classifier>(Classifier::load(folder_.path(), options));
  }

  TemporaryFolder folder_;
  const std::vector<std::string> texts_ = {"a gem", "the plot is dull", "the film was superb", "a mess , not a joy"};
};

TEST_F(Queue, GivesTheBitsOfTheClassifierFromOneBatchForAllThatWait) {
  const auto classifier = load();
  BatchQueue queue(classifier);
  Gate gate;
  auto first = queue.submit("a gem", gate.request());
  gate.await_worker();
  const std::vector<Policy> policies = {Policy::fixed(1), Policy::fixed(0.25), Policy::cascade(0.9), Policy::router()};
  std::vector<std::future<Prediction>> answers;
  for (std::size_t i = 0; i < texts_.size(); ++i) answers.push_back(queue.submit(texts_[i], {.policy = policies[i]}));
  answers.push_back(queue.submit(TextPair{"a gem", "a mess"}));
  EXPECT_EQ(queue.counts().waiting, 5u);
  EXPECT_EQ(queue.counts().running, 1u);
  gate.open();
  EXPECT_EQ(first.get().answer, "0.25");
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    const Prediction found = answers[i].get(), expected = classifier->classify(texts_[i], {.policy = policies[i]});
    EXPECT_EQ(found.logits, expected.logits);
    EXPECT_EQ(found.answer, expected.answer);
  }
  const TextPair pair = {"a gem", "a mess"};
  EXPECT_EQ(answers.back().get().logits, classifier->classify(std::span(&pair, 1)).front().logits);
  const BatchQueueCounts counts = queue.counts();
  EXPECT_EQ(counts.batches, 2u);
  EXPECT_EQ(counts.submitted, 6u);
  EXPECT_EQ(counts.answered, 6u);
  EXPECT_EQ(counts.waiting + counts.running + counts.failed + counts.expired + counts.cancelled + counts.refused, 0u);
  EXPECT_GT(counts.tokens, 6u * 3);
}

TEST_F(Queue, WordsGetTheLabelsOfTheClassifier) {
  testing::save_tiny_model(folder_.path(), testing::label_words);
  const auto classifier = load();
  BatchQueue queue(classifier);
  const std::vector<std::vector<std::string>> texts = {
      {"the", "film", "was", "superb"}, {"a", "gem"}, std::vector<std::string>(40, "dull")};
  std::vector<std::future<Prediction>> answers;
  for (const auto& words : texts) answers.push_back(queue.submit_words(words));
  const std::vector<Prediction> expected = classifier->tag(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Prediction found = answers[i].get();
    EXPECT_EQ(found.labels, expected[i].labels);
    EXPECT_EQ(found.logits, expected[i].logits);
    EXPECT_EQ(found.truncated, i == 2);
  }
  EXPECT_EQ(expected[2].labels.size(), 40u);
  EXPECT_EQ(expected[2].labels.back(), -1);
  EXPECT_THROW(queue.submit_words({}), DataError);
  EXPECT_EQ(message_of<ConfigError>([&] { queue.submit("a gem"); }),
            "the model labels the words of a text, not the text; expected Classifier::tag()");
  EXPECT_THROW(queue.submit_question({"a", "gem"}), ConfigError);
}

TEST_F(Queue, QuestionsGetTheAnswersOfTheClassifierAlsoFromWindows) {
  testing::save_tiny_model(folder_.path(), testing::find_answers);
  const auto classifier = load();
  BatchQueue queue(classifier);
  std::string lengthy = "the film was superb";
  for (int i = 0; i < 10; ++i) lengthy += " , the plot is dull";
  const std::vector<TextPair> questions = {{"a gem", "the film was superb"}, {"the plot", lengthy}, {"a", "not a joy"}};
  const std::vector<Policy> policies = {Policy::fixed(1), Policy::fixed(0.25), Policy::router()};
  std::vector<std::future<FoundAnswer>> answers;
  for (std::size_t i = 0; i < questions.size(); ++i)
    answers.push_back(queue.submit_question(questions[i], {.policy = policies[i]}));
  answers.push_back(queue.submit_question(questions[0], {}, -1e9));
  const std::vector<FoundAnswer> expected = classifier->answer(questions, {.policies = policies});
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const FoundAnswer found = answers[i].get();
    EXPECT_EQ(found.text, expected[i].text);
    EXPECT_EQ(found.range, expected[i].range);
    EXPECT_EQ(found.score, expected[i].score);
    EXPECT_EQ(found.probability, expected[i].probability);
    EXPECT_EQ(found.windows, expected[i].windows);
    EXPECT_EQ(found.prediction.multiply_adds, expected[i].prediction.multiply_adds);
    EXPECT_EQ(found.prediction.answer, expected[i].prediction.answer);
  }
  EXPECT_GT(expected[1].windows, 2u);
  EXPECT_EQ(answers.back().get().text, "") << "everything is below the score of none plus this";
  EXPECT_THROW(queue.submit_question({"a", " "}), DataError);
  EXPECT_THROW(queue.submit("a gem"), ConfigError);
  EXPECT_THROW(queue.submit_words({"a"}), ConfigError);
  testing::save_tiny_model(folder_.path());
  queue.replace(load());
  EXPECT_EQ(queue.submit("a gem").get().logits, load()->classify("a gem").logits);
  EXPECT_THROW(queue.submit_question({"a", "gem"}), ConfigError);
}

TEST_F(Queue, MasksGetTheFillingsOfTheClassifier) {
  testing::save_tiny_model(folder_.path(), testing::fill_masks);
  const auto classifier = load();
  BatchQueue queue(classifier);
  const std::vector<std::string> texts = {"the film was [MASK]", "[MASK] mess , not a [MASK]", "a [MASK]"};
  const std::vector<Policy> policies = {Policy::fixed(1), Policy::fixed(0.25), Policy::cascade(0.9)};
  std::vector<std::future<FilledText>> answers;
  for (std::size_t i = 0; i < texts.size(); ++i)
    answers.push_back(queue.submit_masks(texts[i], 3, {.policy = policies[i]}));
  answers.push_back(queue.submit_masks(texts[0]));
  const std::vector<FilledText> expected = classifier->fill(texts, 3, {.policies = policies});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const FilledText found = answers[i].get();
    ASSERT_EQ(found.masks.size(), expected[i].masks.size());
    for (std::size_t m = 0; m < found.masks.size(); ++m) {
      ASSERT_EQ(found.masks[m].size(), 3u);
      for (std::size_t t = 0; t < 3; ++t) {
        EXPECT_EQ(found.masks[m][t].id, expected[i].masks[m][t].id);
        EXPECT_EQ(found.masks[m][t].token, expected[i].masks[m][t].token);
        EXPECT_EQ(found.masks[m][t].probability, expected[i].masks[m][t].probability);
      }
    }
    EXPECT_EQ(found.prediction.answer, expected[i].prediction.answer);
    EXPECT_EQ(found.prediction.multiply_adds, expected[i].prediction.multiply_adds);
  }
  EXPECT_EQ(expected[1].masks.size(), 2u);
  EXPECT_EQ(answers.back().get().masks.front().size(), 5u);
  EXPECT_EQ(message_of<DataError>([&] { queue.submit_masks("a gem"); }),
            "the text has no mask among the tokens that are read; expected [MASK]");
  EXPECT_EQ(message_of<ConfigError>([&] { queue.submit("a gem"); }),
            "the model tells masked tokens; expected Classifier::fill()");
  EXPECT_THROW(queue.submit_words({"a"}), ConfigError);
  EXPECT_THROW(queue.submit_question({"a", "gem"}), ConfigError);
  testing::save_tiny_model(folder_.path());
  queue.replace(load());
  EXPECT_EQ(message_of<ConfigError>([&] { queue.submit_masks("a [MASK]"); }),
            "the model labels texts; expected one that fills masks (…ForMaskedLM)");
}

TEST_F(Queue, ManyMasksDoNotRunTogether) {
  testing::save_tiny_model(folder_.path(), testing::fill_masks);
  const auto fills = load();
  const auto vocabulary = static_cast<std::size_t>(fills->engine().config().vocab_size);
  const auto with_masks = [](std::size_t count) {
    return EncodedText{.pieces = {}, .places = {std::vector<std::int32_t>(count)}};
  };
  const EncodedText few = with_masks(3), many = with_masks((std::size_t{1} << 24) / vocabulary - 1);
  EXPECT_EQ(texts_at_once(*fills, std::vector{few, few, few}), 3u);
  EXPECT_EQ(texts_at_once(*fills, std::vector{few, many, few}), 1u);
  EXPECT_EQ(texts_at_once(*fills, std::vector{many, few}), 1u);
  testing::save_tiny_model(folder_.path());
  EXPECT_EQ(texts_at_once(*load(), std::vector{few, many}), 2u);
}

TEST_F(Queue, ABatchHasNoMoreRequestsOrTokensThanTheOptionsSay) {
  for (const BatchQueueOptions& options :
       {BatchQueueOptions{.max_batch = 2}, BatchQueueOptions{.max_batch_tokens = 7}}) {
    BatchQueue queue(load(), options);
    Gate gate;
    std::vector<std::future<Prediction>> answers;
    answers.push_back(queue.submit("a", gate.request()));
    gate.await_worker();
    for (int i = 0; i < 5; ++i) answers.push_back(queue.submit("a"));  // [CLS] a [SEP]
    gate.open();
    for (auto& answer : answers) answer.get();
    EXPECT_EQ(queue.counts().batches, 1u + 3);  // 2, 2, 1
  }
}

TEST_F(Queue, WhatIsWrongWithARequestReachesItsCallerOnly) {
  BatchQueue queue(load());
  EXPECT_THAT(message_of<ConfigError>([&] { queue.submit("a gem", {.policy = Policy::fixed(0.7)}); }),
              HasSubstr("width 0.7"));
  Gate gate;
  auto first = queue.submit("a gem", gate.request());
  gate.await_worker();
  const auto throws = [](const std::string& what) {
    return Policy::custom([what](const RoutingQuery&) -> int { throw std::runtime_error(what); }, what);
  };
  auto good = queue.submit("a gem"), bad = queue.submit("dull", {.policy = throws("one")}),
       worse = queue.submit("dull", {.policy = throws("two")}), also_good = queue.submit("dull");
  gate.open();
  EXPECT_NO_THROW(first.get());
  EXPECT_NO_THROW(good.get());
  EXPECT_NO_THROW(also_good.get());
  for (auto* answer : {&bad, &worse}) {
    try {
      answer->get();
      ADD_FAILURE() << "no exception";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), answer == &bad ? "one" : "two");
    }
  }
  EXPECT_EQ(queue.counts().failed, 2u);
  EXPECT_EQ(queue.counts().answered, 3u);
}

TEST_F(Queue, ARequestWhoseTimeIsOverOrThatIsStoppedIsNotComputed) {
  BatchQueue queue(load());
  Gate gate;
  auto first = queue.submit("a gem", gate.request());
  gate.await_worker();
  std::stop_source source;
  int asked = 0;
  const Policy counts = Policy::custom(
      [&](const RoutingQuery&) {
        ++asked;
        return 0;
      },
      "counts");
  auto late = queue.submit("a gem", {.policy = counts, .deadline = steady_clock::now() - 1s});
  auto stopped = queue.submit("a gem", {.policy = counts, .stop = source.get_token()});
  auto in_time = queue.submit("a gem", {.policy = counts, .deadline = steady_clock::now() + 24h});
  source.request_stop();
  gate.open();
  EXPECT_THROW(late.get(), DeadlineExceeded);
  EXPECT_THROW(stopped.get(), Cancelled);
  EXPECT_EQ(in_time.get().answer, "0.25");
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(queue.counts().expired, 1u);
  EXPECT_EQ(queue.counts().cancelled, 1u);
  EXPECT_EQ(queue.counts().answered, 2u);
}

TEST_F(Queue, DeadlinesPickThePolicyOfRequestsThatHaveNone) {
  const PolicyTimes times({{Policy::fixed(1), 3600, 0}, {Policy::fixed(0.5), 1, 0}});
  BatchQueue queue(load({.policy = Policy::fixed(0.25)}), {.times = times});
  Gate gate;
  auto first = queue.submit("a gem", gate.request());
  gate.await_worker();
  auto soon = queue.submit("a gem", {.deadline = steady_clock::now() + 60s});
  auto own = queue.submit("a gem", {.policy = Policy::fixed(1), .deadline = steady_clock::now() + 60s});
  auto none = queue.submit("a gem");
  gate.open();
  EXPECT_EQ(soon.get().width, 0.5);
  EXPECT_EQ(own.get().width, 1);
  EXPECT_EQ(none.get().width, 0.25);
  EXPECT_EQ(queue.submit("a gem", {.deadline = steady_clock::now() + 24h}).get().width, 1);
  EXPECT_THROW(BatchQueue(load(), {.times = PolicyTimes({{Policy::fixed(0.7), 0, 0}})}), ConfigError);
}

TEST_F(Queue, AFullQueueRefuses) {
  BatchQueue queue(load(), {.max_queue = 2, .when_full = WhenFull::refuse});
  Gate gate;
  std::vector<std::future<Prediction>> answers;
  answers.push_back(queue.submit("a gem", gate.request()));
  gate.await_worker();
  for (int i = 0; i < 2; ++i) answers.push_back(queue.submit("a gem"));
  EXPECT_EQ(message_of<QueueFull>([&] { queue.submit("a gem"); }), "the queue is full: 2 requests wait");
  EXPECT_EQ(queue.counts().refused, 1u);
  gate.open();
  for (auto& answer : answers) EXPECT_NO_THROW(answer.get());
  EXPECT_NO_THROW(queue.submit("a gem").get());
}

TEST_F(Queue, AFullQueueLetsCallersWaitForRoom) {
  BatchQueue queue(load(), {.max_queue = 1});
  Gate gate;
  auto first = queue.submit("a gem", gate.request());
  gate.await_worker();
  auto second = queue.submit("a gem");
  EXPECT_THROW(queue.submit("a gem", {.deadline = steady_clock::now() - 1s}), DeadlineExceeded);
  std::stop_source source;
  std::jthread stopper([&] { source.request_stop(); });
  EXPECT_THROW(queue.submit("a gem", {.stop = source.get_token()}), Cancelled);
  std::future<Prediction> third;
  std::thread caller([&] { third = queue.submit("a gem"); });
  gate.open();
  caller.join();
  for (auto* answer : {&first, &second, &third}) EXPECT_NO_THROW(answer->get());
  EXPECT_EQ(queue.counts().refused, 2u);
  EXPECT_EQ(queue.counts().answered, 3u);
}

TEST_F(Queue, ItsEndCancelsThoseWhoWaitAndCloseAnswersThem) {
  for (const bool closes : {false, true}) {
    SCOPED_TRACE(closes);
    auto queue = std::make_unique<BatchQueue>(load());
    Gate gate;
    auto running = queue->submit("a gem", gate.request());
    gate.await_worker();
    auto waiting = queue->submit("a gem");
    std::thread opener([&] {
      // Opened when the queue has begun to end: without that the order would be chance.
      if (!closes) waiting.wait();
      gate.open();
    });
    if (closes) {
      queue->close();
      EXPECT_EQ(message_of<Cancelled>([&] { queue->submit("a gem"); }), "the queue is closed");
      queue->close();
    }
    queue.reset();
    opener.join();
    EXPECT_NO_THROW(running.get());
    if (closes)
      EXPECT_NO_THROW(waiting.get());
    else
      EXPECT_EQ(message_of<Cancelled>([&] { waiting.get(); }), "the queue has ended");
  }
}

TEST_F(Queue, ReplacingTheClassifierStopsNobody) {
  auto old = load({.policy = Policy::fixed(0.25)});
  const std::weak_ptr<const Classifier> old_one = old;
  BatchQueue queue(std::move(old));
  Gate gate;
  auto running = queue.submit("a gem", gate.request());
  gate.await_worker();
  auto before = queue.submit("a gem");
  const auto next = load({.policy = Policy::fixed(1)});
  queue.replace(next);
  EXPECT_EQ(queue.classifier(), next);
  auto after = queue.submit("a gem");
  EXPECT_FALSE(old_one.expired());
  gate.open();
  EXPECT_NO_THROW(running.get());
  EXPECT_EQ(before.get().width, 0.25);
  EXPECT_EQ(after.get().width, 1);
  EXPECT_EQ(queue.submit("a gem").get().width, 1);  // the batch before has been put away now
  EXPECT_TRUE(old_one.expired());
  EXPECT_THROW(queue.replace(nullptr), ConfigError);
}

TEST_F(Queue, ServesManyThreadsWhileItsClassifierIsReplaced) {
  const std::vector<std::shared_ptr<const Classifier>> classifiers = {load({.policy = Policy::fixed(0.25)}),
                                                                      load({.policy = Policy::fixed(1)})};
  std::vector<std::vector<std::vector<float>>> expected(2);
  for (std::size_t c = 0; c < 2; ++c)
    for (const std::string& text : texts_) expected[c].push_back(classifiers[c]->classify(text).logits);
  BatchQueue queue(classifiers[0], {.max_batch = 4, .max_queue = 3});
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (std::size_t caller = 0; caller < 4; ++caller)
    callers.emplace_back([&, caller] {
      for (std::size_t i = 0; i < 50; ++i) {
        const std::size_t text = (caller + i) % texts_.size();
        const auto logits = queue.submit(texts_[text]).get().logits;
        wrong += logits != expected[0][text] && logits != expected[1][text];
      }
    });
  for (std::size_t i = 0; i < 40; ++i) {
    queue.replace(classifiers[(i + 1) % 2]);
    std::this_thread::yield();
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(queue.counts().answered, 200u);
}

TEST_F(Queue, ABatchWaitsForAsManyAsBeforeNoLongerThanTheDelay) {
  for (const auto delay : {std::chrono::microseconds(0), std::chrono::microseconds(24h)}) {
    SCOPED_TRACE(delay.count());
    BatchQueue queue(load(), {.max_delay = delay});
    Gate gate, second_gate;
    auto first = queue.submit("a gem", gate.request());
    gate.await_worker();
    auto second = queue.submit("a gem", second_gate.request()), third = queue.submit("a gem");
    gate.open();
    second_gate.await_worker();  // the batch of two runs
    std::vector<std::future<Prediction>> rest;
    rest.push_back(queue.submit("a gem"));
    second_gate.open();
    third.get();
    if (delay == 0us) {
      rest[0].get();
      EXPECT_EQ(queue.counts().batches, 3u);
    }
    rest.push_back(queue.submit("a gem"));
    rest.back().get();
    EXPECT_EQ(queue.counts().batches, delay == 0us ? 4u : 3u);
  }
}

TEST_F(Queue, OptionsThatCannotBeAreRefused) {
  EXPECT_EQ(message_of<ConfigError>([] { BatchQueue(std::shared_ptr<const Classifier>()); }),
            "a queue without a classifier; expected one");
  EXPECT_THAT(message_of<ConfigError>([&] { BatchQueue(load(), {.max_batch = 0}); }), HasSubstr("max_batch 0"));
  EXPECT_THAT(message_of<ConfigError>([&] { BatchQueue(load(), {.max_delay = -1us}); }), HasSubstr("max_delay -1 us"));
}

}  // namespace
}  // namespace sharcs::internal::batch_queue_test
