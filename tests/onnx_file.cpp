#include "onnx_file.hpp"

#include <functional>
#include <stdexcept>
#include <string_view>

#include "io/file.hpp"

namespace sharcs::internal::testing {
namespace {

/// A field: its number, and its value as a number or as bytes.
struct Field {
  int number;
  unsigned long value;
  std::string_view bytes;
};

unsigned long take_number(std::string_view& bytes) {
  unsigned long value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.at(0));
    bytes.remove_prefix(1);
    value |= static_cast<unsigned long>(byte & 127u) << shift;
    if (byte < 128) return value;
  }
}

void for_each_field(std::string_view bytes, const std::function<void(const Field&)>& body) {
  while (!bytes.empty()) {
    const unsigned long tag = take_number(bytes);
    Field field = {.number = static_cast<int>(tag >> 3), .value = 0, .bytes = {}};
    if ((tag & 7u) == 0) {
      field.value = take_number(bytes);
    } else {
      const std::size_t size = (tag & 7u) == 5 ? 4 : take_number(bytes);
      if (size > bytes.size()) throw std::out_of_range("a field goes beyond its message");
      field.bytes = bytes.substr(0, size);
      bytes.remove_prefix(size);
    }
    body(field);
  }
}

[[noreturn]] void unknown(const char* message, const Field& field) {
  throw std::runtime_error(std::string(message) + " has no field " + std::to_string(field.number));
}

std::pair<std::string, std::string> entry_of(std::string_view bytes) {
  std::pair<std::string, std::string> entry;
  for_each_field(bytes, [&](const Field& field) { (field.number == 1 ? entry.first : entry.second) = field.bytes; });
  return entry;
}

OnnxFile::Node node_of(std::string_view bytes) {
  OnnxFile::Node node;
  for_each_field(bytes, [&](const Field& field) {
    switch (field.number) {
      case 1:
        node.inputs.emplace_back(field.bytes);
        break;
      case 2:
        node.outputs.emplace_back(field.bytes);
        break;
      case 3:
        node.name = field.bytes;
        break;
      case 4:
        node.operation = field.bytes;
        break;
      case 5:
        break;  // attributes: onnx.checker looks at them
      default:
        unknown("NodeProto", field);
    }
  });
  return node;
}

OnnxFile::Tensor tensor_of(std::string_view bytes) {
  OnnxFile::Tensor tensor;
  for_each_field(bytes, [&](const Field& field) {
    switch (field.number) {
      case 1:
        tensor.shape.push_back(static_cast<long>(field.value));
        break;
      case 2:
        tensor.type = static_cast<int>(field.value);
        break;
      case 8:
        tensor.name = field.bytes;
        break;
      case 9:
        tensor.raw = field.bytes;
        break;
      case 13:
        tensor.external.insert(entry_of(field.bytes));
        break;
      case 14:
        break;
      default:
        unknown("TensorProto", field);
    }
  });
  return tensor;
}

OnnxFile::Port port_of(std::string_view bytes) {
  OnnxFile::Port port;
  const auto dimension = [&](const Field& field) {
    for_each_field(field.bytes, [&](const Field& of) {
      port.shape.push_back(of.number == 1 ? std::to_string(of.value) : std::string(of.bytes));
    });
  };
  const auto tensor_type = [&](const Field& field) {
    if (field.number == 1)
      port.type = static_cast<int>(field.value);
    else
      for_each_field(field.bytes, dimension);
  };
  for_each_field(bytes, [&](const Field& field) {
    if (field.number == 1) port.name = field.bytes;
    if (field.number == 2)
      for_each_field(field.bytes, [&](const Field& type) { for_each_field(type.bytes, tensor_type); });
  });
  return port;
}

}  // namespace

bool OnnxFile::has_tensor(const std::string& name) const {
  for (const Tensor& each : tensors)
    if (each.name == name) return true;
  return false;
}

const OnnxFile::Tensor& OnnxFile::tensor(const std::string& name) const {
  for (const Tensor& each : tensors)
    if (each.name == name) return each;
  throw std::out_of_range("no tensor " + name);
}

OnnxFile read_onnx(const std::filesystem::path& path) {
  OnnxFile file;
  const auto graph = [&](const Field& field) {
    switch (field.number) {
      case 1:
        file.nodes.push_back(node_of(field.bytes));
        break;
      case 2:
        file.graph = field.bytes;
        break;
      case 5:
        file.tensors.push_back(tensor_of(field.bytes));
        break;
      case 11:
        file.inputs.push_back(port_of(field.bytes));
        break;
      case 12:
        file.outputs.push_back(port_of(field.bytes));
        break;
      default:
        unknown("GraphProto", field);
    }
  };
  const std::string text = read_text_file(path);
  for_each_field(text, [&](const Field& field) {
    switch (field.number) {
      case 1:
        file.ir_version = static_cast<long>(field.value);
        break;
      case 2:
        file.producer = field.bytes;
        break;
      case 3:
        break;  // the producer's version
      case 7:
        for_each_field(field.bytes, graph);
        break;
      case 8:
        for_each_field(field.bytes, [&](const Field& of) {
          if (of.number == 2) file.opset = static_cast<long>(of.value);
        });
        break;
      case 14:
        file.metadata.insert(entry_of(field.bytes));
        break;
      default:
        unknown("ModelProto", field);
    }
  });
  return file;
}

}  // namespace sharcs::internal::testing
