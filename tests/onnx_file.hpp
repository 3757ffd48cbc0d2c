#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace sharcs::internal::testing {

/// An .onnx file as it is written, taken apart by a reader of protobuf that shares nothing with the writer.
struct OnnxFile {
  struct Node {
    std::string name, operation;
    std::vector<std::string> inputs, outputs;
  };
  struct Tensor {
    std::string name;
    int type = 0;
    std::vector<long> shape;
    std::string raw;                              ///< the content, where it is in the file
    std::map<std::string, std::string> external;  ///< where it lies, where it is in another file
  };
  struct Port {
    std::string name;
    int type = 0;
    std::vector<std::string> shape;
  };

  long ir_version = 0, opset = 0;
  std::string producer, graph;
  std::map<std::string, std::string> metadata;
  std::vector<Node> nodes;
  std::vector<Tensor> tensors;
  std::vector<Port> inputs, outputs;

  bool has_tensor(const std::string& name) const;
  /// Throws std::out_of_range.
  const Tensor& tensor(const std::string& name) const;
};

/// Throws std::out_of_range when the file ends within a field, std::runtime_error for a field that onnx.proto does not
/// have.
OnnxFile read_onnx(const std::filesystem::path& file);

}  // namespace sharcs::internal::testing
