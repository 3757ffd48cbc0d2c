#pragma once

#include "kernels/layer_norm.hpp"

namespace sharcs::internal {

/// Views of a LayerNorm's parameters, or of their gradients: [size] each. T may be const.
template <class T>
struct LayerNormView {
  T* weight = nullptr;
  T* bias = nullptr;

  operator LayerNormView<const T>() const requires(!std::is_const_v<T>) { return {weight, bias}; }
};

}  // namespace sharcs::internal
