#pragma once

#include "options.hpp"
#include "report.hpp"

namespace sharcs::internal::bench {

/// Optimizer steps of BERT-base, 32 sentences of 32 tokens: full width, the narrowest, both in one joint step; how much
/// of a step is packing, and the memory that training needs.
void run_training_bench(const Options& options, Report& report);

}  // namespace sharcs::internal::bench
