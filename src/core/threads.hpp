#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>

#include "core/crew.hpp"
#include "core/matrix_view.hpp"
#include "core/rounding.hpp"
#include "core/spin.hpp"

namespace sharcs::internal {

/// How many threads a parallel piece started by the calling thread uses.
///
/// The ThreadScope in force decides; without one it is what OMP_NUM_THREADS or omp_set_num_threads() says, or else
/// available_cores(). Inside a piece, and inside a parallel region of anyone's, it is 1, so pieces never nest.
int thread_count();

/// Sets thread_count() for the calling thread until the end of the scope. `count` ≥ 1.
///
/// The first piece in the scope takes a crew of worker threads, which all pieces of the scope share: so a call of the
/// engine and a training have one scope around all of their work. Threads that wait spin for `spin_seconds` before they
/// sleep; inside another scope, for as long as that one says.
class ThreadScope {
 public:
  explicit ThreadScope(int count, double spin_seconds = spin_of_call);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

/// Runs parts 0 .. count − 1 of a piece, each once, on the calling thread and the workers of its crew: no more threads
/// than there are cores, each with several parts where there are more of those. Part 0 runs on the calling thread, and
/// so does every part that no worker has begun when the calling thread is through with its own: nobody waits for a
/// thread that has not woken up. When all parts have ended, throws again what the first of them has thrown.
void run_parts(int count, const Piece& piece);

/// How long a thread that waits inside a part spins before it sleeps.
double spin_seconds();

/// What the calling thread has shared with others so far. The end of every stage is waited for. A piece that is not
/// made of stages (core/stages.hpp) counts as one.
struct SharedWork {
  std::int64_t pieces = 0;
  std::int64_t stages = 0;

  SharedWork& operator+=(SharedWork other) {
    pieces += other.pieces;
    stages += other.stages;
    return *this;
  }
  SharedWork operator-(SharedWork before) const { return {pieces - before.pieces, stages - before.stages}; }
};
SharedWork shared_work();
/// Counts the stages of a piece that are more than one.
void count_shared_stages(std::int64_t stages);

template <class Body>
void parallel_parts(int count, const Body& body) {
  run_parts(count, {&body, [](const void* typed, int part) { (*static_cast<const Body*>(typed))(part); }});
}

/// The half-open range of `total` items that worker `worker` of `workers` takes. Sizes differ by at most one.
struct WorkShare {
  Index begin;
  Index end;
};
inline WorkShare work_share(Index total, int worker, int workers) {
  return {total * worker / workers, total * (worker + 1) / workers};
}

/// Calls body(begin, end) on consecutive ranges that cover [0, total): equal ones, one for each of `workers` threads.
/// What a body throws reaches the caller when all have ended.
template <class Body>
void parallel_shares(Index total, int workers, const Body& body) {
  if (workers <= 1) {
    if (total > 0) body(Index{0}, total);
    return;
  }
  parallel_parts(workers, [&](int worker) {
    const WorkShare share = work_share(total, worker, workers);
    if (share.begin < share.end) body(share.begin, share.end);
  });
}

/// Calls body(i) for i in [0, total), spread over the threads in equal consecutive shares.
///
/// How the items are split depends on total and thread_count() only, so results that depend on the split are
/// reproducible for a fixed thread count. What a body throws reaches the caller when all have ended.
template <class Body>
void parallel_for(Index total, const Body& body) {
  const int workers = static_cast<int>(std::min<Index>(total, thread_count()));
  parallel_shares(total, workers, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) body(i);
  });
}

/// The threads that are worth waking for `work` when each should get at least `least` of it.
///
/// `least` is some 5 µs of work. To tell one more thread of a piece, and to wait for it in the end, takes about a fifth
/// of that. So n threads take work / n + n · least / 5, and the last of them has to save what it costs: n² ≤ 5 · work /
/// least. For example, work of 20 · `least` is worth 10 threads, not 20.
inline int useful_threads(double work, double least) {
  const double shares = work / least;
  return static_cast<int>(
      std::clamp(std::min(shares, std::sqrt(5 * shares)), 1.0, static_cast<double>(thread_count())));
}

/// Calls body(begin, end) on consecutive ranges that cover [0, total), on as many threads as are useful when each gets
/// at least `grain` items: work that is not worth waking the threads for stays on the calling one. `grain` ≥ 1. What a
/// body throws reaches the caller when all have ended.
template <class Body>
void parallel_ranges(Index total, Index grain, const Body& body) {
  parallel_shares(total, useful_threads(static_cast<double>(total), static_cast<double>(grain)), body);
}

/// Items 0 .. total − 1 that threads take in ranges. Items that are best taken together stand in batches: 0 .. batch −
/// 1, batch .. 2 · batch − 1, and so on. 1 ≤ grain ≤ batch.
struct GuidedWork {
  Index total;
  Index batch = 1;
  Index grain = 1;  ///< a part of a batch has at least so many items
};

/// The range that a thread takes next, when the items from `begin` on are left: long ranges first, then shorter and
/// shorter ones. Ranges are whole batches while there is one for every thread, then parts of one batch. Empty when
/// nothing is left.
inline WorkShare next_share(const GuidedWork& work, Index begin, int workers) {
  const Index rest = work.total - begin;
  if (rest <= 0) return {work.total, work.total};
  if (workers <= 1) return {begin, work.total};
  const Index fair = rest / (2 * workers);
  if (rest > workers * work.batch) return {begin, begin + std::max<Index>(1, fair / work.batch) * work.batch};
  const Index batch_end = std::min(round_up(begin + 1, work.batch), work.total);
  const Index end = begin + std::max(work.grain, fair);
  return {begin, end + work.grain > batch_end ? batch_end : end};
}

/// Gives threads their ranges of guided work.
struct GuidedTake {
  GuidedWork work;
  int workers;
  std::atomic<Index>* next;  ///< the first item that nobody has taken; 0 at first

  /// The next range; an empty one when nothing is left.
  WorkShare operator()() const {
    Index begin = next->load(std::memory_order_relaxed);
    WorkShare share = next_share(work, begin, workers);
    while (share.begin < share.end && !next->compare_exchange_weak(begin, share.end, std::memory_order_relaxed))
      share = next_share(work, begin, workers);
    return share;
  }
};

/// No more threads than there are grains of the work.
inline int guided_workers(const GuidedWork& work, int workers) {
  return static_cast<int>(std::min<Index>(ceil_divide(work.total, work.grain), workers));
}

/// Calls body(take) on up to `workers` threads. Each call of take() returns the next range of the work, an empty one
/// when nothing is left; together the ranges cover all items. So all threads end together even where items are unequal
/// work or something else runs on a core. Which thread takes what differs from call to call. What a body throws reaches
/// the caller when all have ended.
template <class Body>
void parallel_guided(const GuidedWork& work, int workers, const Body& body) {
  workers = guided_workers(work, workers);
  std::atomic<Index> next = 0;
  const GuidedTake take = {work, workers, &next};
  if (workers <= 1) return body(take);
  parallel_parts(workers, [&](int) { body(take); });
}

/// The grain of parallel_ranges over items of `size` elements each when a thread should get at least `elements` of
/// them.
inline Index grain(Index elements, Index size) { return elements / std::max<Index>(size, 1) + 1; }

}  // namespace sharcs::internal
