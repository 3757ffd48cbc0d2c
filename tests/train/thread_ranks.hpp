#pragma once

#include <algorithm>
#include <barrier>
#include <exception>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "sharcs/communicator.hpp"

namespace sharcs::internal::testing {

/// One of several threads that are the ranks of one Communicator.
class ThreadRank final : public Communicator {
 public:
  /// Where the ranks meet.
  struct Meeting {
    explicit Meeting(int ranks) : barrier(ranks), spans(static_cast<std::size_t>(ranks)) {}
    std::barrier<> barrier;
    std::vector<const void*> spans;  // one a rank
  };

  ThreadRank(Meeting& meeting, int rank) : meeting_(meeting), rank_(rank) {}
  int rank() const override { return rank_; }
  int ranks() const override { return static_cast<int>(meeting_.spans.size()); }
  void sum(std::span<float> values) override { sum_of(values); }
  void sum(std::span<double> values) override { sum_of(values); }
  void broadcast(std::span<std::byte> bytes) override {
    meet(bytes.data());
    if (rank_ > 0) std::copy_n(static_cast<const std::byte*>(meeting_.spans[0]), bytes.size(), bytes.data());
    meeting_.barrier.arrive_and_wait();
  }
  [[noreturn]] void end_job(int) override { throw std::logic_error("no test ends the job"); }

 private:
  void meet(const void* own) {
    meeting_.spans[static_cast<std::size_t>(rank_)] = own;
    meeting_.barrier.arrive_and_wait();
  }
  template <class T>
  void sum_of(std::span<T> values) {
    meet(values.data());
    std::vector<T> total(values.size(), T(0));
    for (const void* of_rank : meeting_.spans)
      for (std::size_t i = 0; i < total.size(); ++i) total[i] += static_cast<const T*>(of_rank)[i];
    meeting_.barrier.arrive_and_wait();
    std::copy(total.begin(), total.end(), values.begin());
  }

  Meeting& meeting_;
  int rank_;
};

/// Runs body(ranks) on `count` threads as ranks. Rethrows what the first of them throws; all have to throw together, as
/// waiting for a rank that has ended lasts for ever.
inline void run_ranks(int count, const std::function<void(Communicator&)>& body) {
  ThreadRank::Meeting meeting(count);
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(count));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < count; ++rank)
    threads.emplace_back([&, rank] {
      ThreadRank self(meeting, rank);
      try {
        body(self);
      } catch (...) {
        errors[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace sharcs::internal::testing
