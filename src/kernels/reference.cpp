#include "kernels/reference.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/eigen_map.hpp"
#include "core/random.hpp"
#include "core/threads.hpp"

namespace sharcs::internal::kernels::reference {
namespace {

template <class T>
T activate(T x, Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return gelu(x);
    case Activation::gelu_tanh:
      return gelu_tanh(x);
    case Activation::tanh:
      return std::tanh(x);
    case Activation::relu:
      return x > 0 ? x : T(0);
    case Activation::none:
      break;
  }
  return x;
}

/// The logistic function of 2 √(2/π) · (x + 0.044715 x³): 1/2 · (1 + tanh) of half of it, without its cancellation.
template <class T>
T gelu_tanh_gate(T x) {
  const T inner = std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T> * (x + T(0.044715) * x * x * x);
  return T(1) / (T(1) + std::exp(T(-2) * inner));
}

/// Calls body(r) for every row, on more than one thread where the elements are worth it.
template <class Body>
void for_each_row(Index rows, Index cols, const Body& body) {
  parallel_ranges(rows, grain(8192, cols), [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) body(r);
  });
}

/// The rows of one (sample, head), and where its probabilities [queries, tokens] begin.
struct HeadBlock {
  Index first_query, queries;
  Index first_token, tokens;
  Index first_col, cols;
  Index probabilities;

  template <class U>
  MatrixView<U> of_queries(MatrixView<U> m) const {
    return m.block(first_query, first_col, queries, cols);
  }
  template <class U>
  MatrixView<U> of_tokens(MatrixView<U> m) const {
    return m.block(first_token, first_col, tokens, cols);
  }
};

template <class T, class Body>
void for_each_head(const Attention<T>& problem, const Body& body) {
  const Index samples = static_cast<Index>(problem.offsets.size()) - 1;
  std::vector<HeadBlock> blocks;
  Index probabilities = 0;
  for (Index s = 0; s < samples; ++s) {
    const Index first_query = problem.query_offsets[s], queries = problem.query_offsets[s + 1] - first_query;
    const Index first_token = problem.offsets[s], tokens = problem.offsets[s + 1] - first_token;
    for (Index h = 0; h < problem.heads; ++h, probabilities += queries * tokens)
      blocks.push_back(
          {first_query, queries, first_token, tokens, h * problem.head_size, problem.head_size, probabilities});
  }
  const Index count = static_cast<Index>(blocks.size());
  const Index pairs = probabilities / std::max<Index>(count, 1);  // of a query and a key, the mean over the heads
  for_each_row(count, pairs * problem.head_size, [&](Index i) { body(blocks[i], i % problem.heads); });
}

template <class T>
RowMajorMatrix<T> softmax_scores(const Attention<T>& problem, const HeadBlock& block) {
  RowMajorMatrix<T> p =
      eigen_map(block.of_queries(problem.query)) * eigen_map(block.of_tokens(problem.key)).transpose();
  p *= T(1) / std::sqrt(static_cast<T>(problem.head_size));
  for (Index r = 0; r < p.rows(); ++r) {
    p.row(r) = (p.row(r).array() - p.row(r).maxCoeff()).exp();
    p.row(r) /= p.row(r).sum();
  }
  return p;
}

/// Rows of the probabilities' mask are numbered token by token, head by head.
template <class T>
void drop_probabilities(RowMajorMatrix<T>& p, const Attention<T>& problem, const HeadBlock& block, Index head,
                        const Dropout& dropout_of) {
  if (!dropout_of.active()) return;
  for (Index r = 0; r < p.rows(); ++r) {
    Dropout row = dropout_of;
    row.first_row = (dropout_of.first_row + block.first_token + r) * problem.heads + head;
    reference::dropout(MatrixView<T>(p.data() + r * p.cols(), 1, p.cols()), row);
  }
}

}  // namespace

template <class T>
T gelu(T x) {
  return T(0.5) * x * (T(1) + std::erf(x / std::numbers::sqrt2_v<T>));
}

template <class T>
T gelu_tanh(T x) {
  return x * gelu_tanh_gate(x);
}

