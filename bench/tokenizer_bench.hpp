#pragma once

#include "options.hpp"
#include "report.hpp"

namespace sharcs::internal::bench {

/// Tokenizes 100,000 sentences: of options.texts with options.tokenizer, or generated ones with WordPieces made from
/// them.
void run_tokenizer_bench(const Options& options, Report& report);

}  // namespace sharcs::internal::bench
