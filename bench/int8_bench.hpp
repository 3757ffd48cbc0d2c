#pragma once

#include "options.hpp"
#include "report.hpp"

namespace sharcs::internal::bench {

/// int8: products beside the machine's roof for dot products, and the encoder beside fp32 and, where Python has it,
/// ONNX Runtime's dynamic int8 of the same weights.
void run_int8_bench(const Options& options, Report& report);

}  // namespace sharcs::internal::bench
