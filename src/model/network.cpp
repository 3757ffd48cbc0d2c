#include "model/network.hpp"

#include <algorithm>

#include "core/random.hpp"
#include "model/low_precision.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

/// Linear layers get a view of their weight, to be packed from; everything else is a view.
template <class T>
struct EncoderBinder {
  ParameterStore<T>& store;

  Linear<T> linear(const LinearPart& layer) {
    const MatrixView<const T> all(store.values(layer.weight()).data(), layer.rows(), layer.inputs);
    return {.bias = layer.has_bias ? store.values(layer.name + ".bias").data() + layer.first_row : nullptr,
            .weight = all.row_range(layer.first_row, layer.outputs)};
  }
  LayerNormView<const T> norm(const NormPart& norm) {
    return {store.values(norm.name + ".weight").data(),
            norm.has_bias ? store.values(norm.name + ".bias").data() : nullptr};
  }
  MatrixView<const T> table(const std::string& name, Index rows, Index cols) {
    return {store.values(name).data(), rows, cols};
  }
  std::span<const T> constants(const std::string& name, Index, double, int) { return store.values(name); }
};

const ModelConfig& checked(const ModelConfig& config) {
  config.check();
  return config;
}

}  // namespace

template <class T>
Network<T>::Network(const ModelConfig& config)
    : layout_(parameter_specs(config, WidthSet(checked(config)))), values_(layout_), encoder_(config) {
  encoder_.weights = build_encoder_tree<Linear<T>, const T>(config, encoder_.widths, EncoderBinder<T>{values_});
}

template <class T>
void Network<T>::set_policy(std::optional<PolicyRule> rule) {
  std::optional<SharcsConfig>& sharcs = encoder_.config.sharcs;
  if (rule) {
    if (!sharcs) throw ConfigError("a plain encoder has one answer only; there is nothing for a policy to choose");
    rule->check(encoder_.config, "the policy");
  }
  if (sharcs) sharcs->policy = std::move(rule);
}

template <class T>
void Network<T>::initialise(std::uint64_t seed) {
  for (std::size_t i = 0; i < layout_.specs().size(); ++i) initialise(i, seed);
}

template <class T>
void Network<T>::initialise(std::size_t parameter, std::uint64_t seed) {
  const ParameterSpec& spec = layout_.specs()[parameter];
  const std::span<T> values = values_.values(parameter);
  switch (spec.initial) {
    case Initial::zeros:
      std::fill(values.begin(), values.end(), T(0));
      break;
    case Initial::ones:
      std::fill(values.begin(), values.end(), T(1));
      break;
    case Initial::constant:
      std::fill(values.begin(), values.end(), static_cast<T>(spec.constant));
      break;
    case Initial::normal: {
      Random random(derive_key(seed, spec.name));
      for (T& value : values) value = static_cast<T>(config().initializer_range * random.normal());
    }
  }
}

template <class T>
void Network<T>::pack() {
  for_each_linear(encoder_.weights, [&](Linear<T>& linear) {
    const auto holds = [&](std::span<const T> values) {
      return linear.weight.data >= values.data() && linear.weight.data < values.data() + values.size();
    };
    std::size_t i = 0;
    while (!holds(values_.values(i))) ++i;
    const bool follows = becomes_bf16(config(), layout_.specs()[i]);
    linear.packed.pack(linear.weight, follows ? product_numbers_ : kernels::Numbers::whole);
  });
}

template class Network<float>;
template class Network<double>;

}  // namespace sharcs::internal
