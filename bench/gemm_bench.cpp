#include "gemm_bench.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <span>
#include <string>
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

/// A product that is timed: ours, and the same one for the other libraries.
struct Point {
  std::string kernel;
  Index rows;  ///< of the batch
  kernels::Slice slice;
  std::function<void()> ours;
  PlainProduct plain;
  std::span<const float> weight;  ///< what a product of one row has to read

  std::string name() const { return format("%s %td x %td x %td", kernel.c_str(), rows, slice.outputs, slice.inputs); }
  double operations() const { return 2.0 * static_cast<double>(rows * slice.outputs * slice.inputs); }
  /// One row reads every weight for a single multiply-add: then the memory is the roof, or the cache.
  bool reads() const { return rows == 1; }
};

/// The roof, our product, then the others.
std::vector<Contender> contenders_of(const Point& point, int threads) {
  std::vector<Contender> contenders;
  contenders.push_back({"roof", [=] { run_multiply_adds(threads); }});
  contenders.push_back({"sharcs", point.ours});
  for (const Peer& peer : peers()) {
    peer.set_threads(threads);
    contenders.push_back({peer.name, [&] { peer.multiply(point.plain); }, threads > 1 ? peer.rest : 0});
  }
  if (point.reads()) contenders.push_back({"read", [&] { read_all(point.weight, threads); }});
  return contenders;
}

/// What the line of a point says about one contender. share: our part of the roof.
std::string figure_of(const Contender& contender, const Timing& timing, const Point& point, double share) {
  const char* const name = contender.name.c_str();
  if (point.reads())
    return format("  %s %6.1f GB/s", name, static_cast<double>(point.weight.size_bytes()) / timing.best / 1e9);
  const double gflops = point.operations() / timing.best / 1e9;
  if (contender.name == "sharcs") return format("  %s %6.1f GFLOP/s, %.2f of the roof", name, gflops, share);
  return format("  %s %6.1f", name, gflops);
}

void run_point(const Point& point, int threads, const Options& options, Report& report) {
  if (!options.wants(point.name())) return;
  const ThreadScope scope(threads);
  const std::vector<Contender> contenders = contenders_of(point, threads);
  const std::vector<Timing> timings = race(contenders, options);
  const Timing &roof = timings[0], &ours = timings[1];
  const double share = point.operations() / multiply_add_operations(threads) / ours.over(roof);
  nlohmann::json record = {{"part", "gemm"},
                           {"kernel", point.kernel},
                           {"rows", point.rows},
                           {"outputs", point.slice.outputs},
                           {"inputs", point.slice.inputs},
                           {"threads", threads},
                           {"roof_gflops", multiply_add_operations(threads) / roof.best / 1e9},
                           {"roof_share", share}};
  std::string line = format("%-28s", point.name().c_str());
  for (std::size_t i = 1; i < contenders.size(); ++i) {
    const Timing& timing = timings[i];
    record["contenders"][contenders[i].name] = {{"best_seconds", timing.best}, {"median_seconds", timing.median}};
    line += figure_of(contenders[i], timing, point, share);
  }
  report.line(line);
  report.record(record);
}

/// The products of one layer: forward, and the two of the way back.
class LayerProducts {
 public:
  explicit LayerProducts(kernels::Slice shape)
      : shape_(shape),
        weight_(random_numbers(shape.outputs * shape.inputs)),
        gradient_(random_numbers(shape.outputs * shape.inputs)),
        x_(random_numbers(most_rows * shape.inputs)),
        y_(random_numbers(most_rows * shape.outputs)) {
    packed_.pack(MatrixView<const float>(weight_.data(), shape.outputs, shape.inputs));
  }

  /// y = x · Wᵀ
  Point forward(Index rows, kernels::Slice slice) {
    const auto x = inputs(rows, slice), y = outputs(rows, slice);
    const auto run = [=, this] { kernels::multiply<float>({x, &packed_, slice, y}); };
    return {"multiply", rows, slice, run, {.a = x, .b = weight(slice), .transpose_b = true, .c = y}, leading(slice)};
  }
  /// dx = dy · W
  Point input_gradient(Index rows, kernels::Slice slice) {
    const auto dx = inputs(rows, slice), dy = outputs(rows, slice);
    const auto w = weight(slice);
    const auto run = [=] { kernels::multiply_nn<float>(dy, w, dx); };
    return {"multiply_nn", rows, slice, run, {.a = dy, .b = w, .c = dx}, leading(slice)};
  }
  /// dW += dyᵀ · x
  Point weight_gradient(Index rows, kernels::Slice slice) {
    const auto x = inputs(rows, slice), dy = outputs(rows, slice);
    const auto dw =
        MatrixView<float>(gradient_.data(), shape_.outputs, shape_.inputs).leading(slice.outputs, slice.inputs);
    const auto run = [=] { kernels::multiply_tn<float>(dy, x, dw); };
    const PlainProduct plain = {.a = dy, .transpose_a = true, .b = x, .c = dw, .add = true};
    return {"multiply_tn", rows, slice, run, plain, leading(slice)};
  }

 private:
  static constexpr Index most_rows = *std::max_element(std::begin(row_counts), std::end(row_counts));

  MatrixView<float> inputs(Index rows, kernels::Slice slice) { return {x_.data(), rows, slice.inputs}; }
  MatrixView<float> outputs(Index rows, kernels::Slice slice) { return {y_.data(), rows, slice.outputs}; }
  MatrixView<const float> weight(kernels::Slice slice) const {
    return MatrixView<const float>(weight_.data(), shape_.outputs, shape_.inputs).leading(slice.outputs, slice.inputs);
  }
  /// As many weights as the slice has.
  std::span<const float> leading(kernels::Slice slice) const {
    return weight_.span().first(static_cast<std::size_t>(slice.outputs * slice.inputs));
  }

  kernels::Slice shape_;
  AlignedBuffer<float> weight_, gradient_, x_, y_;
  kernels::PackedMatrix<float> packed_;
};

void run_weight(kernels::Slice shape, int threads, const Options& options, Report& report) {
  LayerProducts layer(shape);
  for (const Index rows : row_counts) {
    for (const double width : widths) {
      const kernels::Slice slice = {static_cast<Index>(width * static_cast<double>(shape.outputs)),
                                    static_cast<Index>(width * static_cast<double>(shape.inputs))};
      run_point(layer.forward(rows, slice), threads, options, report);
      if (rows < 128) continue;
      run_point(layer.input_gradient(rows, slice), threads, options, report);
      run_point(layer.weight_gradient(rows, slice), threads, options, report);
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
