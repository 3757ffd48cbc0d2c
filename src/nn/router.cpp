#include "nn/router.hpp"

#include <algorithm>
#include <vector>

#include "core/eigen_map.hpp"
#include "core/threads.hpp"
#include "nn/pooling.hpp"

namespace sharcs::internal {

using kernels::Activation;
using kernels::Write;

template <class T>
RouterCache<T> router_forward(const Router<Linear<T>, const T>& router, ConstMatrix<T> x,
                              std::span<const Index> offsets, T eps, Workspace& workspace) {
  const Index samples = static_cast<Index>(offsets.size()) - 1;
  RouterCache<T> cache;
  cache.mean = workspace.matrix<T>(samples, x.cols);
  cache.activation = workspace.matrix<T>(samples, router.hidden.outputs());
  cache.logits = workspace.matrix<T>(samples, router.output.outputs());
  mean_over_tokens<T>(x, offsets.first(offsets.size() - 1), offsets.subspan(1), cache.mean);
  cache.normal = cache.mean;
  if (router.norm) {
    cache.normal = workspace.matrix<T>(samples, x.cols);
    cache.statistics = workspace.span<kernels::RowStatistics<T>>(samples);
    kernels::layer_norm<T>(cache.mean, router.norm.weight, router.norm.bias, eps, cache.normal, cache.statistics);
  }
  router.hidden.forward(cache.normal, cache.activation, {.activation = Activation::relu});
  router.output.forward(cache.activation, cache.logits);
  return cache;
}

template <class T>
void router_backward(const Router<Linear<T>, const T>& router, const RouterCache<T>& cache,
                     std::span<const Index> offsets, ConstMatrix<T> d_logits, const Router<LinearView<T>, T>& gradient,
                     MatrixView<T> d_x, Workspace& workspace) {
  const Workspace::Mark mark = workspace.mark();
  const Index samples = d_logits.rows;
  const MatrixView<T> d_hidden = workspace.matrix<T>(samples, cache.activation.cols);
  const MatrixView<T> d_mean = workspace.matrix<T>(samples, cache.mean.cols);
  router.output.backward_parameters(cache.activation, d_logits, gradient.output);
  router.output.backward_input(d_logits, d_hidden, Write::overwrite);
  for (Index s = 0; s < samples; ++s)
    for (Index c = 0; c < d_hidden.cols; ++c)
      if (cache.activation(s, c) <= 0) d_hidden(s, c) = 0;
  router.hidden.backward_parameters(cache.normal, d_hidden, gradient.hidden);
  router.hidden.backward_input(d_hidden, d_mean, Write::overwrite);
  if (router.norm)
    kernels::layer_norm_backward<T>(d_mean, cache.mean, cache.statistics, router.norm.weight, d_mean,
                                    gradient.norm.weight, gradient.norm.bias);
  mean_over_tokens_backward<T>(d_mean, offsets.first(offsets.size() - 1), offsets.subspan(1), d_x);
  workspace.release(mark);
}

template <class T>
ReductionCache<T> reduction_forward(const Router<Linear<T>, const T>& router, int width, Index hidden, T eps,
                                    ConstMatrix<T> x, Workspace& workspace) {
  const auto at = static_cast<std::size_t>(width);
  ReductionCache<T> cache;
  cache.reduced = x.leading(x.rows, hidden);
  cache.output = workspace.matrix<T>(x.rows, hidden);
  cache.statistics = workspace.span<kernels::RowStatistics<T>>(x.rows);
  if (!router.reduction_weights.empty()) {
    const std::span<const T> weights = router.reduction_weights[at];
    const Index group = static_cast<Index>(weights.size());
    const MatrixView<T> combined = workspace.matrix<T>(x.rows, hidden);
    parallel_for(x.rows, [&](Index t) {
      for (Index c = 0; c < hidden; ++c) {
        T sum = 0;
        for (Index g = 0; g < group; ++g) sum += x(t, c * group + g) * weights[g];
        combined(t, c) = sum;
      }
    });
    cache.reduced = combined;
  }
  const auto norm = router.reduction_norms[at];
  if (!norm) {
    eigen_map(cache.output) = eigen_map(cache.reduced);
    return cache;
  }
  kernels::layer_norm<T>(cache.reduced, norm.weight, norm.bias, eps, cache.output, cache.statistics);
  return cache;
}

template <class T>
void reduction_backward(const Router<Linear<T>, const T>& router, int width, ConstMatrix<T> x,
                        const ReductionCache<T>& cache, MatrixView<T> d_output,
                        const Router<LinearView<T>, T>& gradient, MatrixView<T> d_x) {
  const auto at = static_cast<std::size_t>(width);
  const auto d_norm = gradient.reduction_norms[at];
  if (const auto norm = router.reduction_norms[at])
    kernels::layer_norm_backward<T>(d_output, cache.reduced, cache.statistics, norm.weight, d_output, d_norm.weight,
                                    d_norm.bias);
  const Index hidden = d_output.cols;
  if (router.reduction_weights.empty()) {
    kernels::add<T>(d_output, d_x.leading(d_x.rows, hidden));
    return;
  }
  const std::span<const T> weights = router.reduction_weights[at];
  const std::span<T> d_weights = gradient.reduction_weights[at];
  const Index group = static_cast<Index>(weights.size());
  // Each is a sum over all tokens and dimensions that nearly cancels: in float its last digits would be noise.
  std::vector<double> sums(weights.size());
  for (Index t = 0; t < d_output.rows; ++t)
    for (Index c = 0; c < hidden; ++c)
      for (Index g = 0; g < group; ++g) {
        d_x(t, c * group + g) += d_output(t, c) * weights[g];
        sums[g] += static_cast<double>(d_output(t, c)) * static_cast<double>(x(t, c * group + g));
      }
  for (Index g = 0; g < group; ++g) d_weights[g] += static_cast<T>(sums[g]);
}

#define SHARCS_INSTANTIATE(T)                                                                                          \
  template RouterCache<T> router_forward<T>(const Router<Linear<T>, const T>&, ConstMatrix<T>, std::span<const Index>, \
                                            T, Workspace&);                                                            \
  template void router_backward<T>(const Router<Linear<T>, const T>&, const RouterCache<T>&, std::span<const Index>,   \
                                   ConstMatrix<T>, const Router<LinearView<T>, T>&, MatrixView<T>, Workspace&);        \
  template ReductionCache<T> reduction_forward<T>(const Router<Linear<T>, const T>&, int, Index, T, ConstMatrix<T>,    \
                                                  Workspace&);                                                         \
  template void reduction_backward<T>(const Router<Linear<T>, const T>&, int, ConstMatrix<T>,                          \
                                      const ReductionCache<T>&, MatrixView<T>, const Router<LinearView<T>, T>&,        \
                                      MatrixView<T>);

SHARCS_INSTANTIATE(float)
SHARCS_INSTANTIATE(double)
#undef SHARCS_INSTANTIATE

}  // namespace sharcs::internal
