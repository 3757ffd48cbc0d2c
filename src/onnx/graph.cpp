#include "onnx/graph.hpp"

#include <algorithm>
#include <cassert>

#include "core/number.hpp"
#include "io/file.hpp"
#include "onnx/protobuf.hpp"

namespace sharcs::internal::onnx {
namespace {

// The fields of onnx.proto, by message (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
namespace model {
constexpr int ir_version = 1, producer_name = 2, producer_version = 3, graph = 7, opset_import = 8, metadata = 14;
}
namespace graph {
constexpr int node = 1, name = 2, initializer = 5, input = 11, output = 12;
}
namespace node {
constexpr int input = 1, output = 2, name = 3, operation = 4, attribute = 5;
}
namespace attribute {
constexpr int name = 1, real = 2, integer = 3, integers = 8, type = 20;
constexpr std::uint64_t type_real = 1, type_integer = 2, type_integers = 7;
}  // namespace attribute
namespace tensor {
constexpr int dimension = 1, type = 2, name = 8, raw_data = 9, external_data = 13, data_location = 14;
constexpr std::uint64_t location_external = 1;
}  // namespace tensor
constexpr int ir_version_of_opset_17 = 8;

/// A pair of two texts: metadata, and where external data lie.
Message entry(const std::string& key, const std::string& value) { return Message().text(1, key).text(2, value); }

Message encoded(const Attribute& of) {
  Message message;
  message.text(attribute::name, of.name);
  if (const auto* integer = std::get_if<std::int64_t>(&of.value))
    return message.number(attribute::integer, static_cast<std::uint64_t>(*integer))
        .number(attribute::type, attribute::type_integer);
  if (const auto* real = std::get_if<float>(&of.value))
    return message.real(attribute::real, *real).number(attribute::type, attribute::type_real);
  for (const std::int64_t integer : std::get<std::vector<std::int64_t>>(of.value))
    message.number(attribute::integers, static_cast<std::uint64_t>(integer));
  return message.number(attribute::type, attribute::type_integers);
}

/// ValueInfoProto: name (1), type (2) with tensor_type (1), with elem_type (1) and shape (2), with a dim (1) each,
/// which has a number (1) or a name (2).
Message encoded(const std::string& name, ElementType type, const std::vector<Dimension>& dimensions) {
  Message shape;
  for (const Dimension& dimension : dimensions) {
    const auto* number = std::get_if<std::int64_t>(&dimension);
    shape.message(1, number != nullptr ? Message().number(1, static_cast<std::uint64_t>(*number))
                                       : Message().text(2, std::get<std::string>(dimension)));
  }
  const Message tensor_type = Message().number(1, static_cast<std::uint64_t>(type)).message(2, shape);
  return Message().text(1, name).message(2, Message().message(1, tensor_type));
}

}  // namespace

std::uint64_t Graph::Tensor::bytes() const {
  std::uint64_t bytes = type == ElementType::int64                                ? 8
                        : type == ElementType::uint8 || type == ElementType::int8 ? 1
                                                                                  : 4;
  for (const std::int64_t extent : shape) bytes *= static_cast<std::uint64_t>(extent);
  return bytes;
}

Value Graph::input(const std::string& name, ElementType type, std::vector<Dimension> shape) {
  inputs_.push_back({name, type, std::move(shape)});
  input_names_.push_back(name);
  return name;
}

void Graph::output(const Value& value, const std::string& name, std::vector<Dimension> shape) {
  for (Node& node : nodes_) {
    if (node.result == value) node.result = name;
    std::ranges::replace(node.inputs, value, name);
  }
  outputs_.push_back({name, ElementType::float32, std::move(shape)});
  output_names_.push_back(name);
}

Value Graph::node(const std::string& operation, std::vector<Value> inputs, std::vector<Attribute> attributes) {
  std::string name = part_ + "/" + operation;
  if (const int uses = uses_[name]++; uses > 0) name += "_" + std::to_string(uses + 1);
  nodes_.push_back({name, operation, std::move(inputs), name + "_output", std::move(attributes)});
  return nodes_.back().result;
}

Value Graph::number(float value) {
  return tensor("number_" + short_number(static_cast<double>(value)), ElementType::float32, {}, std::vector{value});
}

Value Graph::integer(std::int64_t value) {
  return tensor("integer_" + std::to_string(value), ElementType::int64, {}, std::vector{value});
}

Value Graph::integers(const std::vector<std::int64_t>& values) {
  std::string name = "integers";
  for (const std::int64_t value : values) name += "_" + std::to_string(value);
  return tensor(name, ElementType::int64, {std::ssize(values)}, values);
}

Value Graph::tensor(const std::string& name, ElementType type, std::vector<std::int64_t> shape,
                    std::function<std::vector<std::byte>()> content) {
  if (tensor_names_.insert(name).second) tensors_.push_back({name, type, std::move(shape), std::move(content)});
  return name;
}

std::uint64_t Graph::save(const std::filesystem::path& file, const std::map<std::string, std::string>& metadata,
                          std::uint64_t greatest) const {
  Message before;  // of the graph
  for (const Node& each : nodes_) {
    Message message;
    for (const Value& value : each.inputs) message.text(node::input, value);
    message.text(node::output, each.result).text(node::name, each.name).text(node::operation, each.operation);
    for (const Attribute& of : each.attributes) message.message(node::attribute, encoded(of));
    before.message(graph::node, message);
  }
  before.text(graph::name, name_);
  for (const Port& port : inputs_) before.message(graph::input, encoded(port.name, port.type, port.shape));
  for (const Port& port : outputs_) before.message(graph::output, encoded(port.name, port.type, port.shape));

  std::uint64_t content = 0;
  for (const Tensor& each : tensors_) content += each.bytes();
  const std::filesystem::path data_file = file.string() + "_data";
  const bool apart = before.bytes().size() + content > greatest;
  // Only what is worth it goes into the second file: shapes have to be known when the graph is read.
  constexpr std::uint64_t least_apart = 1024;
  std::vector<std::string> heads;  // each tensor up to its content
  std::uint64_t size = before.bytes().size(), data_size = 0;
  for (const Tensor& each : tensors_) {
    Message message;
    for (const std::int64_t extent : each.shape) message.number(tensor::dimension, static_cast<std::uint64_t>(extent));
    message.number(tensor::type, static_cast<std::uint64_t>(each.type)).text(tensor::name, each.name);
    const bool is_apart = apart && each.bytes() >= least_apart;
    if (is_apart) {
      message.message(tensor::external_data, entry("location", data_file.filename().string()))
          .message(tensor::external_data, entry("offset", std::to_string(data_size)))
          .message(tensor::external_data, entry("length", std::to_string(each.bytes())))
          .number(tensor::data_location, tensor::location_external);
      data_size += each.bytes();
    } else {
      message.begin(tensor::raw_data, each.bytes());
    }
    const std::uint64_t inside = is_apart ? 0 : each.bytes();
    heads.push_back(Message().begin(graph::initializer, message.bytes().size() + inside).bytes() + message.bytes());
    size += heads.back().size() + inside;
  }

  Message model_begin;
  model_begin.number(model::ir_version, ir_version_of_opset_17).text(model::producer_name, "sharcs");
  model_begin.text(model::producer_version, SHARCS_VERSION);
  model_begin.message(model::opset_import, Message().text(1, "").number(2, opset));
  for (const auto& [key, value] : metadata) model_begin.message(model::metadata, entry(key, value));
  model_begin.begin(model::graph, size);

  const auto write_content = [](const Tensor& each, FileWriter& writer) {
    const std::vector<std::byte> bytes = each.content();
    assert(bytes.size() == each.bytes());
    writer.write(bytes);
  };
  if (apart)
    write_file_atomically(data_file, [&](FileWriter& writer) {
      for (const Tensor& each : tensors_)
        if (each.bytes() >= least_apart) write_content(each, writer);
    });
  const WrittenFile written = write_file_atomically(file, [&](FileWriter& writer) {
    writer.write(model_begin.bytes());
    writer.write(before.bytes());
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      writer.write(heads[i]);
      if (!apart || tensors_[i].bytes() < least_apart) write_content(tensors_[i], writer);
    }
  });
  return written.size + data_size;
}

}  // namespace sharcs::internal::onnx