template <class T>
void multiply(std::span<const Product<T>> products) {
  for (const Product<T>& p : products) {
    const auto w = p.weight->row_major().leading(p.slice.outputs, p.slice.inputs);
    RowMajorMatrix<T> y = eigen_map(p.x) * eigen_map(w).transpose();
    const auto& e = p.epilogue;
    for_each_row(p.y.rows, p.y.cols, [&](Index r) {
      for (Index c = 0; c < p.y.cols; ++c) {
        T v = y(r, c);
        if (e.bias != nullptr) v += e.bias[c];
        if (e.pre_activation) e.pre_activation(r, c) = v;
        v = activate(v, e.activation);
        if (e.residual) v += e.residual(r, c);
        p.y(r, c) = v;
      }
    });
  }
}

template <class T>
void multiply_nn(std::span<const Term<T>> terms, MatrixView<T> y, Write write) {
  auto out = eigen_map(y);
  if (write == Write::overwrite) out.setZero();
  for (const Term<T>& term : terms) out.noalias() += eigen_map(term.a) * eigen_map(term.b);
}

template <class T>
void multiply_tn(std::span<const TransposedProduct<T>> products, Write write) {
  for (const TransposedProduct<T>& p : products) {
    auto out = eigen_map(p.y);
    if (write == Write::overwrite) out.setZero();
    out.noalias() += eigen_map(p.a).transpose() * eigen_map(p.b);
  }
}

template <class T>
void attention(const Attention<T>& problem, MatrixView<T> context) {
  for_each_head(problem, [&](const HeadBlock& block, Index) {
    eigen_map(block.of_queries(context)).noalias() =
        softmax_scores(problem, block) * eigen_map(block.of_tokens(problem.value));
  });
}

template <class T>
void attention_forward(const Attention<T>& problem, const Dropout& dropout_of, MatrixView<T> context,
                       std::span<T> probabilities) {
  for_each_head(problem, [&](const HeadBlock& block, Index head) {
    RowMajorMatrix<T> p = softmax_scores(problem, block);
    std::copy_n(p.data(), p.size(), probabilities.data() + block.probabilities);
    drop_probabilities(p, problem, block, head, dropout_of);
    eigen_map(block.of_queries(context)).noalias() = p * eigen_map(block.of_tokens(problem.value));
  });
}

template <class T>
void attention_backward(const Attention<T>& problem, const Dropout& dropout_of, std::span<const T> probabilities,
                        MatrixView<const T> d_context, MatrixView<T> d_query, MatrixView<T> d_key,
                        MatrixView<T> d_value) {
  const T scale = T(1) / std::sqrt(static_cast<T>(problem.head_size));
  for_each_head(problem, [&](const HeadBlock& block, Index head) {
    const auto p =
        eigen_map(MatrixView<const T>(probabilities.data() + block.probabilities, block.queries, block.tokens));
    const auto dc = eigen_map(block.of_queries(d_context));
    RowMajorMatrix<T> dropped = p;
    drop_probabilities(dropped, problem, block, head, dropout_of);
    eigen_map(block.of_tokens(d_value)).noalias() = dropped.transpose() * dc;
    RowMajorMatrix<T> ds = dc * eigen_map(block.of_tokens(problem.value)).transpose();
    drop_probabilities(ds, problem, block, head, dropout_of);
    const Eigen::Matrix<T, Eigen::Dynamic, 1> inner = (ds.array() * p.array()).rowwise().sum();
    ds = p.array() * (ds.colwise() - inner).array();
    eigen_map(block.of_queries(d_query)).noalias() = ds * eigen_map(block.of_tokens(problem.key)) * scale;
    eigen_map(block.of_tokens(d_key)).noalias() = ds.transpose() * eigen_map(block.of_queries(problem.query)) * scale;
  });
}

template <class T>
void layer_norm(MatrixView<const T> x, const T* weight, const T* bias, T eps, MatrixView<T> y,
                std::span<RowStatistics<T>> statistics) {
  for_each_row(x.rows, x.cols, [&](Index r) {
    T mean = 0, variance = 0;
    for (Index c = 0; c < x.cols; ++c) mean += x(r, c);
    mean /= static_cast<T>(x.cols);
    for (Index c = 0; c < x.cols; ++c) variance += (x(r, c) - mean) * (x(r, c) - mean);
    const T rstd = T(1) / std::sqrt(variance / static_cast<T>(x.cols) + eps);
    for (Index c = 0; c < x.cols; ++c) y(r, c) = (x(r, c) - mean) * rstd * weight[c] + bias[c];
    if (!statistics.empty()) statistics[r] = {mean, rstd};
  });
}

