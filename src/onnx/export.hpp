#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "onnx/graph.hpp"
#include "onnx/weights.hpp"

namespace sharcs::internal::onnx {

/// An .onnx file that has been written.
struct WrittenGraph {
  std::filesystem::path file;
  std::vector<std::string> inputs, outputs;
  std::uint64_t bytes = 0;
};

/// A graph of one answer of the model, from token ids to "logits" (and "score", of an exit that has one), or of a model
/// that finds answers to "start_logits" and "end_logits". answer: an index into answers_of(config).
Graph graph_of_answer(const StoredModel& model, int answer);

/// Writes one answer's graph. Throws IoError.
WrittenGraph export_answer(const StoredModel& model, int answer, const std::filesystem::path& file);

/// What tells the parts of a routed model apart, and says how they go together.
inline constexpr const char* routing_file = "routing.json";

/// Writes a model in parts into a folder that is there, so that each sample runs what its policy asks for only, and
/// routing.json, last, which says what each part gives (docs/onnx.md):
///
///   stem.onnx          token ids to hidden states, the router's logits and those of the exits up to there
///   width_W.onnx       hidden states of the stem to a narrower width's logits
///   full_to_N.onnx     hidden states to those after layer N, and the exit's logits there
///   full.onnx          hidden states of the last of these to full width's logits
///
/// The model has widths: a plain encoder has nothing to choose from. Throws IoError.
std::vector<WrittenGraph> export_routed(const StoredModel& model, const std::filesystem::path& folder);

}  // namespace sharcs::internal::onnx
