#include "data/tagged_texts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "data/tokenized_dataset.hpp"
#include "expect_error.hpp"
#include "sharcs/task.hpp"
#include "temporary_folder.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal::tagged_texts_test {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

const TaskSpec named_entities = {.name = "names", .kind = TaskKind::token_classification};

class TaggedTextsTest : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name) << content;
    return (folder_ / name).string();
  }
  TrainingData read(const std::string& name, const std::string& content, TaskSpec spec = named_entities) const {
    DataFiles files = {.train = file(name, content)};
    files.dev = files.train;
    return read_training_data(spec, files);
  }
  std::string refusal(const std::string& name, const std::string& content,
                      const TaskSpec& spec = named_entities) const {
    const std::string message = message_of([&] { read(name, content, spec); });
    return message.starts_with(folder_.path().string()) ? message.substr(folder_.path().string().size() + 1) : message;
  }

  TemporaryFolder folder_;
};

TEST_F(TaggedTextsTest, AWordALineAndJsonLinesGiveTheSame) {
  const TrainingData conll =
      read("a.conll",
           "-DOCSTART- -X- -X- O\n\nParis NNP B-NP B-LOC\nis VBZ B-VP O\n\n\nLa  NNP B-NP\tB-LOC\r\n"
           "Paz NNP I-NP I-LOC\n-DOCSTART- -X- -X- O\nBonn NNP B-NP B-LOC");
  const TrainingData json = read("a.jsonl", R"({"tokens": ["Paris", "is"], "ner_tags": ["B-LOC", "O"]})"
                                            "\n"
                                            R"({"ner_tags": ["B-LOC", "I-LOC"], "tokens": ["La", "Paz"], "other": 3})"
                                            "\n"
                                            R"({"tokens": ["Bonn"], "ner_tags": ["B-LOC"]})"
                                            "\n");
  for (const TrainingData& data : {conll, json}) {
    EXPECT_THAT(data.task.labels(), ElementsAre("B-LOC", "I-LOC", "O"));
    EXPECT_THAT(data.task.metrics(), ElementsAre(Metric("entity_f1")));
    ASSERT_EQ(data.train.size(), 3u);
    EXPECT_THAT(data.train.samples[1].words, ElementsAre("La", "Paz"));
    EXPECT_THAT(data.train.samples[1].tags, ElementsAre(0, 1));
    EXPECT_EQ(data.train.samples[1].text, "La Paz");
    EXPECT_TRUE(data.train.labelled());
    EXPECT_THAT(label_counts(data.train, 3), ElementsAre(3, 1, 1));
  }
  EXPECT_EQ(conll.train.samples[1].line, 7u);
}

TEST_F(TaggedTextsTest, TagsThatAreNumbersAreRefused) {
  EXPECT_EQ(refusal("a.jsonl", R"({"tokens": ["a"], "ner_tags": [3]})"),
            "a.jsonl:1: \"ner_tags\" has the number 3 in place 0; expected texts, as in \"B-PER\" (numbers do not say "
            "which tags they are)");
}

TEST_F(TaggedTextsTest, WhatIsNoTaggedTextIsRefusedByItsLine) {
  EXPECT_EQ(refusal("a.conll", "a O\nb X O\n"), "a.conll:2: expected 2 columns, found 3 columns");
  EXPECT_EQ(refusal("a.conll", "a\nb\n"), "a.conll:1: expected a word and its tag, found 1 column");
  EXPECT_EQ(refusal("a.conll", "\n\n"), "a.conll: has no words; expected at least one text");
  EXPECT_EQ(refusal("a.conll", "a O\nb\xff O\n"), "a.conll:2: 0xff at byte 2 of the line is not UTF-8 text");
  EXPECT_EQ(refusal("a.jsonl", R"({"tokens": ["a", "b"], "ner_tags": ["O"]})"),
            "a.jsonl:1: 1 tags under \"ner_tags\" for 2 words");
  EXPECT_EQ(refusal("a.jsonl", R"({"tokens": "a b", "ner_tags": ["O"]})"),
            "a.jsonl:1: \"tokens\" is no list; expected a list of texts");
  EXPECT_EQ(refusal("a.jsonl", R"({"tokens": ["a", " "], "ner_tags": ["O", "O"]})"),
            "a.jsonl:1: \"tokens\" has \" \" in place 1; expected a text without TABs and line ends");
  EXPECT_EQ(refusal("a.jsonl", R"({"words": ["a"], "ner_tags": ["O"]})"),
            "a.jsonl:1: no column \"tokens\"; found \"words\", \"ner_tags\"");
  EXPECT_THAT(refusal("a.csv", "a,O\n"), HasSubstr("the name does not tell the format; expected .conll"));
  EXPECT_THAT(refusal("a.conll", "a O\nb O\n\nc O\n"), EndsWith("has one tag, \"O\"; expected at least two"));
}

TEST_F(TaggedTextsTest, TwoSchemesInOneFileAreRefused) {
  EXPECT_EQ(refusal("a.conll", "a B-PER\nb O\n\nc I-PER\n"),
            "a.conll: \"B-PER\" begins an entity on line 1, and \"I-PER\" begins an entity on line 4; expected one "
            "scheme, IOB2 (each begins with B) or IOB1 (with I)");
  EXPECT_EQ(read("b.conll", "a I-PER\nb B-PER\n\nc I-PER\n").train.size(), 2u);  // IOB1
  EXPECT_EQ(read("c.conll", "a B-PER\nb I-PER\n\nc B-PER\n").train.size(), 2u);  // IOB2
  EXPECT_EQ(read("d.conll", "a S-PER\nb I-PER\n\nc B-PER\n").train.size(), 2u);  // IOBES, where only the end is checked
}

