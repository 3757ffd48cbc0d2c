#include "model/encoder_tree.hpp"

namespace sharcs::internal {
namespace {

struct Nothing {};

/// Collects names and shapes.
struct SpecCollector {
  std::vector<ParameterSpec> specs;

  Nothing linear(const std::string& name, Index outputs, Index inputs, Component component) {
    specs.push_back({.name = name + ".weight", .shape = {outputs, inputs}, .component = component, .packed = true});
    specs.push_back({.name = name + ".bias", .shape = {outputs}, .initial = Initial::zeros, .component = component});
    return {};
  }
  LayerNormView<float> norm(const std::string& name, Index size, int width, const std::string& starts_from) {
    for (const auto& [part, initial] : {std::pair(".weight", Initial::ones), std::pair(".bias", Initial::zeros)})
      specs.push_back({.name = name + part,
                       .shape = {size},
                       .initial = initial,
                       .width = width,
                       .starts_from = starts_from.empty() ? starts_from : starts_from + part});
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

  LinearView<T> linear(const std::string& name, Index outputs, Index inputs, Component) {
    return {MatrixView<T>(store.values(name + ".weight").data(), outputs, inputs), store.values(name + ".bias").data()};
  }
  LayerNormView<T> norm(const std::string& name, Index, int, const std::string&) {
    return {store.values(name + ".weight").data(), store.values(name + ".bias").data()};
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
