#pragma once

#include <algorithm>
#include <atomic>
#include <vector>

#include "core/threads.hpp"
#include "model/ragged_batch.hpp"

namespace sharcs::internal {

/// A batch in consecutive micro-batches that threads read side by side, each its own from the first layer to the last:
/// so none waits for another before the end.
struct SideBySide {
  /// The products of a micro-batch of so many tokens run at full speed.
  static constexpr Index least_tokens = 128;

  std::vector<Index> bounds;  ///< micro-batch i has the samples bounds[i] .. bounds[i + 1] − 1
  int workers = 1;            ///< 1: the micro-batches come one after the other, and all threads share each

  /// All threads together have at most `max_tokens` tokens under way, or a sample each. Micro-batches get shorter and
  /// shorter, so that the threads end together. Fewer than four of `least_tokens` a thread are not worth dividing.
  SideBySide(const RaggedBatch& batch, Index max_tokens, int threads) {
    const Index most = max_tokens / threads;
    const bool divided = threads > 1 && most >= least_tokens && batch.tokens() >= 4 * threads * least_tokens;
    if (divided) workers = threads;
    bounds.push_back(0);
    while (bounds.back() < batch.samples()) {
      const Index begin = batch.offsets[bounds.back()];
      const Index fair = (batch.tokens() - begin) / (2 * threads);
      const Index tokens = divided ? std::clamp(fair, least_tokens, most) : max_tokens;
      Index last = bounds.back() + 1;
      while (last < batch.samples() && batch.offsets[last + 1] - begin <= tokens) ++last;
      bounds.push_back(last);
    }
  }
};

/// Reads a batch side by side: each thread that takes part asks make_reader() for a reader once and calls reader(piece,
/// first) for the micro-batches that it takes; `first` is the number of the piece's first sample. What a reader throws
/// reaches the caller when all have ended; no further micro-batch is begun then.
template <class MakeReader>
void read_side_by_side(const RaggedBatch& batch, const SideBySide& pieces, const MakeReader& make_reader) {
  const std::size_t count = pieces.bounds.size() - 1;
  std::atomic<std::size_t> next = 0;
  const auto read = [&](int) {
    std::size_t i = next++;
    if (i >= count) return;
    try {
      auto&& reader = make_reader();
      for (; i < count; i = next++) {
        const Index first = pieces.bounds[i];
        if (count == 1)
          reader(batch, first);
        else
          reader(batch.range(first, pieces.bounds[i + 1]), first);
      }
    } catch (...) {
      next = count;
      throw;
    }
  };
  if (pieces.workers == 1) return read(0);
  parallel_parts(pieces.workers, read);
}

/// Calls body(piece, first) for consecutive pieces of a batch, each of as many samples as fit into `max_tokens` tokens,
/// at least one; `first` is the number of the piece's first sample. Bounds the memory of a pass over the batch.
template <class Body>
void for_each_micro_batch(const RaggedBatch& batch, Index max_tokens, const Body& body) {
  read_side_by_side(batch, SideBySide(batch, max_tokens, 1), [&]() -> const Body& { return body; });
}

}  // namespace sharcs::internal
