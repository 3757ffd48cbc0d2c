#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix_view.hpp"

namespace sharcs::internal {

/// Tokens of several samples one after the other, without padding.
struct RaggedBatch {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> token_types;
  std::vector<Index> offsets = {0};  ///< sample s owns tokens offsets[s] .. offsets[s + 1] − 1
  /// For a model that labels tokens: those whose vectors its head reads, each by its place in its sample. Sample s owns
  /// head_tokens[head_offsets[s]] .. head_tokens[head_offsets[s + 1] − 1]. Of a model that labels texts the head reads
  /// the first token; it needs none.
  std::vector<std::int32_t> head_tokens;
  std::vector<Index> head_offsets = {0};
  /// Of masked tokens: what stands there in the text, one for each head token; else empty.
  std::vector<std::int32_t> truths;

  Index samples() const { return static_cast<Index>(offsets.size()) - 1; }
  Index tokens() const { return offsets.back(); }
  Index tokens(Index sample) const { return offsets[sample + 1] - offsets[sample]; }

  std::span<const std::int32_t> head_tokens_of(Index sample) const {
    const auto first = static_cast<std::size_t>(head_offsets[sample]);
    return std::span(head_tokens).subspan(first, static_cast<std::size_t>(head_offsets[sample + 1]) - first);
  }

  /// Of masked tokens, those of a sample.
  std::span<const std::int32_t> truths_of(Index sample) const {
    if (truths.empty()) return {};
    const auto first = static_cast<std::size_t>(head_offsets[sample]);
    return std::span(truths).subspan(first, static_cast<std::size_t>(head_offsets[sample + 1]) - first);
  }

  /// The rows of all head tokens among the batch's tokens; `rows` has as many elements.
  void write_head_rows(std::span<Index> rows) const {
    for (Index s = 0; s < samples(); ++s)
      for (Index i = head_offsets[s]; i < head_offsets[s + 1]; ++i)
        rows[static_cast<std::size_t>(i)] = offsets[s] + head_tokens[static_cast<std::size_t>(i)];
  }

  /// `types` may be empty: all 0. A sample has at least one token. `head_places`: see `head_tokens`.
  void add(std::span<const std::int32_t> sample_ids, std::span<const std::int32_t> types,
           std::span<const std::int32_t> head_places = {}) {
    ids.insert(ids.end(), sample_ids.begin(), sample_ids.end());
    token_types.insert(token_types.end(), types.begin(), types.end());
    token_types.resize(ids.size(), 0);
    offsets.push_back(static_cast<Index>(ids.size()));
    head_tokens.insert(head_tokens.end(), head_places.begin(), head_places.end());
    head_offsets.push_back(static_cast<Index>(head_tokens.size()));
  }
  /// Sample `sample` of another batch.
  void add(const RaggedBatch& other, Index sample) {
    const auto first = static_cast<std::size_t>(other.offsets[sample]);
    const auto count = static_cast<std::size_t>(other.tokens(sample));
    add(std::span(other.ids).subspan(first, count), std::span(other.token_types).subspan(first, count),
        other.head_tokens_of(sample));
    const std::span<const std::int32_t> theirs = other.truths_of(sample);
    truths.insert(truths.end(), theirs.begin(), theirs.end());
  }
  /// Samples first .. last − 1.
  RaggedBatch range(Index first, Index last) const {
    RaggedBatch piece;
    for (Index s = first; s < last; ++s) piece.add(*this, s);
    return piece;
  }
  void clear() {
    ids.clear();
    token_types.clear();
    offsets.assign(1, 0);
    head_tokens.clear();
    head_offsets.assign(1, 0);
    truths.clear();
  }
};

}  // namespace sharcs::internal
