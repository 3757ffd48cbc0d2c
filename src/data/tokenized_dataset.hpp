#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/threads.hpp"
#include "model/ragged_batch.hpp"
#include "sharcs/dataset.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/task.hpp"
#include "sharcs/tokenizer.hpp"

namespace sharcs::internal {

/// Whether the sample has what a model of its task shall learn.
inline bool is_labelled(const Sample& sample) {
  return sample.label || !sample.targets.empty() || !sample.tags.empty() || sample.answers || sample.document;
}

/// What is known of each sample of a data set, apart from its tokens. It stays in memory for a whole training run.
struct SampleFacts {
  std::vector<std::int32_t> lengths;  ///< tokens of each sample
  /// Classification: one for each sample, or the tags of all words that are read; of windows two, the places of the
  /// tokens that begin and end the answer (see TokenSpan); of blocks the masked tokens; empty when one has none.
  std::vector<std::int32_t> labels;
  /// Where words have tags, or tokens are masked: sample s has those from first_words[s] to [s + 1] − 1.
  std::vector<Index> first_words;
  std::vector<float> targets;  ///< regression: [samples, outputs]; empty when one has none
  bool has_windows = false;    ///< whether the samples are windows of contexts
  Index truncated = 0;         ///< number of samples that were cut because they were too long

  Index samples() const { return std::ssize(lengths); }
  /// One, or one a word; empty when one has none.
  std::span<const std::int32_t> labels_of(Index sample) const {
    if (labels.empty()) return {};
    const auto i = static_cast<std::size_t>(sample);
    if (has_windows) return std::span(labels).subspan(2 * i, 2);
    if (first_words.empty()) return std::span(labels).subspan(i, 1);
    return std::span(labels).subspan(static_cast<std::size_t>(first_words[i]),
                                     static_cast<std::size_t>(first_words[i + 1] - first_words[i]));
  }
  /// One an output; none of a classification.
  std::span<const float> targets_of(Index sample) const {
    const std::size_t outputs = targets.size() / std::max<std::size_t>(lengths.size(), 1);
    return std::span(targets).subspan(static_cast<std::size_t>(sample) * outputs, outputs);
  }
};

/// Which tokens of a window have logits: all that are read, for training; or those that an answer may begin or end
/// with.
enum class WindowRows { all, answers };

/// A data set as a model reads it. Sample i of the data set is sample i of `tokens`.
struct TokenizedDataset : SampleFacts {
  RaggedBatch tokens;
  const Dataset* windows = nullptr;            ///< of windows: the data set
  std::vector<std::vector<TextRange>> ranges;  ///< with WindowRows::answers: of each row of a window its bytes

  /// The tokens of some samples, in the order given.
  RaggedBatch gather(std::span<const Index> samples) const;
};

/// Whether a model of the task reads pieces of the samples: windows of contexts, blocks of plain text.
bool reads_pieces(TaskKind kind);
/// These pieces, as windows_of() and blocks_of(). Only where reads_pieces().
Dataset pieces_of(const Dataset& dataset, TaskKind kind, const Tokenizer& tokenizer, std::size_t max_length,
                  std::size_t stride = 0);

/// A sample as a model reads it: the tokens of its block, its window of a context, its words where they are given, its
/// pair of texts or its text, cut to `max_length` tokens. `stride`: of windows, as Tokenizer::encode_windows().
Encoding encode(const Sample& sample, const Tokenizer& tokenizer, std::size_t max_length, std::size_t stride = 0);

/// The first token of each word that has one, by its place: what the model says of a word it says there, as in
/// transformers' examples. None of a text whose words are not given.
std::vector<std::int32_t> first_pieces(const Encoding& encoding);

/// Cuts the samples into `parts` runs of neighbours with about equally many tokens, and returns run number `part`.
/// Each sample is in one run. `lengths`: tokens of each sample, at least 1.
WorkShare share_by_tokens(std::span<const std::int32_t> lengths, int part, int parts);

/// Tokenizes on all threads. Samples longer than `max_length` tokens are cut. Throws DataError for a text whose words
/// are given and none of which has a token. Of blocks, tokens are masked as in all evaluations (TokenMasking).
/// `rows`, `stride`: of windows (see windows_of()), whose data set must outlive the result.
TokenizedDataset tokenize(const Dataset& dataset, const Task& task, const Tokenizer& tokenizer, std::size_t max_length,
                          WindowRows rows = WindowRows::all, std::size_t stride = 0);

/// Tokenizes some samples on the calling thread, in the order given: the same batch that gather() returns, but that of
/// blocks nothing is masked.
RaggedBatch tokenize(const Dataset& dataset, std::span<const Index> samples, const Tokenizer& tokenizer,
                     std::size_t max_length);

/// Throws ConfigError when the tokenizer has ids that the model has no embeddings for, or no mask for a model that
/// fills masks. `place`: the folder of both, for the message; empty when they come from none.
void require_vocabulary(const ModelConfig& config, const Tokenizer& tokenizer, const std::string& place);

/// Throws ConfigError naming the first sample that has a token id or type that the model has no embedding for. `tokens`
/// is what tokenize() made of `dataset`. The model itself does not check again.
void require_embeddings(const ModelConfig& config, const TokenizedDataset& tokens, const Dataset& dataset);

}  // namespace sharcs::internal