template <class T>
void layer_norm_backward(MatrixView<const T> dy, MatrixView<const T> x, std::span<const RowStatistics<T>> statistics,
                         const T* weight, MatrixView<T> dx, T* d_weight, T* d_bias) {
  for (Index r = 0; r < x.rows; ++r) {
    const auto [mean, rstd] = statistics[r];
    T mean_g = 0, mean_gx = 0;
    for (Index c = 0; c < x.cols; ++c) {
      const T normal = (x(r, c) - mean) * rstd, g = dy(r, c) * weight[c];
      mean_g += g;
      mean_gx += g * normal;
      d_weight[c] += dy(r, c) * normal;
      d_bias[c] += dy(r, c);
    }
    mean_g /= static_cast<T>(x.cols);
    mean_gx /= static_cast<T>(x.cols);
    for (Index c = 0; c < x.cols; ++c) {
      const T normal = (x(r, c) - mean) * rstd;
      dx(r, c) = (dy(r, c) * weight[c] - mean_g - normal * mean_gx) * rstd;
    }
  }
}

template <class T>
void embedding_sum(std::span<const EmbeddingLookup<T>> lookups, MatrixView<T> y) {
  for_each_row(y.rows, y.cols, [&](Index t) {
    std::fill_n(y.row(t), y.cols, T(0));
    for (const auto& lookup : lookups) {
      const T* entry = lookup.table.row(lookup.ids[t]);
      for (Index c = 0; c < y.cols; ++c) y(t, c) += entry[c];
    }
  });
}

template <class T>
void embedding_backward(MatrixView<const T> dy, std::span<const std::int32_t> ids, MatrixView<T> gradient) {
  // Threads take columns, so every row of the table adds up its tokens in order.
  parallel_ranges(dy.cols, grain(8192, dy.rows), [&](Index begin, Index end) {
    for (Index t = 0; t < dy.rows; ++t) {
      T* entry = gradient.row(ids[t]);
      for (Index c = begin; c < end; ++c) entry[c] += dy(t, c);
    }
  });
}

template <class T>
void dropout(MatrixView<T> x, const Dropout& d) {
  if (!d.active()) return;
  const std::uint64_t drop_below = static_cast<std::uint64_t>(static_cast<double>(d.rate) * 0x1p32);
  const T scale = T(1) / (T(1) - static_cast<T>(d.rate));
  for_each_row(x.rows, x.cols, [&](Index r) {
    for (Index c = 0; c < x.cols; c += 4) {
      const auto words = philox(d.key, static_cast<std::uint64_t>(c / 4), d.first_row + static_cast<std::uint64_t>(r));
      for (Index i = c; i < std::min(c + 4, x.cols); ++i) x(r, i) = words[i - c] >= drop_below ? x(r, i) * scale : T(0);
    }
  });
}

template <class T>
void gelu_backward(MatrixView<const T> dy, MatrixView<const T> x, MatrixView<T> dx) {
  const T density = T(0.5) * std::numbers::inv_sqrtpi_v<T> * std::numbers::sqrt2_v<T>;  // 1 / sqrt(2π)
  for_each_row(x.rows, x.cols, [&](Index r) {
    for (Index c = 0; c < x.cols; ++c) {
      const T v = x(r, c);
      const T cdf = T(0.5) * (T(1) + std::erf(v / std::numbers::sqrt2_v<T>));
      dx(r, c) = dy(r, c) * (cdf + v * density * std::exp(T(-0.5) * v * v));
    }
  });
}

template <class T>
void gelu_tanh_backward(MatrixView<const T> dy, MatrixView<const T> x, MatrixView<T> dx) {
  const T slope = T(2) * std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T>;
  for_each_row(x.rows, x.cols, [&](Index r) {
    for (Index c = 0; c < x.cols; ++c) {
      const T v = x(r, c), gate = gelu_tanh_gate(v);
      dx(r, c) = dy(r, c) * (gate + v * gate * (T(1) - gate) * slope * (T(1) + T(3 * 0.044715) * v * v));
    }
  });
}

template <class T>
void add_column_sums(MatrixView<const T> x, T* sums) {
  parallel_ranges(x.cols, grain(8192, x.rows), [&](Index begin, Index end) {
    for (Index r = 0; r < x.rows; ++r)
      for (Index c = begin; c < end; ++c) sums[c] += x(r, c);
  });
}

