// Questions, the places of their answers, and the windows that they are read in.
#include "data/question_texts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "data/context_windows.hpp"
#include "data/tokenized_dataset.hpp"
#include "expect_error.hpp"
#include "sharcs/task.hpp"
#include "temporary_folder.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal::question_texts_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Task questions = Task::custom({.kind = TaskKind::question_answering});

class QuestionTextsTest : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name) << content;
    return (folder_ / name).string();
  }
  Dataset read(const std::string& name, const std::string& content, const ReadOptions& options = {},
               Split split = Split::train) const {
    return questions.read_file(file(name, content), split, options);
  }
  std::string refusal(const std::string& name, const std::string& content) const {
    const std::string message = message_of([&] { read(name, content); });
    return message.starts_with(folder_.path().string()) ? message.substr(folder_.path().string().size() + 1) : message;
  }

  TemporaryFolder folder_;
};

/// SQuAD's form, of one paragraph.
std::string squad(const std::string& context, const std::string& asked) {
  return R"({"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": ")" + context + R"(", "qas": [)" +
         asked + "]}]}]}";
}

const char* const two_questions =
    R"({"id": "q1", "question": "What is old?", "answers": [{"text": "café", "answer_start": 3}, {"text": "Le café", "answer_start": 0}]},
       {"id": "q2", "question": "What is new?", "is_impossible": true, "answers": [], "plausible_answers": []})";

TEST_F(QuestionTextsTest, SquadsFormAndJsonLinesGiveTheSame) {
  const Dataset squads = read("train.json", squad("Le café est vieux", two_questions));
  const Dataset lines = read(
      "train.jsonl",
      R"({"id": "q1", "title": "t", "context": "Le café est vieux", "question": "What is old?", "answers": {"text": ["café", "Le café"], "answer_start": [3, 0]}})"
      "\n\n"
      R"({"id": "q2", "context": "Le café est vieux", "question": "What is new?", "answers": {"text": [], "answer_start": []}})"
      "\n");
  for (const Dataset& dataset : {squads, lines}) {
    ASSERT_EQ(dataset.size(), 2u);
    const Sample& first = dataset.samples[0];
    EXPECT_EQ(first.id, "q1");
    EXPECT_EQ(first.text, "What is old?");
    EXPECT_EQ(first.pair, "Le café est vieux");
    EXPECT_THAT(*first.answers,
                ElementsAre(TextRange{3, 8}, TextRange{0, 8}));  // bytes, of characters 3 to 6 and 0 to 6
    EXPECT_THAT(texts_of(first), ElementsAre("café", "Le café"));
    EXPECT_TRUE(dataset.samples[1].answers->empty());
    EXPECT_TRUE(dataset.labelled());
  }
  EXPECT_EQ(lines.samples[1].line, 3u);
}

TEST_F(QuestionTextsTest, WhatStandsInAFileTellsThatItHoldsQuestions) {
  EXPECT_TRUE(holds_questions(file("a.json", squad("x", ""))));
  EXPECT_TRUE(holds_questions(file("b.jsonl", R"({"question": "a", "context": "b", "answers": {}})")));
  EXPECT_TRUE(holds_questions(file("c.json", "{\n \"data\": [\n  {\n   \"paragraphs\": []\n}\n]\n}")));
  EXPECT_FALSE(holds_questions(file("d.jsonl", R"({"question": "a", "answer": "b", "label": 1})")));
  EXPECT_FALSE(holds_questions(file("e.tsv", "question\tcontext\n")));
  EXPECT_FALSE(holds_questions("absent.json"));
}

