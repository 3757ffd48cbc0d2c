#include "data/tokenized_dataset.hpp"

#include <atomic>
#include <numeric>
#include <utility>

#include "data/context_windows.hpp"
#include "data/text_blocks.hpp"
#include "data/token_masking.hpp"
#include "model/backbone.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

bool reads_pieces(TaskKind kind) { return kind == TaskKind::question_answering || kind == TaskKind::masked_lm; }

Dataset pieces_of(const Dataset& dataset, TaskKind kind, const Tokenizer& tokenizer, std::size_t max_length,
                  std::size_t stride) {
  return kind == TaskKind::masked_lm ? blocks_of(dataset, tokenizer, max_length)
                                     : windows_of(dataset, tokenizer, max_length, stride);
}

Encoding encode(const Sample& sample, const Tokenizer& tokenizer, std::size_t max_length, std::size_t stride) {
  if (!sample.tokens.empty())
    return {.ids = sample.tokens, .token_types = std::vector<std::int32_t>(sample.tokens.size())};
  if (sample.window)
    return std::move(
        tokenizer.encode_windows(sample.text, sample.pair.value_or(""), max_length, stride).at(*sample.window));
  if (!sample.words.empty()) return tokenizer.encode_words(sample.words, max_length);
  return sample.pair ? tokenizer.encode(sample.text, *sample.pair, max_length)
                     : tokenizer.encode(sample.text, max_length);
}

