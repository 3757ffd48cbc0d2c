#pragma once

#include "options.hpp"
#include "report.hpp"

namespace sharcs::internal::bench {

/// bf16: products, forward and backward, beside the machine's roof for bf16, and the encoder beside fp32.
void run_bf16_bench(const Options& options, Report& report);

}  // namespace sharcs::internal::bench
