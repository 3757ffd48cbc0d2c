#include "cli/stop_signal.hpp"

#include <signal.h>

#include <atomic>

namespace sharcs::internal {
namespace {

std::atomic<int> noted = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may touch nothing else");

void note(int signal) {
  noted = signal;
  // The next one, of either kind, is not caught.
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
}

void install(void (*handler)(int)) {
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction before = {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler == SIG_IGN) continue;  // nohup and background jobs have chosen already
    struct sigaction action = {};
    action.sa_handler = handler;
    ::sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    ::sigaction(signal, &action, nullptr);
  }
}

}  // namespace

StopSignal::StopSignal() {
  noted = 0;
  install(note);
}

StopSignal::~StopSignal() { install(SIG_DFL); }

int StopSignal::received() const { return noted; }

}  // namespace sharcs::internal
