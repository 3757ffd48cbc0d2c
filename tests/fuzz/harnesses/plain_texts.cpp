#include "data/plain_texts.hpp"

#include "data/text_blocks.hpp"
#include "data/tokenized_dataset.hpp"
#include "fuzz/harness.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal::harnesses {
namespace {

/// The first byte says how the rest is read, and how long blocks are.
std::vector<std::string> seeds() {
  return {std::string(1, '\0') + "a text\nand another\n\nof two documents\n", "\x01\xEF\xBB\xBFone line",
          "\x12 caf\xC3\xA9 \r\n \t \r\nfilm\xFF\n", "\x1B" + std::string("a\0b\nfilm film film film film\n", 30)};
}

const Tokenizer& tokenizer() {
  static const Tokenizer built = [] {
    const std::vector<std::string> texts = {"a text and another film of two documents cafe one line"};
    return Tokenizer::train_wordpiece(texts, {.vocab_size = 60, .min_frequency = 1});
  }();
  return built;
}

void read(std::string_view input, const Scratch& scratch) {
  if (input.empty()) return;
  const auto how = static_cast<unsigned char>(input.front());
  const std::filesystem::path file = scratch.write("data.txt", input.substr(1));
  const ReadOptions options = {.invalid_text = (how & 16) != 0 ? InvalidText::replace : InvalidText::refuse,
                               .on_error = (how & 8) != 0 ? OnError::skip : OnError::stop};
  const Task task = Task::custom({.kind = TaskKind::masked_lm});
  const Dataset texts = task.read_file(file, Split::train, options);
  const std::size_t length = 3 + (how & 7);
  tokenize(blocks_of(texts, tokenizer(), length), task, tokenizer(), length);
}

}  // namespace

std::vector<Harness> plain_texts() {
  return {
      {.name = "plain_texts", .file = "data.txt", .words = {"\n\n", "[MASK]", "[SEP]"}, .seeds = seeds, .read = read}};
}

}  // namespace sharcs::internal::harnesses
