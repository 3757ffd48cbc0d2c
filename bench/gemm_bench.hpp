#pragma once

#include "options.hpp"
#include "report.hpp"

namespace sharcs::internal::bench {

/// The matrix products of BERT-base at every slice, forward and backward, beside the roof and other libraries.
void run_gemm_bench(const Options& options, Report& report);

}  // namespace sharcs::internal::bench
