#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <new>
#include <span>
#include <type_traits>

#include "core/threads.hpp"
#include "core/workspace.hpp"

namespace sharcs::internal {

/// Work that threads share stage by stage: a stage begins when all parts of the one before have ended. All stages
/// together are one piece, so the threads are told once and waited for once.
///
/// Inside, whoever comes takes the next part. The thread that ends a stage opens the next one; if that has one part
/// only, it does this part first, and nobody else wakes up for it. So no stage waits for a thread that has not begun.
class Stages {
 public:
  /// The stages and what they keep stand in `workspace`, which must not be released before run() has ended.
  explicit Stages(Workspace& workspace) : workspace_(workspace) {}
  Stages(const Stages&) = delete;
  Stages& operator=(const Stages&) = delete;

  Workspace& workspace() const { return workspace_; }

  /// A copy that lives as long as the stages do.
  template <class T>
  const T& keep(const T& value) const {
    static_assert(std::is_trivially_destructible_v<T>);
    return *new (workspace_.span<T>(1).data()) T(value);
  }
  template <class T>
  std::span<const T> keep(std::span<const T> values) const {
    static_assert(std::is_trivially_destructible_v<T>);
    T* const kept = workspace_.span<T>(std::ssize(values)).data();
    std::uninitialized_copy(values.begin(), values.end(), kept);
    return {kept, values.size()};
  }

  /// Adds a stage: body(p) is its part p, for p in 0 .. parts − 1. The body is copied; what it refers to has to live
  /// until run() has ended.
  template <class Body>
  void add(int parts, const Body& body) {
    if (parts <= 0) return;
    append(parts, {&keep(body), [](const void* typed, int part) { (*static_cast<const Body*>(typed))(part); }});
  }

  /// Runs all stages, once. Throws what the first part of the first stage that failed has thrown; no stage begins after
  /// one that failed.
  void run();

 private:
  struct Stage {
    Piece work;
    int parts;
    std::uint32_t number;
    Stage* next_stage = nullptr;
    std::atomic<int> next_part = 0;
    std::atomic<int> ended_parts = 0;
  };

  void append(int parts, const Piece& work);
  void run_part(const Stage& stage, int part);
  /// Opens the first stage from `stage` on that is worth sharing, and does those before it. Null: there is none.
  void open(Stage* stage);
  /// Does parts until nothing is left to take.
  void take_parts();
  /// Waits until a stage behind `stage` is open, and returns it; null when all have ended.
  Stage* await_next(Stage* stage) const;

  Workspace& workspace_;
  Stage* first_ = nullptr;
  Stage* last_ = nullptr;
  Stage* last_shared_ = nullptr;  // with several parts
  std::uint32_t count_ = 0;
  std::atomic<std::uint32_t> open_ = 0;  // the number of the open stage; count_: none, all have ended

  std::atomic<bool> failed_ = false;
  std::mutex error_mutex_;
  std::exception_ptr error_ = nullptr;
  int part_of_error_ = 0;
};

// The forms of parallel_parts and its like (core/threads.hpp) for work that runs at once where `stages` is null, and
// else becomes the next stage.

template <class Body>
void share_parts(Stages* stages, int count, const Body& body) {
  if (stages != nullptr) return stages->add(count, body);
  parallel_parts(count, body);
}

template <class Body>
void share_shares(Stages* stages, Index total, int workers, const Body& body) {
  if (stages == nullptr) return parallel_shares(total, workers, body);
  if (total <= 0) return;
  workers = std::max(workers, 1);
  stages->add(workers, [=](int worker) {
    const WorkShare share = work_share(total, worker, workers);
    if (share.begin < share.end) body(share.begin, share.end);
  });
}

template <class Body>
void share_ranges(Stages* stages, Index total, Index grain, const Body& body) {
  share_shares(stages, total, useful_threads(static_cast<double>(total), static_cast<double>(grain)), body);
}

template <class Body>
void share_guided(Stages* stages, const GuidedWork& work, int workers, const Body& body) {
  if (stages == nullptr) return parallel_guided(work, workers, body);
  workers = guided_workers(work, workers);
  auto* const next = new (stages->workspace().span<std::atomic<Index>>(1).data()) std::atomic<Index>(0);
  stages->add(workers, [=](int) { body(GuidedTake{work, workers, next}); });
}

}  // namespace sharcs::internal
