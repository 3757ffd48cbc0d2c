#include "model/micro_batches.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "core/random.hpp"

namespace sharcs::internal::micro_batches_test {
namespace {

RaggedBatch batch_of(const std::vector<Index>& lengths) {
  RaggedBatch batch;
  std::int32_t next = 0;
  for (const Index length : lengths) {
    std::vector<std::int32_t> ids;
    while (std::ssize(ids) < length) ids.push_back(next++);
    batch.add(ids, {});
  }
  return batch;
}

std::vector<Index> lengths_up_to(Index longest, int count) {
  Random random(5);
  std::vector<Index> lengths;
  for (int i = 0; i < count; ++i)
    lengths.push_back(1 + static_cast<Index>(random.below(static_cast<std::uint64_t>(longest))));
  return lengths;
}

void expect_all_in_order(const SideBySide& pieces, const RaggedBatch& batch) {
  EXPECT_EQ(pieces.bounds.front(), 0);
  EXPECT_EQ(pieces.bounds.back(), batch.samples());
  EXPECT_EQ(std::ranges::adjacent_find(pieces.bounds, std::greater_equal()), pieces.bounds.end());  // none is empty
}

TEST(MicroBatches, GetShorterTowardsTheEndWhereThreadsReadSideBySide) {
  const RaggedBatch batch = batch_of(lengths_up_to(60, 700));
  for (const int threads : {2, 3, 16}) {
    const SideBySide pieces(batch, 4096, threads);
    SCOPED_TRACE(threads);
    expect_all_in_order(pieces, batch);
    EXPECT_EQ(pieces.workers, threads);
    EXPECT_GE(pieces.bounds.size(), static_cast<std::size_t>(4 * threads));
    Index before = 4096 / threads;
    for (std::size_t i = 0; i + 1 < pieces.bounds.size(); ++i) {
      const Index tokens = batch.offsets[pieces.bounds[i + 1]] - batch.offsets[pieces.bounds[i]];
      EXPECT_LE(tokens, before + 60);  // a sample is not divided
      EXPECT_LE(tokens, 4096 / threads);
      before = tokens;
    }
    EXPECT_LE(before, SideBySide::least_tokens);
  }
}

TEST(MicroBatches, OfTooFewTokensForAllThreadsAreSharedByThem) {
  const RaggedBatch few = batch_of(std::vector<Index>(8, SideBySide::least_tokens));
  EXPECT_EQ(SideBySide(few, 4096, 2).workers, 2);
  EXPECT_EQ(SideBySide(few, 4096, 3).workers, 1);
  EXPECT_EQ(SideBySide(few, 4096, 3).bounds, (std::vector<Index>{0, 8}));
  EXPECT_EQ(SideBySide(few, 4096, 1).bounds, (std::vector<Index>{0, 8}));
  // Nor where the memory that is allowed is too little for all.
  EXPECT_EQ(SideBySide(few, 2 * SideBySide::least_tokens - 1, 2).workers, 1);
  EXPECT_EQ(SideBySide(few, 2 * SideBySide::least_tokens, 2).workers, 2);
}

TEST(MicroBatches, OneSampleIsLongerThanAllowed) {
  const RaggedBatch batch = batch_of({3, 50, 4, 4, 9});
  EXPECT_EQ(SideBySide(batch, 8, 1).bounds, (std::vector<Index>{0, 1, 2, 4, 5}));
  EXPECT_EQ(SideBySide(batch_of({}), 8, 4).bounds, (std::vector<Index>{0}));
}

TEST(MicroBatches, AreEachReadOnceByOneReaderAThread) {
  const RaggedBatch batch = batch_of(lengths_up_to(60, 300));
  for (const int threads : {1, 2, 5}) {
    const ThreadScope scope(threads);
    std::mutex mutex;
    std::vector<int> read(static_cast<std::size_t>(batch.tokens()), 0);
    int readers = 0;
    read_side_by_side(batch, SideBySide(batch, 2000, threads), [&] {
      const std::lock_guard lock(mutex);
      ++readers;
      return [&](const RaggedBatch& piece, Index first) {
        EXPECT_EQ(thread_count(), threads > 1 ? 1 : threads);
        EXPECT_EQ(piece.ids.front(), batch.offsets[first]);
        const std::lock_guard lock_of_tokens(mutex);
        for (const std::int32_t id : piece.ids) ++read[static_cast<std::size_t>(id)];
      };
    });
    EXPECT_EQ(read, std::vector<int>(read.size(), 1));
    EXPECT_GE(readers, 1);
    EXPECT_LE(readers, threads);
  }
}

TEST(MicroBatches, AfterAnExceptionNoOtherIsBegun) {
  const RaggedBatch batch = batch_of(std::vector<Index>(400, 40));
  const ThreadScope scope(2);
  const SideBySide pieces(batch, 512, 2);
  ASSERT_EQ(pieces.workers, 2);
  std::atomic<int> begun = 0;
  const auto read = [&] {
    read_side_by_side(batch, pieces, [&] {
      return [&](const RaggedBatch&, Index) {
        ++begun;
        throw std::runtime_error("stopped");
      };
    });
  };
  EXPECT_THROW(read(), std::runtime_error);
  EXPECT_LE(begun, 2);
}

}  // namespace
}  // namespace sharcs::internal::micro_batches_test
