#include "core/stages.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace sharcs::internal::stages_test {
namespace {

/// What ran, in the order in which it ended.
struct Record {
  std::mutex mutex;
  std::vector<int> stages;

  void add(int stage) {
    const std::lock_guard lock(mutex);
    stages.push_back(stage);
  }
};

TEST(Stages, BeginWhenThoseBeforeHaveEnded) {
  for (const int threads : {1, 2, 5, 16}) {
    const ThreadScope scope(threads);
    Workspace workspace;
    for (int round = 0; round < 200; ++round) {
      const std::vector<int> parts = {1, 3, 1, 1, 7, 2, 1};
      Stages stages(workspace);
      Record record;
      std::vector<int> expected;
      for (int stage = 0; stage < std::ssize(parts); ++stage) {
        stages.add(parts[stage], [&record, stage](int) { record.add(stage); });
        expected.insert(expected.end(), static_cast<std::size_t>(parts[stage]), stage);
      }
      stages.run();
      ASSERT_EQ(record.stages, expected) << threads << " threads, round " << round;
      workspace.clear();
    }
  }
}

TEST(Stages, ReadWhatStagesBeforeHaveWritten) {
  const ThreadScope scope(4);
  Workspace workspace;
  constexpr int length = 50;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::vector<int>> sums(length, std::vector<int>(4));
    Stages stages(workspace);
    for (std::size_t s = 0; s < length; ++s)
      stages.add(4, [&sums, s](int part) {
        for (const int before : sums[s == 0 ? 0 : s - 1]) sums[s][part] += s == 0 ? 0 : before;
        sums[s][part] = sums[s][part] % 1000 + part;
      });
    stages.run();
    std::vector<int> expected = {0, 1, 2, 3};
    for (int s = 1; s < length; ++s) {
      int sum = 0;
      for (const int before : expected) sum += before;
      for (int part = 0; part < 4; ++part) expected[static_cast<std::size_t>(part)] = sum % 1000 + part;
    }
    ASSERT_EQ(sums.back(), expected);
    workspace.clear();
  }
}

TEST(Stages, WaitForAThreadThatSleepsInItsPart) {
  const ThreadScope scope(3);
  Workspace workspace;
  Stages stages(workspace);
  std::atomic<int> ended = 0;
  stages.add(3, [&](int part) {
    if (part == 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the others sleep meanwhile
    ++ended;
  });
  stages.add(3, [&](int) { EXPECT_GE(ended.fetch_add(1), 3); });
  stages.run();
  EXPECT_EQ(ended, 6);
}

TEST(Stages, AreOnePieceHoweverMany) {
  const ThreadScope scope(2);
  Workspace workspace;
  {
    Stages stages(workspace);
    for (const int parts : {2, 1, 2, 2}) stages.add(parts, [](int) {});
    const SharedWork before = shared_work();
    stages.run();
    EXPECT_EQ((shared_work() - before).pieces, 1);
    EXPECT_EQ((shared_work() - before).stages, 3);
  }
  {
    Stages stages(workspace);
    const std::thread::id here = std::this_thread::get_id();
    for (int stage = 0; stage < 3; ++stage) stages.add(1, [=](int) { EXPECT_EQ(std::this_thread::get_id(), here); });
    const SharedWork before = shared_work();
    stages.run();
    EXPECT_EQ((shared_work() - before).pieces, 0);
  }
  Stages none(workspace);
  none.add(0, [](int) { FAIL(); });
  none.run();
}

TEST(Stages, RunInsideAPartOnItsThread) {
  const ThreadScope scope(2);
  std::atomic<int> ran = 0;
  parallel_parts(2, [&](int) {
    const std::thread::id here = std::this_thread::get_id();
    Workspace workspace;
    Stages stages(workspace);
    for (int stage = 0; stage < 3; ++stage)
      stages.add(2, [&, here](int) {
        EXPECT_EQ(std::this_thread::get_id(), here);
        ++ran;
      });
    stages.run();
  });
  EXPECT_EQ(ran, 12);
}

TEST(Stages, ThrowTheFirstErrorAndStop) {
  for (const int threads : {1, 2, 5}) {
    const ThreadScope scope(threads);
    Workspace workspace;
    for (const int parts : {1, 2, 6}) {
      for (int round = 0; round < 50; ++round) {
        Stages stages(workspace);
        std::atomic<int> ran = 0;
        stages.add(3, [&](int) { ++ran; });
        stages.add(parts, [&](int part) {
          ++ran;
          throw std::runtime_error("part " + std::to_string(part));
        });
        stages.add(3, [&](int) { ran += 100; });
        stages.add(1, [&](int) { ran += 100; });
        std::string message;
        try {
          stages.run();
        } catch (const std::runtime_error& error) {
          message = error.what();
        }
        EXPECT_EQ(message, "part 0") << threads << " threads, " << parts << " parts";
        EXPECT_EQ(ran, 3 + parts);
        workspace.clear();
      }
    }
  }
}

TEST(Stages, KeepCopies) {
  Workspace workspace;
  Stages stages(workspace);
  std::vector<int> values = {1, 2, 3};
  int value = 4;
  const std::span<const int> kept = stages.keep(std::span<const int>(values));
  const int& one = stages.keep(value);
  values = {7, 8, 9};
  value = 10;
  EXPECT_EQ(std::vector<int>(kept.begin(), kept.end()), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(one, 4);
}

TEST(Stages, SharedFormsCoverEveryItemOnce) {
  for (const int threads : {1, 3}) {
    const ThreadScope scope(threads);
    for (const Index total : {0, 1, 5, 1000}) {
      Workspace workspace;
      Stages stages(workspace);
      std::vector<int> visits(static_cast<std::size_t>(total));
      const auto visit = [&visits](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
      };
      const auto visit_guided = [visit](const GuidedTake& take) {
        for (WorkShare share = take(); share.begin < share.end; share = take()) visit(share.begin, share.end);
      };
      int expected = 0;
      for (Stages* const when : {&stages, static_cast<Stages*>(nullptr)}) {
        share_ranges(when, total, 10, visit);
        share_shares(when, total, 3, visit);
        share_guided(when, {.total = total, .batch = 7, .grain = 2}, 3, visit_guided);
        expected += 3;
      }
      EXPECT_EQ(visits, std::vector<int>(static_cast<std::size_t>(total), 3)) << "nothing is added that runs at once";
      stages.run();
      EXPECT_EQ(visits, std::vector<int>(static_cast<std::size_t>(total), expected)) << total;
    }
  }
}

}  // namespace
}  // namespace sharcs::internal::stages_test
