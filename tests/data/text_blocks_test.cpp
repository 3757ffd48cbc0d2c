#include "data/text_blocks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/plain_texts.hpp"
#include "data/tokenized_dataset.hpp"
#include "expect_error.hpp"
#include "io/file.hpp"
#include "temporary_folder.hpp"
#include "text/small_tokenizers.hpp"

namespace sharcs::internal::text_blocks_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Task& task() {
  static const Task masked = Task::named("masked-lm");
  return masked;
}

Dataset read(const std::string& content, const ReadOptions& options = {}, const std::string& name = "a.txt") {
  const TemporaryFolder folder;
  write_file_atomically(folder / name, content);
  return task().read_file(folder / name, Split::train, options);
}

/// A word is a token, and [MASK] and the others are there.
Tokenizer words() {
  const std::vector<std::string> texts = {"a b c d e f g h i j"};
  return Tokenizer::train_wordpiece(texts, {.vocab_size = 40, .min_frequency = 1});
}

std::vector<std::string> texts_of(const Dataset& dataset) {
  std::vector<std::string> texts;
  for (const Sample& sample : dataset.samples) texts.push_back(sample.text);
  return texts;
}

TEST(PlainTexts, EachLineIsATextAndABlankOneEndsADocument) {
  const Dataset dataset = read("\xEF\xBB\xBF\n\n  a b \r\nc\n \t\n\nd\n");
  EXPECT_THAT(texts_of(dataset), ElementsAre("a b", "c", "d"));
  EXPECT_EQ(dataset.samples[0].document, dataset.samples[1].document);
  EXPECT_NE(dataset.samples[1].document, dataset.samples[2].document);
  EXPECT_EQ(dataset.samples[0].line, 3u);
  EXPECT_EQ(dataset.samples[2].line, 7u);
  EXPECT_TRUE(dataset.labelled());
}

TEST(PlainTexts, WhatIsNotUtf8IsRefusedOrReplaced) {
  EXPECT_THAT(message_of<DataError>([] { read("a\n\xFF\n"); }),
              HasSubstr("a.txt:2: 0xff at byte 1 of the line is not UTF-8 text"));
  EXPECT_THAT(message_of<DataError>([] { read(std::string("a\0b\n", 4)); }),
              HasSubstr("a.txt:1: NUL at byte 2 of the line is not UTF-8 text"));
  EXPECT_THAT(texts_of(read("a\n\xFFz\n", {.invalid_text = InvalidText::replace})), ElementsAre("a", "\xEF\xBF\xBDz"));
  const Dataset skipped = read("a\n\xFF\nb\n", {.on_error = OnError::skip});
  EXPECT_THAT(texts_of(skipped), ElementsAre("a", "b"));
  ASSERT_EQ(skipped.bad_lines.size(), 1u);
  EXPECT_EQ(skipped.bad_lines.front().line, 2u);
}

TEST(PlainTexts, AFileWithoutTextOrOfAnotherFormatIsRefused) {
  EXPECT_THAT(message_of<DataError>([] { read(" \n\n"); }), HasSubstr("a.txt: has no text; expected a line at least"));
  EXPECT_THAT(message_of<ConfigError>([] { read("a\n", {.format = TableFormat::csv}); }),
              HasSubstr("a.txt: the format is csv; expected none"));
  EXPECT_THAT(message_of<ConfigError>([] { read("a\n", {.header = Header::no}); }),
              HasSubstr("expected none of plain text"));
}

TEST(PlainTexts, AFolderHasTrainAndDev) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "train.txt", "a\n");
  write_file_atomically(folder / "dev.txt", "b\nc\n");
  EXPECT_EQ(task().read(folder.path(), Split::dev).size(), 2u);
  EXPECT_THAT(message_of<IoError>([&] { task().file(folder.path(), Split::test); }), HasSubstr("test.txt"));
}

TEST(PlainTexts, DevTakesWholeDocumentsWhereThereAreSeveral) {
  std::string content;
  for (int document = 0; document < 20; ++document) content += "a\nb\nc\n\n";
  const TrainAndDev parts = split_stratified(read(content), {.dev_share = 0.2});
  EXPECT_EQ(parts.dev.size(), 12u);
  for (const Sample& dev : parts.dev.samples)
    for (const Sample& train : parts.train.samples) EXPECT_NE(dev.document, train.document);
  const TrainAndDev of_one = split_stratified(read("a\nb\nc\nd\ne\n"), {.dev_share = 0.2});
  EXPECT_EQ(of_one.dev.size(), 1u);
}

TEST(TextBlocks, HoldAsManyWholeTextsOfADocumentAsFit) {
  const Tokenizer tokenizer = words();
  const Dataset blocks = blocks_of(read("a b c\nd e\nf g\n\nh\n"), tokenizer, 7);
  EXPECT_THAT(texts_of(blocks), ElementsAre("a b c d e", "f g", "h"));
  EXPECT_EQ(blocks.samples[1].line, 3u);
  for (const Sample& block : blocks.samples) {
    EXPECT_EQ(block.tokens, tokenizer.encode(block.text, 100).ids);
    EXPECT_TRUE(block.document.has_value());
  }
}

TEST(TextBlocks, LoseNoTokenOfLongTexts) {
  const Tokenizer tokenizer = words();
  const Dataset texts = read("a b\nc d e f g h i j a b c d\ne f\n");
  for (const std::size_t length : {3u, 4u, 5u, 6u, 9u, 100u}) {
    std::vector<std::int32_t> all, expected;
    for (const Sample& block : blocks_of(texts, tokenizer, length).samples) {
      EXPECT_LE(block.tokens.size(), length);
      EXPECT_EQ(block.tokens, tokenizer.encode(block.text, 100).ids);
      all.insert(all.end(), block.tokens.begin() + 1, block.tokens.end() - 1);
    }
    for (const Sample& text : texts.samples) {
      const std::vector<std::int32_t> ids = tokenizer.encode(text.text, 100).ids;
      expected.insert(expected.end(), ids.begin() + 1, ids.end() - 1);
    }
    EXPECT_EQ(all, expected) << length;
  }
}

TEST(TextBlocks, WithoutRoomForATokenAreRefused) {
  EXPECT_THAT(message_of<ShapeError>([] { blocks_of(read("a\n"), words(), 2); }), HasSubstr("expected at least 3"));
}

TEST(TextBlocks, OfAnEvaluationAreMaskedInOneWay) {
  const Tokenizer tokenizer = words();
  std::string content;
  for (int i = 0; i < 50; ++i) content += "a b c d e f g h i j\n\n";
  const Dataset blocks = blocks_of(read(content), tokenizer, 12);
  const TokenizedDataset first = tokenize(blocks, task(), tokenizer, 12),
                         again = tokenize(blocks, task(), tokenizer, 12);
  EXPECT_EQ(first.tokens.ids, again.tokens.ids);
  EXPECT_EQ(first.labels, again.labels);
  EXPECT_EQ(first.first_words.size(), blocks.size() + 1);
  for (Index i = 0; i < first.samples(); ++i) EXPECT_GE(first.labels_of(i).size(), 1u);
  // Nothing is masked in the batches of a training, which does that by itself.
  const std::vector<Index> all = {0, 1};
  EXPECT_TRUE(tokenize(blocks, all, tokenizer, 12).head_tokens.empty());
}

}  // namespace
}  // namespace sharcs::internal::text_blocks_test
