#include "families_bench.hpp"

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <sharcs/classifier.hpp>
#include <sharcs/model.hpp>

#include "model/answers.hpp"
#include "onnx/export.hpp"
#include "onnxruntime_peer.hpp"
#include "random_batch.hpp"
#include "stopwatch.hpp"

namespace sharcs::internal::bench {
namespace {

/// What the families differ in; RoBERTa's, XLM-RoBERTa's, CamemBERT's and ELECTRA's layers are BERT's.
constexpr const char* families[] = {"bert", "distilbert", "albert", "mpnet", "deberta-v2", "modernbert"};

std::string name_of(const std::string& family, BatchShape shape) { return "family " + family + " " + shape.name(); }

/// BERT-base's sizes, but for ModernBERT's own feed-forward. Few words, since a word costs no time and its vector would
/// only fill the memory.
ModelConfig config_of(const std::string& family) {
  ModelConfig config;
  config.model_type = family;
  config.vocab_size = 1000;
  if (family == "deberta-v2" || family == "distilbert" || family == "modernbert") config.type_vocab_size = 0;
  if (family == "modernbert") config.intermediate_size = 1152;
  if (family == "albert") config.embedding_size = 128;
  return config;
}

/// peer: null where it is not to be had.
void run_shape(const Engine& engine, PythonPeer* peer, const std::string& family, BatchShape shape, int threads,
               const Options& options, Report& report) {
  const std::string name = name_of(family, shape);
  if (!options.wants(name)) return;
  const RandomBatch batch(shape, engine.config().vocab_size);
  std::vector<Contender> contenders = {{"sharcs", [&] { engine.run(batch.inputs()); }}};
  if (peer != nullptr) contenders.push_back({peer->name(), [&] { run_batch(*peer, shape); }, threads > 1 ? 0.05 : 0});
  Options longer = options;
  longer.seconds *= 10;
  const std::vector<Timing> timings = race(contenders, longer);
  std::string line =
      format("%-28s  %s: %.2f ms", name.c_str(), count_of_threads(threads).c_str(), timings[0].median * 1e3);
  nlohmann::json record = {{"part", "family"},       {"family", family},   {"sentences", shape.sentences},
                           {"tokens", shape.tokens}, {"threads", threads}, {"median_seconds", timings[0].median}};
  if (peer != nullptr) {
    line += format("; %s %.2f ms, ours %.2f of it", peer->name().c_str(), timings[1].median * 1e3,
                   timings[0].over(timings[1]));
    record["peer"] = peer->name();
    record["peer_median_seconds"] = timings[1].median;
    record["over_peer"] = timings[0].over(timings[1]);
  }
  report.line(line);
  report.record(record);
}

/// Writes a model of the family into the folder, and its graph.
void write_model(const std::string& family, const std::filesystem::path& folder, const std::filesystem::path& graph) {
  Model::create(config_of(family)).save(folder);
  const onnx::StoredModel stored(folder, Precision::fp32);
  onnx::export_answer(stored, static_cast<int>(answers_of(stored.config()).size()) - 1, graph);
}

}  // namespace

void run_families_bench(const Options& options, Report& report) {
  const auto is_wanted = [&](const std::string& family) {
    return std::ranges::any_of(batch_shapes, [&](BatchShape shape) { return options.wants(name_of(family, shape)); });
  };
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("sharcs_bench_family_" + std::to_string(getpid()));
  const std::filesystem::path graph = folder / "model.onnx";
  if (std::ranges::any_of(families, is_wanted))
    report.heading("Encoders of 12 layers of 768, plain, random weights, fp32, sentences x tokens");
  for (const std::string family : families) {
    if (!is_wanted(family)) continue;
    write_model(family, folder, graph);
    for (const int threads : options.threads) {
      const Engine engine = Engine::load(folder, {.threads = threads});
      const std::unique_ptr<PythonPeer> peer = start_onnxruntime(graph, threads);
      if (!peer) report.line(onnxruntime_is_not_timed());
      for (const BatchShape shape : batch_shapes)
        run_shape(engine, peer.get(), family, shape, threads, options, report);
    }
    std::filesystem::remove_all(folder);
  }
}

}  // namespace sharcs::internal::bench
