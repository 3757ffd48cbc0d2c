#include "model/encoder_tree.hpp"

namespace sharcs::internal {
namespace {

struct Nothing {};

/// Collects names and shapes.
struct SpecCollector {
  std::vector<ParameterSpec> specs;

  Nothing linear(const LinearPart& layer) {
    if (layer.first_row > 0) return {};
    const Index rows = layer.rows();
    if (layer.tied_to.empty())
      specs.push_back(
          {.name = layer.weight(), .shape = {rows, layer.inputs}, .component = layer.component, .packed = true});
    if (!layer.has_bias) return {};
    specs.push_back(
        {.name = layer.name + ".bias", .shape = {rows}, .initial = Initial::zeros, .component = layer.component});
    return {};
  }
  LayerNormView<float> norm(const NormPart& norm) {
    for (const auto& [part, initial] : {std::pair(".weight", Initial::ones), std::pair(".bias", Initial::zeros)}) {
      if (initial == Initial::zeros && !norm.has_bias) continue;
      specs.push_back({.name = norm.name + part,
                       .shape = {norm.size},
                       .initial = initial,
                       .width = norm.width,
                       .component = norm.component,
                       .starts_from = norm.starts_from.empty() ? norm.starts_from : norm.starts_from + part});
    }
    return {};
  }
  MatrixView<float> table(const std::string& name, Index rows, Index cols) {
    specs.push_back({.name = name, .shape = {rows, cols}});
    return {};
  }
  std::span<float> constants(const std::string& name, Index count, double value, int width) {
    specs.push_back(
        {.name = name, .shape = {count, 1}, .initial = Initial::constant, .constant = value, .width = width});
    return {};
  }
};

template <class T>
struct StoreBinder {
  ParameterStore<T>& store;

  LinearView<T> linear(const LinearPart& layer) {
    const MatrixView<T> all(store.values(layer.weight()).data(), layer.rows(), layer.inputs);
    return {all.row_range(layer.first_row, layer.outputs),
            layer.has_bias ? store.values(layer.name + ".bias").data() + layer.first_row : nullptr};
  }
  LayerNormView<T> norm(const NormPart& norm) {
    return {store.values(norm.name + ".weight").data(),
            norm.has_bias ? store.values(norm.name + ".bias").data() : nullptr};
  }
  MatrixView<T> table(const std::string& name, Index rows, Index cols) {
    return {store.values(name).data(), rows, cols};
  }
  std::span<T> constants(const std::string& name, Index, double, int) { return store.values(name); }
};

}  // namespace

std::vector<ParameterSpec> parameter_specs(const ModelConfig& config, const WidthSet& widths) {
  SpecCollector collector;
  build_encoder_tree<Nothing, float>(config, widths, collector);
  return std::move(collector.specs);
}

template <class T>
EncoderParameters<T> bind_parameters(const ModelConfig& config, const WidthSet& widths, ParameterStore<T>& store) {
  return build_encoder_tree<LinearView<T>, T>(config, widths, StoreBinder<T>{store});
}

template EncoderParameters<float> bind_parameters(const ModelConfig&, const WidthSet&, ParameterStore<float>&);
template EncoderParameters<double> bind_parameters(const ModelConfig&, const WidthSet&, ParameterStore<double>&);

}  // namespace sharcs::internal
