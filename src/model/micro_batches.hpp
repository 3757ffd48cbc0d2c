#pragma once

#include <span>

#include "model/ragged_batch.hpp"

namespace sharcs {

/// Calls body(piece, first) for consecutive pieces of a batch, each of as many samples as fit into `max_tokens` tokens,
/// at least one; `first` is the number of the piece's first sample. Bounds the memory of a pass over the batch.
template <class Body>
void for_each_micro_batch(const RaggedBatch& batch, Index max_tokens, const Body& body) {
  for (Index first = 0; first < batch.samples();) {
    Index last = first + 1;
    while (last < batch.samples() && batch.offsets[last + 1] - batch.offsets[first] <= max_tokens) ++last;
    if (first == 0 && last == batch.samples()) return body(batch, first);
    RaggedBatch piece;
    for (Index s = first; s < last; ++s) {
      const auto from = static_cast<std::size_t>(batch.offsets[s]), count = static_cast<std::size_t>(batch.tokens(s));
      piece.add(std::span(batch.ids).subspan(from, count), std::span(batch.token_types).subspan(from, count));
    }
    body(piece, first);
    first = last;
  }
}

}  // namespace sharcs
