#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sharcs::internal::onnx {

/// The opset that graphs are written for: the first one with LayerNormalization. ONNX Runtime runs it from 1.11 on.
inline constexpr int opset = 17;

/// Numbers of onnx.proto's TensorProto.DataType.
enum class ElementType { float32 = 1, uint8 = 2, int8 = 3, int32 = 6, int64 = 7 };

/// A value of a graph, by its name.
using Value = std::string;

/// A size of an input or output: a number, or the name of a size that differs from call to call ("batch_size").
using Dimension = std::variant<std::int64_t, std::string>;

struct Attribute {
  std::string name;
  std::variant<std::int64_t, float, std::vector<std::int64_t>> value;
};

/// A model in the making: nodes in the order in which they run, and constants. Written by save().
class Graph {
 public:
  explicit Graph(std::string name) : name_(std::move(name)) {}

  /// Nodes are named after the part of the model that they belong to, from now on this one: "layer.3/attention".
  void begin(std::string part) { part_ = std::move(part); }

  Value input(const std::string& name, ElementType type, std::vector<Dimension> shape);
  /// Gives a value that a node makes the name of an output.
  void output(const Value& value, const std::string& name, std::vector<Dimension> shape);

  /// Adds a node with one result.
  Value node(const std::string& operation, std::vector<Value> inputs, std::vector<Attribute> attributes = {});

  Value number(float value);
  Value integers(const std::vector<std::int64_t>& values);
  Value integer(std::int64_t value);
  /// A constant. Called again with the same name, it is the one that is there already. `content` gives the bytes when
  /// the graph is written, so that they take memory one tensor at a time.
  Value tensor(const std::string& name, ElementType type, std::vector<std::int64_t> shape,
               std::function<std::vector<std::byte>()> content);
  /// The same of numbers that are at hand.
  template <class T>
  Value tensor(const std::string& name, ElementType type, std::vector<std::int64_t> shape, std::vector<T> values) {
    return tensor(name, type, std::move(shape), [values = std::move(values)] {
      const auto bytes = std::as_bytes(std::span(values));
      return std::vector<std::byte>(bytes.begin(), bytes.end());
    });
  }

  const std::vector<std::string>& inputs() const { return input_names_; }
  const std::vector<std::string>& outputs() const { return output_names_; }

  /// The greatest file that is one protobuf message: readers refuse more than 2 GB.
  static constexpr std::uint64_t greatest_file = (std::uint64_t{1} << 31) - (1 << 20);

  /// Writes an .onnx file, atomically. A graph that would be larger than `greatest` has its weights in a second file
  /// beside it, with "_data" after its name. metadata: pairs of key and value. Returns the bytes written. Throws
  /// IoError.
  std::uint64_t save(const std::filesystem::path& file, const std::map<std::string, std::string>& metadata,
                     std::uint64_t greatest = greatest_file) const;

 private:
  struct Node {
    std::string name, operation;
    std::vector<Value> inputs;
    Value result;
    std::vector<Attribute> attributes;
  };
  struct Tensor {
    std::string name;
    ElementType type;
    std::vector<std::int64_t> shape;
    std::function<std::vector<std::byte>()> content;

    std::uint64_t bytes() const;
  };
  struct Port {
    std::string name;
    ElementType type;
    std::vector<Dimension> shape;
  };

  std::string name_, part_;
  std::vector<Node> nodes_;
  std::vector<Tensor> tensors_;
  std::vector<Port> inputs_, outputs_;
  std::vector<std::string> input_names_, output_names_;
  std::set<std::string> tensor_names_;
  std::map<std::string, int> uses_;  // of a node's name
};

}  // namespace sharcs::internal::onnx
