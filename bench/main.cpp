// Measures the kernels beside the machine's roof and beside other libraries: sharcs_bench --help.
#include <hwy/targets.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <exception>
#include <iostream>
#include <map>
#include <sharcs/communicator.hpp>

#include "bf16_bench.hpp"
#include "core/threads.hpp"
#include "encoder_bench.hpp"
#include "families_bench.hpp"
#include "gemm_bench.hpp"
#include "int8_bench.hpp"
#include "options.hpp"
#include "queue_bench.hpp"
#include "ranks_bench.hpp"
#include "report.hpp"
#include "roof.hpp"
#include "threads_bench.hpp"
#include "tokenizer_bench.hpp"
#include "training_bench.hpp"

int main(int argc, char** argv) {
  using namespace sharcs::internal::bench;
  Options options;
  options.threads = {1};
  if (sharcs::internal::thread_count() > 1) options.threads.push_back(sharcs::internal::thread_count());
  bool json = false;
  CLI::App app(
      "Measures sharcs beside the machine's roof and beside other libraries. As several processes of mpirun:\n"
      "measures training with all of them beside training with one.");
  app.add_option("--threads", options.threads, "Thread counts to measure with")
      ->delimiter(',')
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option(
      "--filter", options.filter,
      "Only points whose name contains this, e.g. \"multiply 32 x\", \"pack\", \"encoder\", \"callers\", \"queue\", "
      "\"bf16\", \"int8\", \"family\", \"training\" or \"tokenize\"");
  app.add_option("--seconds", options.seconds, "Seconds for each contender at each point")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Turns that the contenders of a point take")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  std::map<std::string, std::int64_t> instructions;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) instructions[hwy::TargetName(target)] = target;
  app.add_option_function<std::int64_t>(
         "--instructions", [](std::int64_t target) { hwy::SetSupportedTargetsForTest(target); },
         "Instruction set to measure with, of those that this machine has; none: the best one")
      ->transform(CLI::CheckedTransformer(instructions));
  app.add_option("--texts", options.texts, "Sentences to tokenize, one a line; none: generated ones");
  app.add_option("--tokenizer", options.tokenizer,
                 "Folder or file of the tokenizer to time; none: WordPieces made from the sentences");
  app.add_flag("--json", json, "One JSON array of records instead of lines");
  CLI11_PARSE(app, argc, argv);

  try {
    const auto ranks = sharcs::Communicator::world();
    Report report(!ranks->is_first() ? Output::nothing : json ? Output::json : Output::lines);
    if (ranks->ranks() > 1) {
      run_ranks_bench(options, *ranks, report);
      return 0;
    }
    run_roof(options, report);
    run_gemm_bench(options, report);
    run_encoder_bench(options, report);
    run_threads_bench(options, report);
    run_queue_bench(options, report);
    run_bf16_bench(options, report);
    run_int8_bench(options, report);
    run_families_bench(options, report);
    run_training_bench(options, report);
    run_tokenizer_bench(options, report);
  } catch (const std::exception& error) {
    std::cerr << "sharcs_bench: " << error.what() << "\n";
    return 2;
  }
}
