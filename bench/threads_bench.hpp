#pragma once

#include "options.hpp"
#include "report.hpp"

namespace sharcs::internal::bench {

/// What sharing work among threads costs: an empty piece, an encoder on more threads than there are cores beside the
/// time that the model in docs/benchmarks.md expects, and many callers with one sentence each.
void run_threads_bench(const Options& options, Report& report);

}  // namespace sharcs::internal::bench
