#pragma once

#include <sys/types.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace sharcs::internal::bench {

/// ONNX Runtime with a graph, or with dynamic int8 of a BERT folder: onnxruntime_peer.py in a process of its own, which
/// runs a batch each time that it is asked. What asking costs, some 50 µs, counts as its time.
class OnnxRuntime {
 public:
  /// model: an .onnx file, or a folder. None where Python lacks what needs() names. The Python is that of the
  /// environment variable SHARCS_BENCH_PYTHON, or python3.
  static std::unique_ptr<OnnxRuntime> start(const std::filesystem::path& model, int threads);
  static std::string needs() { return "python3, or $SHARCS_BENCH_PYTHON, needs numpy, onnx and onnxruntime"; }
  ~OnnxRuntime();
  OnnxRuntime(const OnnxRuntime&) = delete;
  OnnxRuntime& operator=(const OnnxRuntime&) = delete;

  /// "onnxruntime 1.32.0", of a folder "onnxruntime 1.32.0 int8".
  const std::string& name() const { return name_; }
  /// Runs one batch of random words.
  void run(int sentences, int tokens);

 private:
  OnnxRuntime() = default;
  /// A line without its end; empty when the process has gone.
  std::string read_line();

  std::string name_;
  pid_t process_ = -1;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

}  // namespace sharcs::internal::bench
