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

  Index samples() const { return static_cast<Index>(offsets.size()) - 1; }
  Index tokens() const { return offsets.back(); }
  Index tokens(Index sample) const { return offsets[sample + 1] - offsets[sample]; }

  /// `types` may be empty: all 0. A sample has at least one token.
  void add(std::span<const std::int32_t> sample_ids, std::span<const std::int32_t> types) {
    ids.insert(ids.end(), sample_ids.begin(), sample_ids.end());
    token_types.insert(token_types.end(), types.begin(), types.end());
    token_types.resize(ids.size(), 0);
    offsets.push_back(static_cast<Index>(ids.size()));
  }
  /// Sample `sample` of another batch.
  void add(const RaggedBatch& other, Index sample) {
    const auto first = static_cast<std::size_t>(other.offsets[sample]);
    const auto count = static_cast<std::size_t>(other.tokens(sample));
    add(std::span(other.ids).subspan(first, count), std::span(other.token_types).subspan(first, count));
  }
  void clear() {
    ids.clear();
    token_types.clear();
    offsets.assign(1, 0);
  }
};

}  // namespace sharcs::internal
