#include "gemm_bench.hpp"

#include <vector>

#include "core/random.hpp"
#include "core/threads.hpp"
#include "kernels/gemm.hpp"
#include "peers.hpp"
#include "roof.hpp"
#include "stopwatch.hpp"

namespace sharcs::internal::bench {
namespace {

/// The weights of BERT-base: attention, and both layers of the feed-forward network.
constexpr kernels::Slice weight_shapes[] = {{768, 768}, {3072, 768}, {768, 3072}};
constexpr double widths[] = {0.25, 0.5, 0.75, 1.0};
constexpr Index row_counts[] = {1, 16, 32, 128, 1024};

/// Numbers around zero, none of them subnormal.
AlignedBuffer<float> random_numbers(Index count) {
  AlignedBuffer<float> numbers(static_cast<std::size_t>(count));
  Random random(derive_key(1, "bench"));
  for (float& v : numbers.span()) v = static_cast<float>(random.normal());
  return numbers;
}

/// A product that is timed: ours, and the same one for the others.
struct Point {
  std::string name;  ///< of the kernel
  Index rows;        ///< of the batch
  kernels::Slice slice;
  std::function<void()> ours;
  PlainProduct plain;
  std::span<const float> weight;  ///< with one row of x this is what has to be read
};

void run_point(const Point& point, int threads, const Options& options, Report& report) {
  const auto& [outputs, inputs] = point.slice;
  const std::string name = format("%s %td x %td x %td", point.name.c_str(), point.rows, outputs, inputs);
  if (!options.wants(name)) return;
  const ThreadScope scope(threads);
  std::vector<Contender> contenders = {{"roof", [=] { run_multiply_adds(threads); }}, {"sharcs", point.ours}};
  for (const Peer& peer : peers()) {
    peer.set_threads(threads);
    contenders.push_back({peer.name, [&] { peer.multiply(point.plain); }, threads > 1 ? peer.rest : 0});
  }
  // One row reads every weight once for one multiply-add: there the memory is the roof, or the cache.
  const bool reads = point.rows == 1;
  const auto slice_elements = static_cast<std::size_t>(outputs * inputs);
  if (reads) contenders.push_back({"read", [&] { read_all(point.weight.first(slice_elements), threads); }});

  const std::vector<Timing> timings = race(contenders, options);
  const double operations = 2.0 * static_cast<double>(point.rows) * static_cast<double>(slice_elements);
  const double roof = multiply_add_operations(threads) / timings[0].best / 1e9;
  const double share = operations / multiply_add_operations(threads) / timings[1].over(timings[0]);
  nlohmann::json record = {{"part", "gemm"},   {"kernel", point.name}, {"rows", point.rows},  {"outputs", outputs},
                           {"inputs", inputs}, {"threads", threads},   {"roof_gflops", roof}, {"roof_share", share}};
  std::string line = format("%-28s", name.c_str());
  for (std::size_t i = 1; i < contenders.size(); ++i) {
    const auto& contender = contenders[i];
    const double gflops = operations / timings[i].best / 1e9;
    const double gigabytes = static_cast<double>(slice_elements * sizeof(float)) / timings[i].best / 1e9;
    record["contenders"][contender.name] = {{"best_seconds", timings[i].best}, {"median_seconds", timings[i].median}};
    if (reads) {
      line += format("  %s %6.1f GB/s", contender.name.c_str(), gigabytes);
    } else if (i == 1) {
      line += format("  %s %6.1f GFLOP/s, %.2f of the roof", contender.name.c_str(), gflops, share);
    } else {
      line += format("  %s %6.1f", contender.name.c_str(), gflops);
    }
  }
  report.line(line);
  report.record(record);
}

/// Ours and the others' on one weight: forward, and the two products of the way back.
void run_weight(kernels::Slice shape, int threads, const Options& options, Report& report) {
  const Index most_rows = row_counts[std::size(row_counts) - 1];
  const AlignedBuffer<float> weight_data = random_numbers(shape.outputs * shape.inputs);
  AlignedBuffer<float> gradient_data = random_numbers(shape.outputs * shape.inputs);
  AlignedBuffer<float> x_data = random_numbers(most_rows * shape.inputs),
                       y_data = random_numbers(most_rows * shape.outputs);
  const MatrixView<const float> weight(weight_data.data(), shape.outputs, shape.inputs);
  const MatrixView<float> gradient(gradient_data.data(), shape.outputs, shape.inputs);
  kernels::PackedMatrix<float> packed;
  packed.pack(weight);
  for (const Index rows : row_counts) {
    for (const double width : widths) {
      const kernels::Slice slice = {static_cast<Index>(width * static_cast<double>(shape.outputs)),
                                    static_cast<Index>(width * static_cast<double>(shape.inputs))};
      const MatrixView<float> x(x_data.data(), rows, slice.inputs), y(y_data.data(), rows, slice.outputs);
      const auto w = weight.leading(slice.outputs, slice.inputs);
      const auto dw = gradient.leading(slice.outputs, slice.inputs);
      run_point({"multiply",
                 rows,
                 slice,
                 [&] {
                   kernels::multiply<float>({x, &packed, slice, y});
                 },
                 {x, w, false, true, y, false},
                 weight_data.span()},
                threads, options, report);
      if (rows < 128) continue;
      run_point({"multiply_nn",
                 rows,
                 slice,
                 [&] { kernels::multiply_nn<float>(y, w, x); },
                 {y, w, false, false, x, false},
                 weight_data.span()},
                threads, options, report);
      run_point({"multiply_tn",
                 rows,
                 slice,
                 [&] { kernels::multiply_tn<float>(y, x, dw); },
                 {y, x, true, false, dw, true},
                 weight_data.span()},
                threads, options, report);
    }
  }
}

/// Packing: what loading a model and every training step pay for the layout.
void run_packing(kernels::Slice shape, int threads, const Options& options, Report& report) {
  const std::string name = format("pack %td x %td", shape.outputs, shape.inputs);
  if (!options.wants(name)) return;
  const ThreadScope scope(threads);
  const AlignedBuffer<float> weight = random_numbers(shape.outputs * shape.inputs);
  kernels::PackedMatrix<float> packed;
  const MatrixView<const float> view(weight.data(), shape.outputs, shape.inputs);
  const Timing timing = race({{"sharcs", [&] { packed.pack(view); }}}, options)[0];
  const double gigabytes = 2.0 * static_cast<double>(packed.bytes()) / timing.best / 1e9;
  report.line(format("%-28s  %.3f ms, %.1f GB/s read and written", name.c_str(), timing.best * 1e3, gigabytes));
  report.record({{"part", "gemm"},
                 {"kernel", "pack"},
                 {"outputs", shape.outputs},
                 {"inputs", shape.inputs},
                 {"threads", threads},
                 {"contenders", {{"sharcs", {{"best_seconds", timing.best}, {"median_seconds", timing.median}}}}}});
}

}  // namespace

void run_gemm_bench(const Options& options, Report& report) {
  for (const int threads : options.threads) {
    report.heading(format("matrix products, rows x outputs x inputs, %s, GFLOP/s", count_of_threads(threads).c_str()));
    for (const kernels::Slice shape : weight_shapes) {
      run_packing(shape, threads, options, report);
      run_weight(shape, threads, options, report);
    }
  }
}

}  // namespace sharcs::internal::bench
