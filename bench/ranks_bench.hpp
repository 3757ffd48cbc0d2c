#pragma once

#include <sharcs/communicator.hpp>

#include "options.hpp"
#include "report.hpp"

namespace sharcs::internal::bench {

/// Optimizer steps of BERT-base at full width, 64 sentences of 32 tokens, by the first rank alone and by all ranks
/// together.
void run_ranks_bench(const Options& options, Communicator& ranks, Report& report);

}  // namespace sharcs::internal::bench
