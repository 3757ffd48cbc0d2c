#include "data/text_blocks.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/threads.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

/// Lines that are tokenized at a time; their tokens and places are in memory together.
constexpr std::size_t lines_at_once = 1 << 14;
/// More than a line has.
constexpr std::size_t no_limit = std::size_t{1} << 40;

/// A line's tokens, and the bytes of it that each stands for.
struct Line {
  std::vector<std::int32_t> ids;
  std::vector<TextRange> ranges;

  Line() = default;
  Line(const std::string& text, const Tokenizer& tokenizer) {
    const Encoding encoding = std::move(tokenizer.encode_windows("", text, no_limit).front());
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
      if (encoding.words[i] != 0) continue;
      ids.push_back(encoding.ids[i]);
      ranges.push_back(encoding.ranges[i]);
    }
  }
};

/// Puts lines together.
class BlockBuilder {
 public:
  BlockBuilder(const Tokenizer& tokenizer, std::size_t max_length, Dataset& blocks) : blocks_(blocks) {
    constexpr std::size_t enough = 16;
    const std::vector<std::int32_t> around = tokenizer.encode("", enough).ids;
    const auto middle = around.begin() + (std::ssize(around) + 1) / 2;
    before_.assign(around.begin(), middle);
    behind_.assign(middle, around.end());
    if (max_length <= around.size())
      throw ShapeError("blocks of text: max_length is " + std::to_string(max_length) + "; expected at least " +
                       std::to_string(around.size() + 1) + ", the special tokens and one of the text");
    room_ = max_length - around.size();
  }

  void add(const Sample& text, const Line& line) {
    if (is_open_ &&
        (text.document != block_.document || block_.tokens.size() + line.ids.size() > before_.size() + room_))
      end_block();
    for (std::size_t first = 0; first < line.ids.size();) {
      if (!is_open_) {
        block_ = {.text = "", .document = text.document, .tokens = before_, .line = text.line};
        is_open_ = true;
      }
      const std::size_t end = std::min(line.ids.size(), first + before_.size() + room_ - block_.tokens.size());
      block_.tokens.insert(block_.tokens.end(), line.ids.begin() + static_cast<std::ptrdiff_t>(first),
                           line.ids.begin() + static_cast<std::ptrdiff_t>(end));
      const std::size_t begin_byte = first == 0 ? 0 : line.ranges[first].begin,
                        end_byte = end == line.ids.size() ? text.text.size() : line.ranges[end - 1].end;
      block_.text +=
          (block_.text.empty() ? "" : " ") + text.text.substr(begin_byte, std::max(begin_byte, end_byte) - begin_byte);
      first = end;
      if (block_.tokens.size() == before_.size() + room_) end_block();
    }
  }
  void end_block() {
    if (!is_open_) return;
    block_.tokens.insert(block_.tokens.end(), behind_.begin(), behind_.end());
    blocks_.samples.push_back(std::move(block_));
    is_open_ = false;
  }

 private:
  Dataset& blocks_;
  std::vector<std::int32_t> before_, behind_;  // the special tokens around a text
  std::size_t room_;
  Sample block_;
  bool is_open_ = false;
};

}  // namespace

Dataset blocks_of(const Dataset& texts, const Tokenizer& tokenizer, std::size_t max_length) {
  Dataset blocks = {.file = texts.file, .samples = {}, .notes = texts.notes, .bad_lines = texts.bad_lines};
  BlockBuilder builder(tokenizer, max_length, blocks);
  for (std::size_t first = 0; first < texts.size(); first += lines_at_once) {
    std::vector<Line> lines(std::min(lines_at_once, texts.size() - first));
    parallel_for(std::ssize(lines), [&](Index i) {
      const auto place = static_cast<std::size_t>(i);
      lines[place] = Line(texts.samples[first + place].text, tokenizer);
    });
    for (std::size_t i = 0; i < lines.size(); ++i) builder.add(texts.samples[first + i], lines[i]);
  }
  builder.end_block();
  if (blocks.empty()) throw DataError(texts.file + ": no line has a token of the vocabulary");
  return blocks;
}

}  // namespace sharcs::internal
