#include "bf16_bench.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <sharcs/classifier.hpp>
#include <sharcs/model.hpp>
#include <vector>

#include "bert_base.hpp"
#include "core/threads.hpp"
#include "kernels/bf16_pairs.hpp"
#include "kernels/gemm.hpp"
#include "random_batch.hpp"
#include "roof.hpp"
#include "stopwatch.hpp"

namespace sharcs::internal::bench {
namespace {

constexpr kernels::Slice weight_shapes[] = {{768, 768}, {3072, 768}, {768, 3072}};

AlignedBuffer<float> random_numbers(Index count) {
  AlignedBuffer<float> numbers(static_cast<std::size_t>(count));
  Random random(derive_key(1, "bench bf16"));
  for (float& v : numbers.span()) v = static_cast<float>(random.normal());
  return numbers;
}

/// One product in bf16 and in fp32.
struct Pair {
  const char* kernel;
  Index rows;
  kernels::Slice slice;
  std::function<void(kernels::Numbers)> run;
};

void run_pair(const Pair& pair, int threads, const Options& options, Report& report) {
  const std::string name =
      format("bf16 %s %td x %td x %td", pair.kernel, pair.rows, pair.slice.outputs, pair.slice.inputs);
  if (!options.wants(name)) return;
  const ThreadScope scope(threads);
  const auto timings = race({{"roof", [=] { run_bf16_dots(threads); }},
                             {"bf16", [&] { pair.run(kernels::Numbers::bf16); }},
                             {"fp32", [&] { pair.run(kernels::Numbers::whole); }}},
                            options);
  const double work = 2.0 * static_cast<double>(pair.rows * pair.slice.outputs * pair.slice.inputs);
  const double share = work / bf16_dot_operations(threads) / timings[1].over(timings[0]);
  report.line(format("%-31s  sharcs %6.1f GFLOP/s, %.2f of the roof; %.2f of fp32's time", name.c_str(),
                     work / timings[1].best / 1e9, share, timings[1].over(timings[2])));
  report.record({{"part", "bf16"},
                 {"kernel", pair.kernel},
                 {"rows", pair.rows},
                 {"outputs", pair.slice.outputs},
                 {"inputs", pair.slice.inputs},
                 {"threads", threads},
                 {"roof_gflops", bf16_dot_operations(threads) / timings[0].best / 1e9},
                 {"roof_share", share},
                 {"best_seconds", timings[1].best},
                 {"over_fp32", timings[1].over(timings[2])}});
}

void run_products(int threads, const Options& options, Report& report) {
  report.heading(format("bf16 products, rows x outputs x inputs, %s%s", count_of_threads(threads).c_str(),
                        kernels::uses_bf16_instruction() ? "" : "; this processor has no instruction for them"));
  constexpr Index most_rows = 1024;
  for (const kernels::Slice shape : weight_shapes) {
    const AlignedBuffer<float> numbers = random_numbers(shape.outputs * shape.inputs);
    AlignedBuffer<float> x = random_numbers(most_rows * shape.inputs), y = random_numbers(most_rows * shape.outputs),
                         gradient = random_numbers(shape.outputs * shape.inputs);
    const MatrixView<const float> weight(numbers.data(), shape.outputs, shape.inputs);
    kernels::PackedMatrix<float> pairs, floats;
    pairs.pack(weight, kernels::Numbers::bf16);
    floats.pack(weight);
    for (const Index rows : {1, 16, 32, 128, 1024}) {
      for (const Index part : {4, 1}) {
        const kernels::Slice slice = {shape.outputs / part, shape.inputs / part};
        const MatrixView<float> in(x.data(), rows, slice.inputs), out(y.data(), rows, slice.outputs);
        const auto forward = [&](kernels::Numbers n) {
          kernels::multiply<float>({in, n == kernels::Numbers::bf16 ? &pairs : &floats, slice, out});
        };
        run_pair({"multiply", rows, slice, forward}, threads, options, report);
        if (rows < 128) continue;
        const auto to_input = [&](kernels::Numbers n) {
          kernels::multiply_nn<float>(out, weight.leading(slice.outputs, slice.inputs), in, kernels::Write::overwrite,
                                      n);
        };
        run_pair({"multiply_nn", rows, slice, to_input}, threads, options, report);
        const auto to_weight = [&](kernels::Numbers n) {
          kernels::multiply_tn<float>(
              out, in,
              MatrixView<float>(gradient.data(), shape.outputs, shape.inputs).leading(slice.outputs, slice.inputs),
              kernels::Write::overwrite, n);
        };
        run_pair({"multiply_tn", rows, slice, to_weight}, threads, options, report);
      }
    }
  }
}

void run_encoder(const Engine& fp32, const Engine& bf16, BatchShape shape, int threads, const Options& options,
                 Report& report) {
  const std::string name = "bf16 encoder " + shape.name();
  if (!options.wants(name)) return;
  const RandomBatch batch(shape, fp32.config().vocab_size);
  const Policy full = Policy::fixed(1), narrow = Policy::fixed(fp32.widths()[0].fraction());
  Options longer = options;
  longer.seconds *= 10;
  const std::vector<Timing> timings = race({{"bf16", [&] { bf16.run(batch.inputs(), full); }},
                                            {"bf16 narrow", [&] { bf16.run(batch.inputs(), narrow); }},
                                            {"fp32", [&] { fp32.run(batch.inputs(), full); }}},
                                           longer);
  report.line(format("%-22s  %.2f ms, %.2f of fp32; width %g: %.3f of it", name.c_str(), timings[0].median * 1e3,
                     timings[0].over(timings[2]), fp32.widths()[0].fraction(), timings[1].over(timings[0])));
  report.record({{"part", "bf16_encoder"},
                 {"sentences", shape.sentences},
                 {"tokens", shape.tokens},
                 {"threads", threads},
                 {"best_seconds", timings[0].best},
                 {"median_seconds", timings[0].median},
                 {"over_fp32", timings[0].over(timings[2])},
                 {"narrow_over_full", timings[1].over(timings[0])}});
}

}  // namespace

void run_bf16_bench(const Options& options, Report& report) {
  for (const int threads : options.threads) run_products(threads, options, report);
  if (std::ranges::none_of(batch_shapes,
                           [&](BatchShape shape) { return options.wants("bf16 encoder " + shape.name()); }))
    return;
  const Model model = Model::create(bert_base({0.25, 1.0}));
  for (const int threads : options.threads) {
    report.heading(format("bf16 BERT-base with a router after layer 3, random weights, sentences x tokens, %s",
                          count_of_threads(threads).c_str()));
    const Engine fp32(model, {.threads = threads}), bf16(model, {.threads = threads, .precision = Precision::bf16});
    for (const BatchShape shape : batch_shapes) run_encoder(fp32, bf16, shape, threads, options, report);
  }
}

}  // namespace sharcs::internal::bench
