#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace sharcs::internal {

/// A thread that does one job after the other, in the order in which they came. What a job
/// throws is forgotten: it has told its caller itself.
class WorkerThread {
 public:
  WorkerThread() : thread_([this] { work(); }) {}
  /// Returns when all jobs are done.
  ~WorkerThread() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    came_.notify_one();
    thread_.join();
  }
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  void post(std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    came_.notify_one();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      came_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      {
        const std::function<void()> job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        try {
          job();
        } catch (...) {  // no memory to tell anybody, say; the next job may have more luck
        }
      }  // what the job held goes before the next one begins
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::function<void()>> jobs_;
  bool ending_ = false;
  std::thread thread_;  // the last member: it sees all others made
};

}  // namespace sharcs::internal