TEST_F(QuestionTextsTest, WhatIsBrokenIsNamedByItsPlace) {
  EXPECT_EQ(refusal("a.json", squad("Le café est vieux",
                                    R"({"id": 1, "question": "q", "answers": [{"text": "café", "answer_start": 4}]})")),
            "a.json: \"data[0].paragraphs[0].qas[0].answers[0].answer_start\" is 4, where the context has \"afé \"; "
            "expected the answer \"café\"");
  EXPECT_THAT(refusal("b.json", squad("x y", R"({"question": "q", "answers": [{"text": "y", "answer_start": 99}]})")),
              HasSubstr("is 99, where the context has \"\"; expected the answer \"y\""));
  EXPECT_THAT(refusal("c.json", squad("x", R"({"id": "1", "question": " ", "answers": []})")),
              HasSubstr("c.json: \"data[0].paragraphs[0].qas[0].question\" is empty; expected a text"));
  EXPECT_THAT(refusal("d.json", squad("x", R"({"id": "1", "question": "q"})")), HasSubstr("qas[0].answers\""));
  EXPECT_THAT(refusal("e.jsonl",
                      "{\"question\": \"q\", \"context\": \"c\", \"answers\": {\"text\": [\"c\"], "
                      "\"answer_start\": []}}\n"),
              HasSubstr("e.jsonl:1: \"answers.answer_start\""));
  EXPECT_THAT(refusal("f.json", squad("x", R"({"question": "q", "answers": [{"text": "x", "answer_start": -1}]})")),
              HasSubstr("answer_start\" is -1"));
  EXPECT_THAT(refusal("g.json", "{\"data\": []}"), HasSubstr("has no questions"));
  EXPECT_THAT(refusal("h.json", "{\"data\": 3}"), HasSubstr("\"data\""));
  EXPECT_THAT(refusal("i.json", "[1, 2]"), HasSubstr("i.json"));
  EXPECT_THAT(refusal("j.json", squad("x", R"({"question": "q", "answers": [{"text": "", "answer_start": 0}]})")),
              HasSubstr("empty answer"));
}

TEST_F(QuestionTextsTest, BrokenOnesAreLeftOutWhereThatIsAskedFor) {
  const Dataset read_ = read("a.json", squad("x y", R"({"question": "q", "answers": [{"text": "y", "answer_start": 0}]},
                      {"question": "r", "answers": [{"text": "y", "answer_start": 2}]})"),
                             {.on_error = OnError::skip});
  EXPECT_EQ(read_.size(), 1u);
  ASSERT_EQ(read_.bad_lines.size(), 1u);
  EXPECT_THAT(read_.bad_lines.front().problem, HasSubstr("qas[0]"));
  // What is to be answered needs no answers.
  EXPECT_FALSE(read("b.json", squad("x", R"({"id": "1", "question": "q"})"), {}, Split::test).samples[0].answers);
}

TEST_F(QuestionTextsTest, TrainingDataSayWhetherQuestionsMayHaveNoAnswer) {
  const TaskSpec spec = {.kind = TaskKind::question_answering};
  const std::string with = file("a.json", squad("Le café est vieux", two_questions));
  const std::string without =
      file("b.jsonl", R"({"question": "a", "context": "x y", "answers": {"text": ["y"], "answer_start": [2]}})"
                      "\n"
                      R"({"question": "b", "context": "x z", "answers": {"text": ["z"], "answer_start": [2]}})"
                      "\n"
                      R"({"question": "c", "context": "x z", "answers": {"text": ["x"], "answer_start": [0]}})");
  ModelConfig config;
  read_training_data(spec, {.train = with, .dev = with}).task.store_in(config);
  EXPECT_EQ(config.task->no_answer_above, 0);
  EXPECT_TRUE(config.finds_answers && config.per_token);
  EXPECT_THAT(config.labels, ElementsAre("start", "end"));
  const TrainingData halves = read_training_data(spec, {.train = without, .split = {.dev_share = 0.3}});
  EXPECT_EQ(halves.dev.size() + halves.train.size(), 3u);
  EXPECT_NE(halves.dev.samples.front().pair, halves.train.samples.front().pair);  // those of a context stay together
  halves.task.store_in(config);
  EXPECT_FALSE(config.task->no_answer_above);
  EXPECT_THAT(halves.task.metrics(), ElementsAre(Metric("answer_exact_match"), Metric("answer_f1")));
}

