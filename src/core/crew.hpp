#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>

namespace sharcs::internal {

/// A piece of parallel work: run(body, p) does part p of it.
struct Piece {
  const void* body = nullptr;
  void (*run)(const void* body, int part) = nullptr;
};

/// Where one worker of a crew gets its parts. All waiting spins for up to `spin_seconds`, then sleeps.
///
/// The state is one word. The caller offers parts; the worker claims them, does them, and is idle again. As long as an
/// offer is not claimed the caller can take it back, so that nobody waits for a thread that has not even woken up.
class alignas(128) WorkerSeat {
 public:
  void offer();
  /// Returns whether the worker had not begun: then the part is the caller's again.
  bool take_back();
  /// Waits until the worker has done what it claimed.
  void await(double spin_seconds);
  /// The worker waits for an offer and claims it. False: it shall leave.
  bool claim(double spin_seconds);
  /// The worker has done its parts.
  void finish();
  void dismiss();

  std::exception_ptr error = nullptr;  ///< what a part of the last piece threw
  int part_of_error = 0;

 private:
  enum State : std::uint32_t {
    idle,
    asleep,   ///< idle, and sleeping
    offered,  ///< parts wait to be claimed
    busy,
    awaited,  ///< busy, and the caller sleeps until it is done
    dismissed
  };
  std::atomic<std::uint32_t> state_ = idle;
};

/// Worker threads that stay, so that a piece of work costs no more than to tell them of it.
///
/// The workers are one OpenMP team. Its parallel region lasts as long as the crew, and a thread of its own opens it: so
/// any thread may call run(), and between pieces the workers wait in a WorkerSeat and not in OpenMP's barriers, where
/// GCC's runtime spins for milliseconds, which slows down whatever else wants the cores.
class Crew {
 public:
  /// An idle crew of at least `size` threads, the caller counted, or a new one; null where no thread can be started. It
  /// is the caller's until it is given back. Its workers run on the processors that the caller may use. Its threads
  /// spin for `spin_seconds` before they sleep, or not at all where there are more of them than cores.
  static Crew* take(int size, double spin_seconds);
  static void give_back(Crew* crew);

  /// How many threads were asked for, the caller counted. There may be fewer: OMP_THREAD_LIMIT, OMP_DYNAMIC.
  int size() const { return size_; }
  /// How long its threads spin before they sleep.
  double spin_seconds() const { return spin_seconds_.load(std::memory_order_relaxed); }
  /// False in a process that has forked since: the child has none of the workers.
  bool is_alive() const;

  /// Runs parts 0 .. count − 1 of a piece, each once, part 0 on the calling thread. Where there are more parts than
  /// threads, a thread does several neighbours, one after the other. When all have ended, throws again what the lowest
  /// part has thrown.
  void run(int count, const Piece& piece);

 private:
  explicit Crew(int size);
  static Crew* take_idle_or_new(int size);
  void open_region();
  void work(int worker);
  void dismiss();

  const int size_;
  const int generation_;  // of forks
  std::atomic<double> spin_seconds_ = 0;
  cpu_set_t processors_;
  Piece piece_;
  int count_ = 0;                  // of the piece's parts
  int threads_ = 0;                // that share them
  std::atomic<int> workers_ = -1;  // those that OpenMP has given; −1: not known yet
  std::atomic<bool> dismissed_ = false;
  std::unique_ptr<WorkerSeat[]> seats_;
};

}  // namespace sharcs::internal
