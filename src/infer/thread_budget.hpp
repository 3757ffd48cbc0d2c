#pragma once

#include <algorithm>
#include <atomic>

namespace sharcs::internal {

/// Shares a number of threads among the calls that are under way: the first call gets all of them, calls that come
/// while it runs get what is left, at least their own thread. So callers with threads of their own do not oversubscribe
/// the machine.
class ThreadBudget {
 public:
  explicit ThreadBudget(int total) : total_(std::max(1, total)), free_(total_) {}

  class Lease {
   public:
    Lease(std::atomic<int>& free, int count) : free_(free), count_(count) {}
    ~Lease() { free_ += count_; }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    int count() const { return count_; }

   private:
    std::atomic<int>& free_;
    int count_;
  };

  Lease take() {
    int free = free_.load();
    int count;
    do count = std::max(1, free);
    while (!free_.compare_exchange_weak(free, free - count));
    return {free_, count};
  }
  int total() const { return total_; }

 private:
  int total_;
  std::atomic<int> free_;  // negative while more calls than threads are under way
};

}  // namespace sharcs::internal
