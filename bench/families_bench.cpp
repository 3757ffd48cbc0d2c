#include "families_bench.hpp"

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <sharcs/classifier.hpp>
#include <sharcs/model.hpp>

#include "bert_base.hpp"
#include "model/answers.hpp"
#include "onnx/export.hpp"
#include "onnxruntime_peer.hpp"
#include "stopwatch.hpp"

namespace sharcs::internal::bench {
namespace {

constexpr std::pair<int, int> shapes[] = {{1, 16}, {1, 32}, {1, 128}, {8, 128}, {32, 32}};

/// What the families differ in; RoBERTa's, XLM-RoBERTa's, CamemBERT's and ELECTRA's layers are BERT's.
constexpr const char* families[] = {"bert", "distilbert", "albert", "mpnet", "deberta-v2"};

std::string name_of(const std::string& family, std::pair<int, int> shape) {
  return format("family %s %d x %d", family.c_str(), shape.first, shape.second);
}

/// BERT-base's sizes. Few words, since a word costs no time and its vector would only fill the memory.
ModelConfig config_of(const std::string& family) {
  ModelConfig config;
  config.model_type = family;
  config.vocab_size = 1000;
  if (family == "deberta-v2" || family == "distilbert") config.type_vocab_size = 0;
  if (family == "albert") config.embedding_size = 128;
  return config;
}

void run_shape(const Engine& engine, OnnxRuntime& peer, const std::string& family, std::pair<int, int> shape,
               int threads, const Options& options, Report& report) {
  const std::string name = name_of(family, shape);
  if (!options.wants(name)) return;
  Random random(derive_key(1, "bench batch"));
  std::vector<std::vector<std::int32_t>> ids;
  for (int s = 0; s < shape.first; ++s) ids.push_back(random_words(random, shape.second, engine.config().vocab_size));
  std::vector<TokenSequence> inputs;
  for (const auto& sentence : ids) inputs.push_back({sentence});
  Options longer = options;
  longer.seconds *= 10;
  const std::vector<Timing> timings =
      race({{"sharcs", [&] { engine.run(inputs); }},
            {peer.name(), [&] { peer.run(shape.first, shape.second); }, threads > 1 ? 0.05 : 0}},
           longer);
  report.line(format("%-28s  %.2f ms; %s %.2f ms, ours %.2f of it", name.c_str(), timings[0].median * 1e3,
                     peer.name().c_str(), timings[1].median * 1e3, timings[0].over(timings[1])));
  report.record({{"part", "family"},
                 {"family", family},
                 {"sentences", shape.first},
                 {"tokens", shape.second},
                 {"threads", threads},
                 {"median_seconds", timings[0].median},
                 {"peer", peer.name()},
                 {"peer_median_seconds", timings[1].median},
                 {"over_peer", timings[0].over(timings[1])}});
}

}  // namespace

void run_families_bench(const Options& options, Report& report) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("sharcs_bench_family_" + std::to_string(getpid()));
  for (const int threads : options.threads) {
    report.heading(format("Encoders of 12 layers of 768, plain, random weights, fp32, sentences x tokens, %s",
                          count_of_threads(threads).c_str()));
    for (const std::string family : families) {
      if (std::ranges::none_of(shapes, [&](auto shape) { return options.wants(name_of(family, shape)); })) continue;
      Model::create(config_of(family)).save(folder);
      const std::filesystem::path graph = folder / "model.onnx";
      {
        const onnx::StoredModel stored(folder, Precision::fp32);
        onnx::export_answer(stored, static_cast<int>(answers_of(stored.config()).size()) - 1, graph);
      }
      const Engine engine = Engine::load(folder, {.threads = threads});
      const std::unique_ptr<OnnxRuntime> peer = OnnxRuntime::start(graph, threads);
      if (!peer) report.line("ONNX Runtime is not timed: " + OnnxRuntime::needs());
      for (const auto& shape : shapes)
        if (peer) run_shape(engine, *peer, family, shape, threads, options, report);
      std::filesystem::remove_all(folder);
    }
  }
}

}  // namespace sharcs::internal::bench
