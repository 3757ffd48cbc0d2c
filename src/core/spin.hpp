#pragma once

#include <chrono>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace sharcs::internal {

/// How long the threads of a call spin before they sleep. A sleeping thread is running again some 50 µs after it was
/// woken: to spin for longer costs more than to sleep.
inline constexpr double spin_of_call = 50e-6;

/// How long those of a training spin, where one piece of work follows another for hours. That is for cores that other
/// programs want too, even programs of the lowest priority: there Linux may let a woken thread wait for milliseconds,
/// its part is done by the others meanwhile, and it finds nothing and sleeps again.
inline constexpr double spin_of_training = 2e-3;

/// The spinning before a sleep.
class Spin {
 public:
  explicit Spin(double seconds) : seconds_(seconds) {}

  /// Waits for a moment. False: it has been long enough.
  bool goes_on() {
    if (seconds_ <= 0) return false;
    pause_briefly();
    constexpr int rounds_a_look = 16;  // the clock costs as much as a few rounds
    if (++rounds_ % rounds_a_look != 0) return true;
    const auto now = std::chrono::steady_clock::now();
    if (rounds_ == rounds_a_look) begin_ = now;
    return std::chrono::duration<double>(now - begin_).count() < seconds_;
  }
  void begin_again() { rounds_ = 0; }

 private:
  /// Tells the processor that the thread only waits: a sibling on the same core goes faster.
  static void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  double seconds_;
  unsigned rounds_ = 0;
  std::chrono::steady_clock::time_point begin_ = {};
};

}  // namespace sharcs::internal
