#include "infer/long_text.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/predicted_label.hpp"

namespace sharcs::internal {
namespace {

/// Tokens [begin, end) of an encoding.
struct TokenRange {
  std::size_t begin, end;
  std::size_t size() const { return end - begin; }
};

void append(Encoding& to, const Encoding& from, TokenRange range) {
  const auto add = [&](std::vector<std::int32_t>& out, const std::vector<std::int32_t>& in) {
    out.insert(out.end(), in.begin() + static_cast<std::ptrdiff_t>(range.begin),
               in.begin() + static_cast<std::ptrdiff_t>(range.end));
  };
  add(to.ids, from.ids);
  add(to.token_types, from.token_types);
}

/// What is left of a text of more than `room` tokens: the first quarter and the last three (Sun et al. 2019, "How to
/// Fine-Tune BERT for Text Classification?", section 5.3.1, keep 128 and 382 of 510).
std::vector<TokenRange> head_and_tail(TokenRange text, std::size_t room) {
  const std::size_t head = room / 4;
  return {{text.begin, text.begin + head}, {text.end - (room - head), text.end}};
}

/// Windows of `room` tokens that cover the text. The last one ends where the text does.
std::vector<std::vector<TokenRange>> windows(TokenRange text, std::size_t room, std::size_t stride) {
  const std::size_t step = std::clamp<std::size_t>(stride == 0 ? room / 2 : stride, 1, room);
  std::vector<std::vector<TokenRange>> all;
  for (std::size_t begin = text.begin; begin + room < text.end; begin += step) all.push_back({{begin, begin + room}});
  all.push_back({{text.end - room, text.end}});
  return all;
}

}  // namespace

std::vector<Encoding> encode_long(const Tokenizer& tokenizer, const std::string& text, const std::string* pair,
                                  const LongTextRule& rule, bool& is_longer) {
  const auto encode = [&](std::size_t length) {
    return pair != nullptr ? tokenizer.encode(text, *pair, length) : tokenizer.encode(text, length);
  };
  constexpr std::size_t whole = std::numeric_limits<std::size_t>::max() / 2;
  // One token more than fits tells whether something is cut.
  Encoding encoding = encode(rule.kind == LongText::first ? rule.max_tokens + 1 : whole);
  is_longer = encoding.ids.size() > rule.max_tokens;
  if (!is_longer) return {std::move(encoding)};
  if (rule.kind == LongText::first) return {encode(rule.max_tokens)};

  // Where the texts stand among the special tokens: [CLS] text [SEP] pair [SEP].
  const std::size_t around_one = tokenizer.encode("", whole).ids.size();
  const std::size_t around = pair != nullptr ? tokenizer.encode("", "", whole).ids.size() : around_one;
  const std::size_t size_of_text = tokenizer.encode(text, whole).ids.size() - around_one;
  const std::size_t before = around_one / 2, after = around_one - before;
  const TokenRange first = {before, before + size_of_text};
  const TokenRange second = {first.end + around - around_one, encoding.ids.size() - after};
  const bool slides_second = pair != nullptr && second.size() > first.size();
  TokenRange other = slides_second ? first : second;
  const TokenRange sliding = slides_second ? second : first;
  const std::size_t room_of_both = rule.max_tokens - std::min(around, rule.max_tokens - 1);
  if (pair == nullptr)
    other.end = other.begin;
  else
    other.end = other.begin + std::min(other.size(), room_of_both / 2);
  const std::size_t room = room_of_both - other.size();
  if (sliding.size() <= room) return {encode(rule.max_tokens)};

  std::vector<Encoding> pieces;
  const auto parts = rule.kind == LongText::windows
                         ? windows(sliding, room, rule.stride)
                         : std::vector<std::vector<TokenRange>>{head_and_tail(sliding, room)};
  for (const std::vector<TokenRange>& kept : parts) {
    Encoding piece;
    append(piece, encoding, {0, before});
    if (slides_second) append(piece, encoding, other);
    if (!slides_second)
      for (const TokenRange range : kept) append(piece, encoding, range);
    if (pair != nullptr) {
      append(piece, encoding, {first.end, second.begin});
      if (!slides_second) append(piece, encoding, other);
      if (slides_second)
        for (const TokenRange range : kept) append(piece, encoding, range);
    }
    append(piece, encoding, {encoding.ids.size() - after, encoding.ids.size()});
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

Prediction average(std::span<const Prediction> windows, const ModelConfig& config) {
  const auto most = std::ranges::max_element(windows, {}, &Prediction::multiply_adds);
  Prediction mean = *most;
  if (windows.size() == 1) return mean;
  const auto mean_of = [&](std::vector<float> Prediction::*member) {
    std::vector<float> values((mean.*member).size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      double sum = 0;
      for (const Prediction& window : windows) sum += static_cast<double>((window.*member)[i]);
      values[i] = static_cast<float>(sum / static_cast<double>(windows.size()));
    }
    return values;
  };
  if (mean.probabilities.empty()) {
    mean.logits = mean_of(&Prediction::logits);
  } else {
    mean.probabilities = mean_of(&Prediction::probabilities);
    for (std::size_t i = 0; i < mean.logits.size(); ++i) {
      const float p = mean.probabilities[i], least = std::numeric_limits<float>::min();
      mean.logits[i] = std::log(std::max(p, least));
      if (config.multi_label) mean.logits[i] -= std::log(std::max(1 - p, least));  // of a sigmoid, not of a softmax
    }
    mean.labels = labels_above_threshold(config, mean.probabilities);
    mean.label = static_cast<int>(std::ranges::max_element(mean.probabilities) - mean.probabilities.begin());
  }
  mean.multiply_adds = mean.full_multiply_adds = 0;
  for (const Prediction& window : windows) {
    mean.multiply_adds += window.multiply_adds;
    mean.full_multiply_adds += window.full_multiply_adds;
    mean.asked = std::max(mean.asked, window.asked);
  }
  return mean;
}

}  // namespace sharcs::internal