TEST_F(TaggedTextsTest, TagsOfDevAreThoseOfTraining) {
  const TrainingData data = read("a.conll", "a B-PER\nb O\n\nc O\n");
  const std::string dev = file("dev.conll", "a B-LOC\n");
  EXPECT_THAT(message_of([&] { data.task.read_file(dev, Split::dev); }),
              EndsWith(":1: unknown tag \"B-LOC\"; expected one of \"B-PER\", \"O\""));
  EXPECT_EQ(data.task.read_file(dev, Split::dev, {.label_map = {{"B-LOC", "B-PER"}}}).samples[0].tags[0], 0);
  const Dataset without = data.task.read_file(dev, Split::test, {.needs_labels = false});
  EXPECT_FALSE(without.labelled());
  EXPECT_THAT(without.notes, ElementsAre(HasSubstr("the tags were not compared: ")));
  EXPECT_FALSE(data.task.read_file(file("test.conll", "a\nb\n"), Split::test).labelled());
}

TEST_F(TaggedTextsTest, BadTextsAreLeftOutWhereTheyMay) {
  const Task task = read("a.conll", "a B-PER\nb O\n\nc O\n").task;
  const Dataset dataset =
      task.read_file(file("b.conll", "a O\n\nb X O\nc O\n\nd O\n"), Split::dev, {.on_error = OnError::skip});
  EXPECT_EQ(dataset.size(), 2u);
  ASSERT_EQ(dataset.bad_lines.size(), 1u);
  EXPECT_EQ(dataset.bad_lines[0].line, 3u);
}

TEST_F(TaggedTextsTest, TagsOfSingleWordsAreJudgedByTheWord) {
  const TrainingData data = read("a.conll", "dogs NNS\nbark VBP\n\ncats NNS\n");
  EXPECT_THAT(data.task.metrics(), ElementsAre(Metric("word_accuracy")));
  TaskSpec spec = named_entities;
  spec.metrics = {"entity_f1"};
  EXPECT_THAT(refusal("b.conll", "dogs NNS\nbark VBP\n\ncats NNS\n", spec),
              HasSubstr("entity_f1 needs tags of entities such as \"B-PER\" and \"O\"; found \"NNS\""));
}

TEST_F(TaggedTextsTest, ColumnsMayStandElsewhere) {
  TaskSpec spec = named_entities;
  spec.text = Column::at(2);
  spec.label = Column::at(3);
  const TrainingData data = read("a.tsv", "1\tParis\tB-LOC\tx\n2\tis\tO\ty\n\n1\tno\tO\tz\n", spec);
  EXPECT_THAT(data.train.samples[0].words, ElementsAre("Paris", "is"));
  spec.text = "words";
  EXPECT_EQ(refusal("b.conll", "a O\nb B-X\n", spec),
            "b.conll: column \"words\" is given by name; a file with a word a line has positions only");
  spec.label = "tags";
  EXPECT_EQ(read("c.jsonl",
                 R"({"words": ["a", "b"], "tags": ["O", "B-X"]})"
                 "\n"
                 R"({"words": ["a"], "tags": ["O"]})",
                 spec)
                .train.size(),
            2u);
}

TEST_F(TaggedTextsTest, AShareOfTheTextsBecomesDev) {
  std::string content;
  for (int i = 0; i < 20; ++i) content += "a B-PER\nb O\n\n";
  const TrainingData data =
      read_training_data(named_entities, {.train = file("a.conll", content), .split = {.dev_share = 0.2}});
  EXPECT_EQ(data.train.size(), 16u);
  EXPECT_EQ(data.dev.size(), 4u);
}

TEST_F(TaggedTextsTest, TheFirstPieceOfAWordHasItsTag) {
  const Tokenizer tokenizer = word_piece_tokenizer({"una", "##ffa", "##ble", "!", "the"});
  const Task task = Task::custom({.kind = TaskKind::token_classification, .labels = {"B-X", "O"}});
  Dataset dataset;
  Sample& sample = dataset.samples.emplace_back();
  sample.words = {"unaffable", "!", "the"};
  sample.tags = {0, 1, 0};
  const Encoding encoding = tokenizer.encode_words(sample.words, 100);
  const TokenizedDataset whole = tokenize(dataset, task, tokenizer, 100);
  ASSERT_EQ(whole.labels.size(), 3u);
  EXPECT_THAT(whole.labels_of(0), ElementsAre(0, 1, 0));
  EXPECT_EQ(whole.tokens.head_tokens_of(0)[0], 1);
  EXPECT_EQ(encoding.words.front(), -1);
  EXPECT_EQ(encoding.words[static_cast<std::size_t>(whole.tokens.head_tokens_of(0)[1])], 1);
  // What is cut off has no tag.
  const TokenizedDataset cut = tokenize(dataset, task, tokenizer, 3);
  EXPECT_EQ(cut.truncated, 1);
  EXPECT_THAT(cut.labels_of(0), ElementsAre(0));
}

}  // namespace
}  // namespace sharcs::internal::tagged_texts_test
