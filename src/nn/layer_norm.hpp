#pragma once

#include "kernels/layer_norm.hpp"

namespace sharcs::internal {

/// Views of a LayerNorm's parameters, or of their gradients: [size] each. T may be const. The bias may be null; where
/// the weight is, there is no LayerNorm.
template <class T>
struct LayerNormView {
  T* weight = nullptr;
  T* bias = nullptr;

  explicit operator bool() const { return weight != nullptr; }
  operator LayerNormView<const T>() const requires(!std::is_const_v<T>) { return {weight, bias}; }
};

}  // namespace sharcs::internal
