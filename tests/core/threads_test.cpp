#include "core/threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <stdexcept>
#include <vector>

#include "core/rounding.hpp"

namespace sharcs::internal::threads_test {
namespace {

TEST(Threads, RangesCoverEveryItemOnce) {
  const ThreadScope threads(5);
  for (const Index total : {0, 1, 4, 5, 6, 99}) {
    for (const Index grain : {1, 3, 50, 1000}) {
      std::vector<int> visits(static_cast<std::size_t>(total));
      parallel_ranges(total, grain, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) ++visits[i];
      });
      EXPECT_EQ(visits, std::vector<int>(static_cast<std::size_t>(total), 1)) << total << " by " << grain;
    }
  }
}

TEST(Threads, RangesAreAtLeastAGrainLong) {
  const ThreadScope threads(4);
  for (const Index total : {10, 19, 20, 29, 1000}) {
    std::atomic<int> ranges = 0;
    parallel_ranges(total, 10, [&](Index begin, Index end) {
      ++ranges;
      EXPECT_GE(end - begin, 10);
    });
    EXPECT_EQ(ranges, std::min<Index>(total / 10, 4)) << total;
  }
}

TEST(Threads, GuidedRangesCoverEveryItemOnce) {
  for (const Index total : {0, 1, 4, 5, 6, 99, 10000}) {
    for (const Index batch : {1, 7, 20}) {
      for (const Index grain : {1, 7}) {
        if (grain > batch) continue;
        for (const int workers : {1, 2, 5}) {
          std::vector<int> visits(static_cast<std::size_t>(total));
          parallel_guided({total, batch, grain}, workers, [&](const auto& take) {
            for (WorkShare range = take(); range.begin < range.end; range = take()) {
              // Whole batches, or part of one.
              if (workers > 1 && range.begin % batch != 0) {
                EXPECT_LE(range.end, round_up(range.begin, batch));
              }
              for (Index i = range.begin; i < range.end; ++i) ++visits[i];
            }
          });
          EXPECT_EQ(visits, std::vector<int>(static_cast<std::size_t>(total), 1))
              << total << " by " << workers << ", batches of " << batch << ", grain " << grain;
        }
      }
    }
  }
}

TEST(Threads, GuidedBatchesAreSharedWhenFewAreLeft) {
  const ThreadScope threads(2);
  std::vector<WorkShare> ranges;  // one thread takes them all while the other waits
  parallel_guided({.total = 60, .batch = 10, .grain = 4}, 2, [&](const auto& take) {
#pragma omp critical
    for (WorkShare range = take(); range.begin < range.end; range = take()) ranges.push_back(range);
  });
  std::vector<Index> ends;
  for (const WorkShare range : ranges) ends.push_back(range.end);
  EXPECT_EQ(ends, (std::vector<Index>{10, 20, 30, 40, 45, 50, 54, 60}));
}

TEST(Threads, AreUsefulWhereEachGetsWorkEnough) {
  const ThreadScope threads(4);
  EXPECT_EQ(useful_threads(0, 10), 1);
  EXPECT_EQ(useful_threads(29, 10), 2);
  EXPECT_EQ(useful_threads(50, 10), 4);
  EXPECT_EQ(useful_threads(1e30, 10), 4);
  {
    // In the model of useful_threads(), one thread fewer is never faster.
    const ThreadScope many(1000);
    EXPECT_EQ(useful_threads(50, 10), 5);
    EXPECT_EQ(useful_threads(200, 10), 10);
    EXPECT_EQ(useful_threads(4500, 10), 47);
    for (double work = 1; work < 1e5; work *= 1.3) {
      const int useful = useful_threads(work, 10);
      const auto time = [work](double n) { return work / n + n * 10 / 5; };
      if (useful > 1) {
        EXPECT_LE(time(useful), time(useful - 1) + 1e-9) << work;
      }
    }
  }
  parallel_for(2, [](Index) { EXPECT_EQ(useful_threads(1e30, 10), 1); });
}

TEST(Threads, RangesInsideARegionStayOnItsThread) {
  const ThreadScope threads(2);
  std::atomic<int> ranges = 0;
  parallel_for(2, [&](Index) { parallel_ranges(1000, 1, [&](Index, Index) { ++ranges; }); });
  EXPECT_EQ(ranges, 2);
}

TEST(Threads, PiecesAreCountedWhereTheyAreShared) {
  const ThreadScope threads(2);
  const SharedWork before = shared_work();
  parallel_for(1, [](Index) {});
  EXPECT_EQ((shared_work() - before).pieces, 0);
  parallel_for(2, [](Index) { parallel_for(2, [](Index) {}); });
  EXPECT_EQ((shared_work() - before).pieces, 1);
  EXPECT_EQ((shared_work() - before).stages, 1);
}

TEST(Threads, ExceptionsReachTheCaller) {
  const ThreadScope threads(3);
  EXPECT_THROW(parallel_for(100,
                            [](Index i) {
                              if (i == 77) throw std::runtime_error("77");
                            }),
               std::runtime_error);
  EXPECT_THROW(parallel_guided({.total = 10}, 3, [](const auto&) { throw std::bad_alloc(); }), std::bad_alloc);
}

TEST(Threads, ScopeEndsWhereItsBlockEnds) {
  const int before = thread_count();
  {
    const ThreadScope threads(before + 3);
    EXPECT_EQ(thread_count(), before + 3);
  }
  EXPECT_EQ(thread_count(), before);
}

}  // namespace
}  // namespace sharcs::internal::threads_test
