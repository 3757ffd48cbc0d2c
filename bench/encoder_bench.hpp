#pragma once

#include "options.hpp"
#include "report.hpp"

namespace sharcs::internal::bench {

/// A BERT-base encoder with random weights: batches of one length and of real lengths, full width and each width after
/// layer 3, batches of mixed widths, and what loading it costs.
void run_encoder_bench(const Options& options, Report& report);

}  // namespace sharcs::internal::bench
