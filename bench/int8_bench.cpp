#include "int8_bench.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <sharcs/classifier.hpp>
#include <sharcs/model.hpp>
#include <vector>

#include "bert_base.hpp"
#include "core/threads.hpp"
#include "kernels/int8_gemm.hpp"
#include "onnxruntime_peer.hpp"
#include "random_batch.hpp"
#include "roof.hpp"
#include "stopwatch.hpp"

namespace sharcs::internal::bench {
namespace {

constexpr kernels::Slice weight_shapes[] = {{768, 768}, {3072, 768}, {768, 3072}};

void run_product(const kernels::Int8Matrix& weight, kernels::Slice slice, Index rows, int threads,
                 const Options& options, Report& report) {
  const std::string name = format("int8 multiply %td x %td x %td", rows, slice.outputs, slice.inputs);
  if (!options.wants(name)) return;
  const ThreadScope scope(threads);
  Workspace workspace;
  const MatrixView<float> x = workspace.matrix<float>(rows, slice.inputs);
  Random random(derive_key(1, "bench int8"));
  for (Index i = 0; i < rows * slice.inputs; ++i) x.data[i] = static_cast<float>(random.normal());
  const auto quantized = kernels::Int8Rows::make(rows, slice.inputs, workspace);
  kernels::quantize(x, quantized);
  const MatrixView<float> y = workspace.matrix<float>(rows, slice.outputs);
  const auto timings = race({{"roof", [=] { run_int8_dots(threads); }},
                             {"sharcs",
                              [&] {
                                kernels::multiply(kernels::Int8Product{quantized, &weight, slice, y});
                              }},
                             {"quantize", [&] { kernels::quantize(x, quantized); }}},
                            options);
  const double work = 2.0 * static_cast<double>(rows * slice.outputs * slice.inputs);
  const double share = work / int8_dot_operations(threads) / timings[1].over(timings[0]);
  report.line(format("%-28s  sharcs %6.1f GOP/s, %.2f of the roof; quantizing the input takes %.3f of it", name.c_str(),
                     work / timings[1].best / 1e9, share, timings[2].over(timings[1])));
  report.record({{"part", "int8"},
                 {"rows", rows},
                 {"outputs", slice.outputs},
                 {"inputs", slice.inputs},
                 {"threads", threads},
                 {"roof_gops", int8_dot_operations(threads) / timings[0].best / 1e9},
                 {"roof_share", share},
                 {"best_seconds", timings[1].best},
                 {"quantize_seconds", timings[2].best}});
}

void run_products(int threads, const Options& options, Report& report) {
  report.heading(format("int8 products, rows x outputs x inputs, %s", count_of_threads(threads).c_str()));
  for (const kernels::Slice shape : weight_shapes) {
    AlignedBuffer<float> numbers(static_cast<std::size_t>(shape.outputs * shape.inputs));
    Random random(derive_key(1, "bench int8 weight"));
    for (float& v : numbers.span()) v = static_cast<float>(random.normal());
    const kernels::Int8Matrix weight(MatrixView<const float>(numbers.data(), shape.outputs, shape.inputs));
    for (const Index rows : {1, 16, 32, 128, 1024})
      for (const Index part : {4, 1})
        run_product(weight, {shape.outputs / part, shape.inputs / part}, rows, threads, options, report);
  }
}

void run_encoder(const Engine& fp32, const Engine& int8, PythonPeer* peer, BatchShape shape, int threads,
                 const Options& options, Report& report) {
  const std::string name = "int8 encoder " + shape.name();
  if (!options.wants(name)) return;
  const RandomBatch batch(shape, fp32.config().vocab_size);
  const Policy full = Policy::fixed(1), narrow = Policy::fixed(fp32.widths()[0].fraction());
  std::vector<Contender> contenders = {{"int8", [&] { int8.run(batch.inputs(), full); }},
                                       {"int8 narrow", [&] { int8.run(batch.inputs(), narrow); }},
                                       {"fp32", [&] { fp32.run(batch.inputs(), full); }}};
  if (peer != nullptr) contenders.push_back({peer->name(), [&] { run_batch(*peer, shape); }, threads > 1 ? 0.05 : 0});
  Options longer = options;
  longer.seconds *= 10;
  const std::vector<Timing> timings = race(contenders, longer);
  std::string line = format("%-22s  %.2f ms, %.2f of fp32; width %g: %.3f of it", name.c_str(), timings[0].median * 1e3,
                            timings[0].over(timings[2]), fp32.widths()[0].fraction(), timings[1].over(timings[0]));
  if (peer != nullptr)
    line += format("; %s %.2f ms, ours %.2f of it", peer->name().c_str(), timings[3].median * 1e3,
                   timings[0].over(timings[3]));
  report.line(line);
  nlohmann::json record = {
      {"part", "int8_encoder"}, {"sentences", shape.sentences}, {"tokens", shape.tokens}, {"threads", threads}};
  for (std::size_t i = 0; i < contenders.size(); ++i)
    record["contenders"][contenders[i].name] = {{"best_seconds", timings[i].best},
                                                {"median_seconds", timings[i].median},
                                                {"int8_over_this", timings[0].over(timings[i])}};
  report.record(record);
}

}  // namespace

void run_int8_bench(const Options& options, Report& report) {
  for (const int threads : options.threads) run_products(threads, options, report);
  if (std::ranges::none_of(batch_shapes,
                           [&](BatchShape shape) { return options.wants("int8 encoder " + shape.name()); }))
    return;
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("sharcs_bench_int8_" + std::to_string(getpid()));
  const Model model = Model::create(bert_base({0.25, 1.0}));
  model.save(folder);
  for (const int threads : options.threads) {
    report.heading(format("int8 BERT-base with a router after layer 3, random weights, sentences x tokens, %s",
                          count_of_threads(threads).c_str()));
    const Engine fp32(model, {.threads = threads});
    const Engine int8(model, {.threads = threads, .precision = Precision::int8});
    const std::unique_ptr<PythonPeer> peer = start_onnxruntime(folder, threads);
    if (!peer) report.line(onnxruntime_is_not_timed());
    for (const BatchShape shape : batch_shapes) run_encoder(fp32, int8, peer.get(), shape, threads, options, report);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace sharcs::internal::bench
