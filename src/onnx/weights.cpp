#include "onnx/weights.hpp"

#include <set>
#include <unordered_map>

#include "formats/checkpoint.hpp"
#include "kernels/int8_rows.hpp"
#include "model/low_precision.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::onnx {
namespace {

ModelConfig checked_config(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "config.json";
  ModelConfig config = ModelConfig::load(file);
  config.check(file.string());
  return config;
}

/// Makes views of what has been read.
struct Binder {
  ParameterStore<float>& floats;
  const std::unordered_map<std::string, Int8Values>& int8;

  LinearWeight linear(const LinearPart& layer) {
    LinearWeight linear = {.name = layer.name, .tied_to = layer.tied_to};
    // Several layers of one parameter are written apart.
    if (layer.rows() > layer.outputs) linear.name += "." + std::to_string(layer.first_row / layer.outputs);
    if (layer.has_bias) linear.bias = floats.values(layer.name + ".bias").data() + layer.first_row;
    if (const auto found = int8.find(layer.weight()); found != int8.end()) {
      linear.int8 = {found->second.values.row_range(layer.first_row, layer.outputs),
                     found->second.scales + layer.first_row};
    } else {
      const MatrixView<const float> all(floats.values(layer.weight()).data(), layer.rows(), layer.inputs);
      linear.weight = all.row_range(layer.first_row, layer.outputs);
    }
    return linear;
  }
  LayerNormView<const float> norm(const NormPart& norm) {
    return {floats.values(norm.name + ".weight").data(),
            norm.has_bias ? floats.values(norm.name + ".bias").data() : nullptr};
  }
  MatrixView<const float> table(const std::string& name, Index rows, Index cols) {
    if (int8.contains(name)) return {};
    return {floats.values(name).data(), rows, cols};
  }
  std::span<const float> constants(const std::string& name, Index, double, int) { return floats.values(name); }
};

}  // namespace

StoredModel::StoredModel(const std::filesystem::path& folder, std::optional<Precision> precision)
    : config_(checked_config(folder)), widths_(config_) {
  CheckpointReader reader(folder, config_, {});
  if (reader.holds_int8() && precision.value_or(Precision::int8) != Precision::int8)
    throw CheckpointError(reader.path().string() + ": holds int8 weights; expected fp32 ones for precision fp32");
  precision_ = precision.value_or(reader.holds_int8() ? Precision::int8 : Precision::fp32);

  const std::vector<ParameterSpec> specs = reader.complete_specs(config_, folder / "config.json");
  std::vector<ParameterSpec> as_floats;
  std::vector<const ParameterSpec*> as_int8;
  for (const ParameterSpec& spec : specs) {
    const bool is_int8 =
        reader.holds_int8() ? reader.is_int8(spec) : precision_ == Precision::int8 && becomes_int8(config_, spec);
    if (is_int8)
      as_int8.push_back(&spec);
    else
      as_floats.push_back(spec);
  }
  layout_.emplace(std::move(as_floats));
  floats_.emplace(*layout_);
  for (const ParameterSpec& spec : layout_->specs()) {
    const std::span<float> values = floats_->values(spec.name);
    reader.read(spec, values);
    names_.emplace(values.data(), spec.name);
  }
  std::unordered_map<std::string, Int8Values> int8;
  for (const ParameterSpec* spec : as_int8) {
    const auto size = static_cast<std::size_t>(spec->size());
    Int8Memory& memory = int8_.emplace_back();
    memory.values.resize(size);
    memory.scales.resize(static_cast<std::size_t>(spec->shape[0]));
    if (reader.is_int8(*spec)) {
      const MatrixView<const std::int8_t> stored = reader.read_int8(*spec, memory.scales);
      std::copy_n(stored.data, size, memory.values.begin());
    } else {
      std::vector<float> weight(size);
      reader.read(*spec, std::span(weight));
      kernels::quantize_weight({weight.data(), spec->shape[0], spec->shape[1]},
                               {memory.values.data(), spec->shape[0], spec->shape[1]}, memory.scales);
    }
    int8[spec->name] = {{memory.values.data(), spec->shape[0], spec->shape[1]}, memory.scales.data()};
    if (!spec->packed) int8_words_ = int8[spec->name];  // of the tables, only the words'
  }
  tree_ = build_encoder_tree<LinearWeight, const float>(config_, widths_, Binder{*floats_, int8});
}

}  // namespace sharcs::internal::onnx