TEST_F(QuestionTextsTest, LongContextsAreReadInWindows) {
  const Tokenizer tokenizer = word_piece_tokenizer({"q", "a", "b", "c", "d", "e", "f", "##g"});
  const std::vector<Encoding> windows = tokenizer.encode_windows("q", "a b cg  d e f", 7, 2);
  ASSERT_EQ(windows.size(), 3u);  // [CLS] q [SEP], three tokens, [SEP]
  EXPECT_EQ(windows[0].ids, tokenizer.encode("q", "a b c", 7).ids);
  EXPECT_THAT(windows[1].ranges, ElementsAre(TextRange{}, TextRange{}, TextRange{}, TextRange{4, 5}, TextRange{5, 6},
                                             TextRange{8, 9}, TextRange{}));
  EXPECT_THAT(windows[2].ranges, ElementsAre(TextRange{}, TextRange{}, TextRange{}, TextRange{8, 9}, TextRange{10, 11},
                                             TextRange{12, 13}, TextRange{}));
  EXPECT_THAT(windows[0].token_types, ElementsAre(0, 0, 0, 1, 1, 1, 1));
  EXPECT_THAT(answer_places(windows[1]), ElementsAre(0, 3, 4, 5));
  const auto span = [&](std::size_t window, TextRange answer) {
    return span_of(std::span(&answer, 1), windows[window]);
  };
  EXPECT_EQ(span(1, {4, 6}), (TokenSpan{3, 4}));
  EXPECT_EQ(span(0, {4, 6}), (TokenSpan{0, 0}));  // cut in the middle: not there
  EXPECT_EQ(span(2, {4, 6}), (TokenSpan{0, 0}));
  EXPECT_EQ(span_of({}, windows[0]), (TokenSpan{0, 0}));
  // Without a stride, windows overlap by half where they are short.
  EXPECT_EQ(tokenizer.encode_windows("q", "a b cg  d e f", 8).size(), 3u);
  EXPECT_EQ(tokenizer.encode_windows("q q q q q q", "a b", 7).front().ids.size(), 7u);
  EXPECT_THROW(tokenizer.encode_windows("q", "a", 4), ShapeError);

  Dataset dataset =
      read("a.json", squad("a b cg  d e f", R"({"question": "q", "answers": [{"text": "cg", "answer_start": 4}]},
                                                          {"question": "q", "is_impossible": true})"));
  const Dataset parts = windows_of(dataset, tokenizer, 7, 2);
  ASSERT_EQ(parts.size(), 6u);
  EXPECT_EQ(parts.samples[4].question, 1u);
  EXPECT_EQ(parts.samples[4].window, 1u);
  const TokenizedDataset tokens = tokenize(parts, questions, tokenizer, 7, WindowRows::answers, 2);
  EXPECT_THAT(tokens.labels, ElementsAre(0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(tokens.tokens.head_tokens_of(1).size(), 4u);
  EXPECT_EQ(tokenize(parts, questions, tokenizer, 7, WindowRows::all, 2).tokens.head_tokens_of(1).size(), 7u);
  // Each window has the context whole, so that there may not be any number of them.
  for (int i = 0; i < 300; ++i) *dataset.samples[1].pair += " a a";
  EXPECT_THAT(message_of<DataError>([&] { windows_of(dataset, tokenizer, 7, 2); }),
              ::testing::HasSubstr("question \"2\": its context takes 303 windows; expected at most 256"));
}

TEST_F(QuestionTextsTest, TokensKnowTheirBytesThroughNormalization) {
  const std::string text = "  \u00c9lan e\u0301t\u00e9, \u5317\u4eac\u200b [MASK] don't";
  const auto parts_of = [&](const Tokenizer& tokenizer) {
    const Encoding all = tokenizer.encode_windows("q", text, 100).front();
    EXPECT_EQ(all.ids, tokenizer.encode("q", text, 100).ids);
    std::vector<std::string> parts;
    for (const TextRange& range : all.ranges)
      if (!range.empty()) parts.push_back(text.substr(range.begin, range.end - range.begin));
    return parts;
  };
  EXPECT_THAT(parts_of(word_piece_tokenizer({"elan", "et", "##e", ",", "\u5317", "don", "'", "t"})),
              ElementsAre("\u00c9lan", "e\u0301t", "\u00e9", ",", "\u5317", "\u4eac", "[MASK]", "don", "'", "t"));
  const TemporaryFolder folder;
  write_bpe(folder.path(), {"d o", "do n", "l a", "la n"});
  const Tokenizer bytes = Tokenizer::byte_level_bpe(folder / "vocab.json", folder / "merges.txt");
  const std::vector<std::string> parts = parts_of(bytes);
  EXPECT_THAT(parts, ::testing::Contains("lan"));
  EXPECT_THAT(parts, ::testing::Contains("don"));
  EXPECT_THAT(parts, ::testing::Contains("\u5317"));  // each of its bytes stands for all of it
}

}  // namespace
}  // namespace sharcs::internal::question_texts_test
