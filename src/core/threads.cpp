#include "core/threads.hpp"

namespace sharcs::internal {
namespace {
thread_local int scoped_count = 0;  // 0: no scope
}

int thread_count() {
  if (omp_in_parallel()) return 1;
  return scoped_count > 0 ? scoped_count : omp_get_max_threads();
}

ThreadScope::ThreadScope(int count) : before_(scoped_count) { scoped_count = count; }
ThreadScope::~ThreadScope() { scoped_count = before_; }

}  // namespace sharcs::internal
