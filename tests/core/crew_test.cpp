#include "core/crew.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/available_cores.hpp"
#include "core/threads.hpp"

// How Clang tells of its sanitizers; GCC defines __SANITIZE_THREAD__.
#if defined(__has_feature)
#define SHARCS_HAS_FEATURE(name) __has_feature(name)
#else
#define SHARCS_HAS_FEATURE(name) 0
#endif

namespace sharcs::internal::crew_test {
namespace {

TEST(Crew, RunsEachPartOnce) {
  for (const int threads : {2, 3, 8, 40}) {
    const ThreadScope scope(threads);
    for (int round = 0; round < 200; ++round) {
      std::vector<int> visits(static_cast<std::size_t>(threads));
      parallel_parts(threads, [&](int part) { ++visits[static_cast<std::size_t>(part)]; });
      ASSERT_EQ(visits, std::vector<int>(static_cast<std::size_t>(threads), 1));
    }
  }
}

TEST(Crew, WorkersSleepAndWakeBetweenPieces) {
  const ThreadScope scope(4);
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> parts = 0;
    parallel_parts(4, [&](int) {
      ++parts;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the caller sleeps until the workers are done
    });
    EXPECT_EQ(parts, 4);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // longer than they spin
  }
}

TEST(Crew, SpinsForAsLongAsTheOutermostScopeSays) {
  if (available_cores() < 2) GTEST_SKIP() << "threads that outnumber the cores do not spin";
  const auto spin = [] {
    std::atomic<double> seconds = 0;
    parallel_parts(2, [&](int part) {
      if (part == 0) seconds = spin_seconds();
    });
    return seconds.load();
  };
  EXPECT_EQ(spin(), spin_of_call);
  {
    const ThreadScope training(2, spin_of_training);
    EXPECT_EQ(spin(), spin_of_training);
    const ThreadScope call_within(2);
    EXPECT_EQ(spin(), spin_of_training);
  }
  const ThreadScope call(2);  // gets the same crew
  EXPECT_EQ(spin(), spin_of_call);
}

TEST(Crew, PartsNotBegunAreTheCallers) {
  WorkerSeat seat;
  seat.offer();
  EXPECT_TRUE(seat.take_back());
  EXPECT_FALSE(seat.take_back());
  seat.offer();
  EXPECT_TRUE(seat.claim(0));
  EXPECT_FALSE(seat.take_back());
  seat.finish();
  seat.await(0);
  seat.dismiss();
  EXPECT_FALSE(seat.claim(0));
}

TEST(Crew, ExceptionOfTheLowestPartReachesTheCallerWhenAllHaveEnded) {
  const ThreadScope scope(4);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> ended = 0;
    std::string message;
    try {
      parallel_parts(4, [&](int part) {
        if (part >= 2) throw std::runtime_error("part " + std::to_string(part));
        std::this_thread::sleep_for(std::chrono::microseconds(200));  // the workers come to their parts
        ++ended;
      });
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    // The caller does the parts that no worker has begun from the last to the first, and none after one that has
    // thrown.
    EXPECT_TRUE(message == "part 2" || message == "part 3") << message;
    EXPECT_GE(ended, 1);
    std::atomic<int> parts = 0;  // and the crew is as good as before
    parallel_parts(4, [&](int) { ++parts; });
    EXPECT_EQ(parts, 4);
  }
}

TEST(Crew, ExceptionOfTheCallersPartWaitsForTheWorkers) {
  const ThreadScope scope(2);
  std::atomic<bool> begun = false, ended = false;
  EXPECT_THROW(parallel_parts(2,
                              [&](int part) {
                                if (part == 0) {
                                  while (!begun) std::this_thread::yield();
                                  throw std::logic_error("part 0");
                                }
                                begun = true;
                                std::this_thread::sleep_for(std::chrono::milliseconds(5));
                                ended = true;
                              }),
               std::logic_error);
  EXPECT_TRUE(ended);
}

TEST(Crew, ServesManyCallersAtOnce) {
  std::vector<std::thread> callers;
  std::atomic<int> parts = 0;
  for (int caller = 0; caller < 6; ++caller) {
    callers.emplace_back([&, caller] {
      for (int round = 0; round < 100; ++round) {
        const ThreadScope scope(2 + (caller + round) % 3);
        parallel_parts(thread_count(), [&](int) { ++parts; });
        parallel_parts(thread_count() + 1, [&](int) { ++parts; });  // more than the crew has: it takes a larger one
      }
    });
  }
  int expected = 0;
  for (int caller = 0; caller < 6; ++caller)
    for (int round = 0; round < 100; ++round) expected += 2 * (2 + (caller + round) % 3) + 1;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(parts, expected);
}

TEST(Crew, FirstPartIsTheCallers) {
  const ThreadScope scope(3);
  std::thread::id first;
  parallel_parts(3, [&](int part) {
    if (part == 0) first = std::this_thread::get_id();
  });
  EXPECT_EQ(first, std::this_thread::get_id());
}

TEST(Crew, HasNoMoreThreadsThanCores) {
  const int most = std::max(2, available_cores());
  const ThreadScope scope(3 * most);
  std::mutex mutex;
  std::set<std::thread::id> seen;
  for (int round = 0; round < 20; ++round)
    parallel_parts(3 * most, [&](int) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));  // the workers come to their parts
      const std::lock_guard lock(mutex);
      seen.insert(std::this_thread::get_id());
    });
  EXPECT_GE(seen.size(), 2u);
  EXPECT_LE(seen.size(), static_cast<std::size_t>(most));
}

TEST(Crew, PiecesOfAScopeAreOfOneCrew) {
  const ThreadScope scope(2);
  std::vector<std::thread::id> workers;
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> came = false;
    parallel_parts(2, [&](int part) {
      if (part == 1) {
        workers.push_back(std::this_thread::get_id());
        came = true;
      }
      while (!came) std::this_thread::yield();  // so that the caller does not take the part back
    });
  }
  EXPECT_EQ(workers, std::vector<std::thread::id>(20, workers.front()));
  EXPECT_NE(workers.front(), std::this_thread::get_id());
}

TEST(Crew, ChildOfAForkMakesItsOwn) {
#if defined(__SANITIZE_THREAD__) || SHARCS_HAS_FEATURE(thread_sanitizer)
  GTEST_SKIP() << "ThreadSanitizer does not follow threads that are started after fork()";
#endif
  const ThreadScope scope(3);
  const auto sum = [] {
    std::atomic<int> parts = 0;
    parallel_parts(3, [&](int part) { parts += part; });
    return parts.load();
  };
  EXPECT_EQ(sum(), 3);
  const pid_t child = fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    alarm(20);  // not for ever, should it wait for threads that it does not have
    _exit(sum() == 3 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(sum(), 3);
}

}  // namespace
}  // namespace sharcs::internal::crew_test