namespace {

/// The places of the tokens that the head reads.
std::vector<std::int32_t> head_places(const Sample& sample, const Encoding& encoding, WindowRows rows) {
  if (!sample.window) return first_pieces(encoding);
  if (rows == WindowRows::answers) return answer_places(encoding);
  std::vector<std::int32_t> all(encoding.ids.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace

std::vector<std::int32_t> first_pieces(const Encoding& encoding) {
  std::vector<std::int32_t> pieces;
  std::int32_t before = -1;
  for (std::size_t i = 0; i < encoding.words.size(); ++i) {
    const std::int32_t word = encoding.words[i];
    if (word >= 0 && word != before) pieces.push_back(static_cast<std::int32_t>(i));
    if (word >= 0) before = word;
  }
  return pieces;
}

RaggedBatch TokenizedDataset::gather(std::span<const Index> samples) const {
  RaggedBatch batch;
  for (const Index sample : samples) batch.add(tokens, sample);
  return batch;
}

WorkShare share_by_tokens(std::span<const std::int32_t> lengths, int part, int parts) {
  Index total = 0;
  for (const std::int32_t length : lengths) total += length;
  if (total == 0) return {0, 0};  // no samples
  // A sample belongs to the part that the middle of its tokens falls into.
  WorkShare share = {0, 0};
  Index before = 0;
  for (const std::int32_t length : lengths) {
    const Index owner = (2 * before + length) * parts / (2 * total);
    share.begin += owner < part;
    share.end += owner <= part;
    before += length;
  }
  return share;
}

TokenizedDataset tokenize(const Dataset& dataset, const Task& task, const Tokenizer& tokenizer, std::size_t max_length,
                          WindowRows rows, std::size_t stride) {
  // Throws here, and not in the parallel loop, where that would end the program.
  if (!dataset.empty()) encode(dataset.samples.front(), tokenizer, max_length, stride);
  const bool has_words = task.kind() == TaskKind::token_classification;
  std::vector<Encoding> encodings(dataset.size());
  std::atomic<Index> truncated = 0;
  parallel_for(static_cast<Index>(dataset.size()), [&](Index i) {
    const Sample& sample = dataset.samples[static_cast<std::size_t>(i)];
    Encoding& encoding = encodings[static_cast<std::size_t>(i)];
    if (sample.window) {
      encoding = encode(sample, tokenizer, max_length, stride);
      return;
    }
    encoding = encode(sample, tokenizer, max_length + 1);  // one more than fits tells whether something is cut
    if (encoding.ids.size() <= max_length) return;
    ++truncated;
    encoding = encode(sample, tokenizer, max_length);
  });
  TokenizedDataset result;
  result.truncated = truncated;
  result.lengths.reserve(dataset.size());
  const bool labelled = dataset.labelled();
  if (task.kind() == TaskKind::masked_lm) {
    for (const Encoding& encoding : encodings) {
      result.tokens.add(encoding.ids, encoding.token_types);
      result.lengths.push_back(static_cast<std::int32_t>(encoding.ids.size()));
    }
    std::vector<Index> all(encodings.size());
    std::iota(all.begin(), all.end(), Index{0});
    TokenMasking(tokenizer, {}).apply(all, masking_key_of_evaluation(), result.tokens);
    result.labels = result.tokens.truths;
    result.first_words = result.tokens.head_offsets;
    return result;
  }
  if (has_words) result.first_words = {0};
  result.has_windows = task.kind() == TaskKind::question_answering;
  if (result.has_windows) result.windows = &dataset;
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    const Encoding& encoding = encodings[i];
    const std::vector<std::int32_t> pieces = head_places(dataset.samples[i], encoding, rows);
    result.tokens.add(encoding.ids, encoding.token_types, pieces);
    result.lengths.push_back(static_cast<std::int32_t>(encoding.ids.size()));
    if (result.has_windows) {
      const TokenSpan span = labelled ? span_of(*dataset.samples[i].answers, encoding) : TokenSpan();
      if (labelled) result.labels.insert(result.labels.end(), {span.first, span.last});
      if (rows == WindowRows::all) continue;
      auto& ranges = result.ranges.emplace_back();
      for (const std::int32_t piece : pieces) ranges.push_back(encoding.ranges[static_cast<std::size_t>(piece)]);
      continue;
    }
    if (!has_words) continue;
    if (pieces.empty()) {
      const std::size_t line = dataset.samples[i].line;
      throw DataError(dataset.file + (line > 0 ? ":" + std::to_string(line) : "") +
                      ": none of the text's words has a token that the model reads");
    }
    for (const std::int32_t piece : pieces)
      if (labelled)
        result.labels.push_back(
            dataset.samples[i].tags[static_cast<std::size_t>(encoding.words[static_cast<std::size_t>(piece)])]);
    result.first_words.push_back(result.first_words.back() + std::ssize(pieces));
  }
  if (!labelled || has_words || result.has_windows) return result;
  for (const Sample& sample : dataset.samples) {
    if (task.kind() != TaskKind::regression)
      result.labels.push_back(*sample.label);
    else
      for (const double target : sample.targets) result.targets.push_back(static_cast<float>(target));
  }
  return result;
}

RaggedBatch tokenize(const Dataset& dataset, std::span<const Index> samples, const Tokenizer& tokenizer,
                     std::size_t max_length) {
  RaggedBatch batch;
  for (const Index sample : samples) {
    const Sample& of_data = dataset.samples[static_cast<std::size_t>(sample)];
    const Encoding encoding = encode(of_data, tokenizer, max_length);
    batch.add(encoding.ids, encoding.token_types, head_places(of_data, encoding, WindowRows::all));
  }
  return batch;
}

void require_vocabulary(const ModelConfig& config, const Tokenizer& tokenizer, const std::string& place) {
  if (tokenizer.vocab_size() > static_cast<std::size_t>(config.vocab_size))
    throw ConfigError((place.empty() ? "" : place + ": ") + "the tokenizer has " +
                      std::to_string(tokenizer.vocab_size()) + " tokens, the model embeddings for " +
                      std::to_string(config.vocab_size));
  if (config.fills_masks) mask_id_of(tokenizer, place);
}

void require_embeddings(const ModelConfig& config, const TokenizedDataset& tokens, const Dataset& dataset) {
  const Backbone& backbone = find_backbone(config.model_type);
  for (Index sample = 0; sample < tokens.samples(); ++sample) {
    const auto first = static_cast<std::size_t>(tokens.tokens.offsets[static_cast<std::size_t>(sample)]);
    const auto count = static_cast<std::size_t>(tokens.tokens.tokens(sample));
    const std::string problem = backbone.beyond_embeddings(config, std::span(tokens.tokens.ids).subspan(first, count),
                                                           std::span(tokens.tokens.token_types).subspan(first, count));
    if (problem.empty()) continue;
    const std::size_t line = dataset.samples[static_cast<std::size_t>(sample)].line;
    throw ConfigError(dataset.file + (line > 0 ? ":" + std::to_string(line) : "") + ": " + problem);
  }
}

}  // namespace sharcs::internal
