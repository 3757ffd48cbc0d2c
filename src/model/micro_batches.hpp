#pragma once

#include "model/ragged_batch.hpp"

namespace sharcs::internal {

/// Calls body(piece, first) for consecutive pieces of a batch, each of as many samples as fit into `max_tokens` tokens,
/// at least one; `first` is the number of the piece's first sample. Bounds the memory of a pass over the batch.
template <class Body>
void for_each_micro_batch(const RaggedBatch& batch, Index max_tokens, const Body& body) {
  for (Index first = 0; first < batch.samples();) {
    Index last = first + 1;
    while (last < batch.samples() && batch.offsets[last + 1] - batch.offsets[first] <= max_tokens) ++last;
    if (first == 0 && last == batch.samples()) return body(batch, first);
    RaggedBatch piece;
    for (Index s = first; s < last; ++s) piece.add(batch, s);
    body(piece, first);
    first = last;
  }
}

}  // namespace sharcs::internal
