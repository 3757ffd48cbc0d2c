#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "python_peer.hpp"
#include "random_batch.hpp"

namespace sharcs::internal::bench {

/// ONNX Runtime with a graph (an .onnx file), or with dynamic int8 of a BERT folder.
inline std::unique_ptr<PythonPeer> start_onnxruntime(const std::filesystem::path& model, int threads) {
  return PythonPeer::start("onnxruntime_peer.py", {model.string(), std::to_string(threads)});
}
inline std::string onnxruntime_is_not_timed() { return not_timed("ONNX Runtime", "numpy, onnx and onnxruntime"); }

/// Has it run one batch of random words.
inline void run_batch(PythonPeer& onnxruntime, BatchShape shape) {
  onnxruntime.run(std::to_string(shape.sentences) + " " + std::to_string(shape.tokens));
}

}  // namespace sharcs::internal::bench