template <class T>
void add(MatrixView<const T> x, MatrixView<T> y) {
  for_each_row(x.rows, x.cols, [&](Index r) {
    for (Index c = 0; c < x.cols; ++c) y(r, c) += x(r, c);
  });
}

template <class T>
double squared_sum(std::span<const T> x) {
  double sum = 0;
  for (const T v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return sum;
}

template <class T>
void adamw_element(T& w, T& m, T& v, T gradient, const AdamwStep& step) {
  const T beta1 = static_cast<T>(step.beta1), beta2 = static_cast<T>(step.beta2);
  // Subtracted in double: 1 − 0.999f has only three digits left.
  const T new1 = static_cast<T>(1 - step.beta1), new2 = static_cast<T>(1 - step.beta2);
  const T g = gradient * static_cast<T>(step.gradient_scale);
  m = beta1 * m + new1 * g;
  v = beta2 * v + new2 * g * g;
  if (std::abs(m) < T(AdamwStep::least_first_moment)) m = 0;
  if (v < T(AdamwStep::least_second_moment)) v = 0;
  w -= static_cast<T>(step.step_size) * m / (std::sqrt(v) + static_cast<T>(step.eps));
  w -= static_cast<T>(step.decay) * w;
}

template <class T>
void adamw(std::span<T> weight, std::span<T> first_moment, std::span<T> second_moment, std::span<const T> gradient,
           const AdamwStep& step) {
  for_each_row(static_cast<Index>(weight.size()), 1,
               [&](Index i) { adamw_element(weight[i], first_moment[i], second_moment[i], gradient[i], step); });
}

template <class T>
void adamw_idle(std::span<T> weight, std::span<T> first_moment, std::span<T> second_moment,
                std::span<const AdamwStep> steps) {
  for (const AdamwStep& step : steps)
    for (std::size_t i = 0; i < weight.size(); ++i)
      adamw_element(weight[i], first_moment[i], second_moment[i], T(0), step);
}

#define SHARCS_INSTANTIATE(T)                                                                                       \
  template T gelu(T);                                                                                               \
  template T gelu_tanh(T);                                                                                          \
  template void multiply(std::span<const Product<T>>);                                                              \
  template void multiply_nn(std::span<const Term<T>>, MatrixView<T>, Write);                                        \
  template void multiply_tn(std::span<const TransposedProduct<T>>, Write);                                          \
  template void attention(const Attention<T>&, MatrixView<T>);                                                      \
  template void attention_forward(const Attention<T>&, const Dropout&, MatrixView<T>, std::span<T>);                \
  template void attention_backward(const Attention<T>&, const Dropout&, std::span<const T>, MatrixView<const T>,    \
                                   MatrixView<T>, MatrixView<T>, MatrixView<T>);                                    \
  template void layer_norm(MatrixView<const T>, const T*, const T*, T, MatrixView<T>, std::span<RowStatistics<T>>); \
  template void layer_norm_backward(MatrixView<const T>, MatrixView<const T>, std::span<const RowStatistics<T>>,    \
                                    const T*, MatrixView<T>, T*, T*);                                               \
  template void embedding_sum(std::span<const EmbeddingLookup<T>>, MatrixView<T>);                                  \
  template void embedding_backward(MatrixView<const T>, std::span<const std::int32_t>, MatrixView<T>);              \
  template void dropout(MatrixView<T>, const Dropout&);                                                             \
  template void gelu_backward(MatrixView<const T>, MatrixView<const T>, MatrixView<T>);                             \
  template void gelu_tanh_backward(MatrixView<const T>, MatrixView<const T>, MatrixView<T>);                        \
  template void add_column_sums(MatrixView<const T>, T*);                                                           \
  template void add(MatrixView<const T>, MatrixView<T>);                                                            \
  template double squared_sum(std::span<const T>);                                                                  \
  template void adamw(std::span<T>, std::span<T>, std::span<T>, std::span<const T>, const AdamwStep&);              \
  template void adamw_idle(std::span<T>, std::span<T>, std::span<T>, std::span<const AdamwStep>);

SHARCS_INSTANTIATE(float)
SHARCS_INSTANTIATE(double)
#undef SHARCS_INSTANTIATE

}  // namespace sharcs::internal::kernels::reference
