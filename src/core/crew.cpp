#include "core/crew.hpp"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/available_cores.hpp"
#include "core/spin.hpp"
#include "core/threads.hpp"

namespace sharcs::internal {
namespace {

cpu_set_t processors_of_this_thread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  pthread_getaffinity_np(pthread_self(), sizeof set, &set);
  return set;
}

/// The crews that nobody uses at the moment.
struct CrewPool {
  std::mutex mutex;
  std::vector<Crew*> idle;
  int generation = 0;

  /// Never destroyed: threads may still come while the program ends.
  static CrewPool& instance() {
    static CrewPool* const pool = [] {
      // A child of fork() has none of the threads: it forgets the crews and makes new ones when it needs them.
      pthread_atfork([] { instance().mutex.lock(); }, [] { instance().mutex.unlock(); },
                     [] {
                       instance().idle.clear();
                       ++instance().generation;
                       instance().mutex.unlock();
                     });
      return new CrewPool;
    }();
    return *pool;
  }
};

/// Runs the parts of one thread, neighbours, up to one that throws: what and which it is.
void run_parts_of(int thread, int threads, int count, const Piece& piece, std::exception_ptr& error, int& which) {
  const WorkShare share = work_share(count, thread, threads);
  for (int part = static_cast<int>(share.begin); part < share.end; ++part) {
    try {
      piece.run(piece.body, part);
    } catch (...) {
      error = std::current_exception();
      which = part;
      return;
    }
  }
}

}  // namespace

void WorkerSeat::offer() {
  if (state_.exchange(offered, std::memory_order_acq_rel) == asleep) state_.notify_one();
}

bool WorkerSeat::take_back() {
  std::uint32_t state = offered;
  return state_.compare_exchange_strong(state, idle, std::memory_order_acq_rel, std::memory_order_relaxed);
}

void WorkerSeat::await(double spin_seconds) {
  Spin spin(spin_seconds);
  for (;;) {
    std::uint32_t state = state_.load(std::memory_order_acquire);
    if (state != busy && state != awaited) return;
    if (spin.goes_on()) continue;
    if (state == awaited || state_.compare_exchange_strong(state, awaited, std::memory_order_acq_rel))
      state_.wait(awaited, std::memory_order_acquire);
  }
}

bool WorkerSeat::claim(double spin_seconds) {
  Spin spin(spin_seconds);
  for (;;) {
    std::uint32_t state = state_.load(std::memory_order_acquire);
    if (state == dismissed) return false;
    if (state == offered) {
      if (state_.compare_exchange_strong(state, busy, std::memory_order_acq_rel)) return true;
      continue;
    }
    if (spin.goes_on()) continue;
    if (state == asleep || state_.compare_exchange_strong(state, asleep, std::memory_order_acq_rel)) {
      state_.wait(asleep, std::memory_order_acquire);
      spin.begin_again();
    }
  }
}

void WorkerSeat::finish() {
  if (state_.exchange(idle, std::memory_order_acq_rel) == awaited) state_.notify_one();
}

void WorkerSeat::dismiss() {
  state_.store(dismissed, std::memory_order_release);
  state_.notify_one();
}

Crew::Crew(int size)
    : size_(size),
      generation_(CrewPool::instance().generation),
      processors_(processors_of_this_thread()),
      seats_(std::make_unique<WorkerSeat[]>(static_cast<std::size_t>(size - 1))) {}

Crew* Crew::take_idle_or_new(int size) {
  CrewPool& pool = CrewPool::instance();
  const cpu_set_t processors = processors_of_this_thread();
  std::unique_ptr<Crew> made;
  {
    const std::lock_guard lock(pool.mutex);
    auto best = pool.idle.end(), small = pool.idle.end();
    for (auto crew = pool.idle.begin(); crew != pool.idle.end(); ++crew) {
      if (!CPU_EQUAL(&(*crew)->processors_, &processors)) continue;
      if ((*crew)->size_ < size)
        small = crew;
      else if (best == pool.idle.end() || (*crew)->size_ < (*best)->size_)
        best = crew;
    }
    if (best != pool.idle.end()) {
      Crew* const crew = *best;
      pool.idle.erase(best);
      return crew;
    }
    if (small != pool.idle.end()) {
      (*small)->dismiss();
      pool.idle.erase(small);
    }
    made.reset(new Crew(size));
  }
  try {
    std::thread(&Crew::open_region, made.get()).detach();
  } catch (const std::system_error&) {
    return nullptr;
  }
  made->workers_.wait(-1, std::memory_order_acquire);
  return made.release();
}

Crew* Crew::take(int size, double spin_seconds) {
  Crew* const crew = take_idle_or_new(size);
  // Where threads outnumber cores, one that spins keeps another one from its work.
  if (crew != nullptr) crew->spin_seconds_ = crew->size_ <= available_cores() ? spin_seconds : 0;
  return crew;
}

void Crew::give_back(Crew* crew) {
  CrewPool& pool = CrewPool::instance();
  const std::lock_guard lock(pool.mutex);
  if (crew->is_alive()) pool.idle.push_back(crew);
}

bool Crew::is_alive() const { return generation_ == CrewPool::instance().generation; }

void Crew::open_region() {
  std::mutex& mutex = CrewPool::instance().mutex;
#pragma omp parallel num_threads(size_)
  {
    const int worker = omp_get_thread_num();
    if (worker > 0) {
      work(worker);
      const std::lock_guard left(mutex);
    } else {
      workers_.store(omp_get_num_threads() - 1, std::memory_order_release);
      workers_.notify_one();
      dismissed_.wait(false, std::memory_order_acquire);
    }
  }
  { const std::lock_guard all_have_left(mutex); }  // and whoever has dismissed them
  delete this;
}

void Crew::work(int worker) {
  WorkerSeat& seat = seats_[static_cast<std::size_t>(worker - 1)];
  while (seat.claim(spin_seconds())) {
    run_parts_of(worker, threads_, count_, piece_, seat.error, seat.part_of_error);
    seat.finish();
  }
}

void Crew::dismiss() {
  const int workers = workers_.load(std::memory_order_relaxed);
  for (int w = 0; w < workers; ++w) seats_[static_cast<std::size_t>(w)].dismiss();
  dismissed_.store(true, std::memory_order_release);
  dismissed_.notify_one();
}

void Crew::run(int count, const Piece& piece) {
  piece_ = piece;
  count_ = count;
  threads_ = std::min(count, workers_.load(std::memory_order_relaxed) + 1);
  const auto seat = [this](int worker) -> WorkerSeat& { return seats_[static_cast<std::size_t>(worker - 1)]; };
  for (int w = 1; w < threads_; ++w) seat(w).offer();

  std::exception_ptr error;
  int part_of_error = count;
  run_parts_of(0, threads_, count, piece, error, part_of_error);
  // The last worker was told last, so it is the least likely to have begun.
  for (int w = threads_ - 1; w >= 1; --w)
    if (seat(w).take_back() && !error) run_parts_of(w, threads_, count, piece, error, part_of_error);
  for (int w = 1; w < threads_; ++w) {
    seat(w).await(spin_seconds());
    const std::exception_ptr of_worker = std::exchange(seat(w).error, nullptr);
    if (of_worker && (!error || seat(w).part_of_error < part_of_error))
      error = of_worker, part_of_error = seat(w).part_of_error;
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace sharcs::internal
