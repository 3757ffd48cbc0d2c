#pragma once

#include <omp.h>

#include <algorithm>
#include <atomic>

#include "core/matrix_view.hpp"
#include "core/rounding.hpp"

namespace sharcs::internal {

/// How many OpenMP threads a parallel region started by the calling thread uses.
///
/// The ThreadScope in force decides; without one it is OMP_NUM_THREADS, or the number of cores. Inside a parallel
/// region of anyone's it is 1, so regions never nest.
int thread_count();

/// Sets thread_count() for the calling thread until the end of the scope. `count` ≥ 1.
class ThreadScope {
 public:
  explicit ThreadScope(int count);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

/// The half-open range of `total` items that worker `worker` of `workers` takes. Sizes differ by at most one.
struct WorkShare {
  Index begin;
  Index end;
};
inline WorkShare work_share(Index total, int worker, int workers) {
  return {total * worker / workers, total * (worker + 1) / workers};
}

/// Calls body(begin, end) on consecutive ranges that cover [0, total): equal ones, one for each of `workers` threads.
/// `body` must not throw.
template <class Body>
void parallel_shares(Index total, int workers, const Body& body) {
  if (workers <= 1) {
    if (total > 0) body(Index{0}, total);
    return;
  }
#pragma omp parallel num_threads(workers)
  {
    const WorkShare share = work_share(total, omp_get_thread_num(), omp_get_num_threads());
    if (share.begin < share.end) body(share.begin, share.end);
  }
}

/// Calls body(i) for i in [0, total), spread over the threads in equal consecutive shares.
///
/// Which thread runs which i depends on total and thread_count() only, so results that depend on the split are
/// reproducible for a fixed thread count. `body` must not throw.
template <class Body>
void parallel_for(Index total, const Body& body) {
  const int workers = static_cast<int>(std::min<Index>(total, thread_count()));
  parallel_shares(total, workers, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) body(i);
  });
}

/// Calls body(begin, end) on consecutive ranges that cover [0, total): one a thread, each of at least `grain` items, so
/// that work that is not worth waking the threads for (a parallel region costs microseconds) stays on the calling one.
/// `grain` ≥ 1. `body` must not throw.
template <class Body>
void parallel_ranges(Index total, Index grain, const Body& body) {
  parallel_shares(total, static_cast<int>(std::min<Index>(total / grain, thread_count())), body);
}

/// The threads that are worth waking for `work` when each should get at least `least` of it.
inline int useful_threads(double work, double least) {
  return static_cast<int>(std::clamp(work / least, 1.0, static_cast<double>(thread_count())));
}

/// Calls body(take) on up to `workers` threads. take() hands out consecutive ranges that together cover [0, total):
/// long ones first, then ever shorter ones, so that all threads end together even where items are unequal work or
/// something else runs on a core; an empty one when nothing is left. Items that are best taken together stand in
/// batches of `batch`: ranges are whole batches while there is one for every thread, then parts of one, of `grain`
/// items or more. Which thread takes what differs from call to call. 1 ≤ grain ≤ batch. `body` must not throw.
template <class Body>
void parallel_guided(Index total, Index batch, Index grain, int workers, const Body& body) {
  workers = static_cast<int>(std::min<Index>(ceil_divide(total, grain), workers));
  std::atomic<Index> next = 0;
  const auto take = [&]() -> WorkShare {
    Index begin = next.load(std::memory_order_relaxed), end = total;
    do {
      const Index rest = total - begin;
      if (rest <= 0) return {total, total};
      if (workers <= 1) continue;
      const Index fair = rest / (2 * workers);
      if (rest > workers * batch) {
        end = begin + std::max<Index>(1, fair / batch) * batch;
      } else {
        const Index batch_end = std::min(round_up(begin + 1, batch), total);
        end = begin + std::max(grain, fair);
        if (end + grain > batch_end) end = batch_end;
      }
    } while (!next.compare_exchange_weak(begin, end, std::memory_order_relaxed));
    return {begin, end};
  };
  if (workers <= 1) {
    body(take);
    return;
  }
#pragma omp parallel num_threads(workers)
  body(take);
}

/// The grain of parallel_ranges over items of `size` elements each when a thread should get at least `elements` of
/// them.
inline Index grain(Index elements, Index size) { return elements / std::max<Index>(size, 1) + 1; }

}  // namespace sharcs::internal
