// What happens to the rows of a tile on their way to memory. Included by files that are compiled once per SIMD target
// (hwy/foreach_target.h), hence the guard that opens again for each of them.
#if defined(SHARCS_KERNELS_EPILOGUE_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef SHARCS_KERNELS_EPILOGUE_INL_
#undef SHARCS_KERNELS_EPILOGUE_INL_
#else
#define SHARCS_KERNELS_EPILOGUE_INL_
#endif

#include <hwy/highway.h>

#include <cassert>

#include "kernels/gemm.hpp"
#include "kernels/vector_loop-inl.hpp"
#include "kernels/vector_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

template <class D, class V = hn::Vec<D>>
HWY_INLINE V activate(D d, V x, Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return gelu(d, x);
    case Activation::gelu_tanh:
      return gelu_tanh(d, x);
    case Activation::tanh:
      return tanh(d, x);
    case Activation::relu:
      return hn::Max(x, hn::Zero(d));
    case Activation::silu:
    case Activation::quick_gelu:
      return gated(d, x, gate_slope<float>(activation));
    case Activation::none:
      break;
  }
  return x;
}

/// The epilogue of one row of a tile, for any number of columns. sum_at(d, c): the product's elements from column c on,
/// as many as d has lanes. What it reads may not be y.
template <class SumAt>
HWY_INLINE void finish_columns(const SumAt& sum_at, Index cols, const Epilogue<float>& epilogue, Index row,
                               Index first_col, float* y) {
  assert(y != nullptr);
  const float* bias = epilogue.bias == nullptr ? nullptr : epilogue.bias + first_col;
  float* before = epilogue.pre_activation ? epilogue.pre_activation.row(row) + first_col : nullptr;
  const float* residual = epilogue.residual ? epilogue.residual.row(row) + first_col : nullptr;
  for_each_vector(cols, [=, activation = epilogue.activation](auto d, Index c) HWY_ATTR {
    auto v = sum_at(d, c);
    if (bias != nullptr) v = hn::Add(v, hn::LoadU(d, bias + c));
    if (before != nullptr) hn::StoreU(v, d, before + c);
    v = activate(d, v, activation);
    if (residual != nullptr) v = hn::Add(v, hn::LoadU(d, residual + c));
    hn::StoreU(v, d, y + c);
  });
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_EPILOGUE_INL_
