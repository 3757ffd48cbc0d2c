#pragma once

#include "options.hpp"
#include "report.hpp"

namespace sharcs::internal::bench {

/// Threads of an application with a sentence after the other, on an encoder of MiniLM's size: through a BatchQueue
/// beside a call of Classifier::classify each, and beside one call with all sentences.
void run_queue_bench(const Options& options, Report& report);

}  // namespace sharcs::internal::bench
