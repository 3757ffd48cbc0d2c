#pragma once

#include "options.hpp"
#include "report.hpp"

namespace sharcs::internal::bench {

/// Each family of encoders in the size of BERT-base, in fp32, beside ONNX Runtime with the graph that `sharcs export
/// --onnx` writes of it.
void run_families_bench(const Options& options, Report& report);

}  // namespace sharcs::internal::bench
