#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "core/rounding.hpp"
#include "core/threads.hpp"
#include "core/workspace.hpp"
#include "kernels/attention_work.hpp"
#include "kernels/gemm.hpp"
#include "kernels/philox-inl.hpp"
#include "kernels/simd.hpp"
#include "kernels/vector_loop-inl.hpp"
#include "kernels/vector_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

using Floats = hn::ScalableTag<float>;

/// A tile of a product is 6 rows by 4 vectors where there are 32 registers (24 sums, 4 vectors of b, one broadcast) and
/// 6 by 2 where there are 16.
constexpr Index tile_rows = 6;
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr Index tile_vectors = 4;
#else
constexpr Index tile_vectors = 2;
#endif

inline Index lanes() { return static_cast<Index>(hn::Lanes(Floats())); }
inline Index vectors_for(Index count) { return ceil_divide(count, lanes()); }

/// A factor of a product whose elements are broadcast: element (row, k) is data[row · row_step + k · inner_step].
struct Broadcast {
  const float* data;
  Index rows;
  Index row_step;
  Index inner_step;

  Broadcast from_row(Index first, Index count) const { return {data + first * row_step, count, row_step, inner_step}; }
};

/// The other factor, [inner, vectors · lanes()], packed: panels of tile_vectors vectors (the last may have fewer), in a
/// panel row after row.
struct Panels {
  float* data;
  Index inner;
  Index vectors;
};

/// Where a product goes, whole vectors a row.
struct Destination {
  float* data;
  Index stride;
  Write write = Write::overwrite;
  const float* row_factors = nullptr;  ///< one a row, multiplied in last; or null

  Destination from(Index row, Index col) const {
    return {data + row * stride + col, stride, write, row_factors == nullptr ? nullptr : row_factors + row};
  }
};

template <int Rows, int Vectors>
void multiply_tile(Broadcast a, const float* HWY_RESTRICT b, Index inner, Destination y) {
  const Floats d;
  hn::Vec<Floats> sum[Rows][Vectors];
  for (int r = 0; r < Rows; ++r)
    for (int v = 0; v < Vectors; ++v)
      sum[r][v] = y.write == Write::overwrite ? hn::Zero(d) : hn::LoadU(d, y.data + r * y.stride + v * lanes());
  for (Index k = 0; k < inner; ++k) {
    hn::Vec<Floats> row[Vectors];
    for (int v = 0; v < Vectors; ++v) row[v] = hn::Load(d, b + v * lanes());
    for (int r = 0; r < Rows; ++r) {
      const auto factor = hn::Set(d, a.data[r * a.row_step]);
      for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::MulAdd(factor, row[v], sum[r][v]);
    }
    a.data += a.inner_step;
    b += Vectors * lanes();
  }
  for (int r = 0; r < Rows; ++r) {
    const auto factor = hn::Set(d, y.row_factors != nullptr ? y.row_factors[r] : 1.0f);
    for (int v = 0; v < Vectors; ++v) hn::StoreU(hn::Mul(sum[r][v], factor), d, y.data + r * y.stride + v * lanes());
  }
}

using Tile = void (*)(Broadcast, const float*, Index, Destination);
template <int... Sizes>
constexpr std::array<Tile, sizeof...(Sizes)> all_tiles(std::integer_sequence<int, Sizes...>) {
  return {multiply_tile<Sizes / tile_vectors + 1, Sizes % tile_vectors + 1>...};
}

/// y = a · b or y += a · b.
///
/// Every element adds up its products in the order of the inner dimension, so its bits do not depend on where its row
/// stands among the others, nor on how the rows or the inner dimension are cut into calls.
void multiply(Broadcast a, Panels b, Destination y) {
  static constexpr auto tiles = all_tiles(std::make_integer_sequence<int, tile_rows * tile_vectors>());
  const float* panel = b.data;
  for (Index first = 0; first < b.vectors; first += tile_vectors) {
    const Index vectors = std::min(tile_vectors, b.vectors - first);
    for (Index r = 0; r < a.rows; r += tile_rows) {
      const Index rows = std::min(tile_rows, a.rows - r);
      tiles[static_cast<std::size_t>((rows - 1) * tile_vectors + vectors - 1)](a.from_row(r, rows), panel, b.inner,
                                                                               y.from(r, first * lanes()));
    }
    panel += b.inner * vectors * lanes();
  }
}

/// The panels of x. What fills the last vector of a row is zero.
Panels pack(MatrixView<const float> x, Workspace& workspace) {
  const Floats d;
  const Panels b = {workspace.span<float>(x.rows * vectors_for(x.cols) * lanes()).data(), x.rows, vectors_for(x.cols)};
  float* out = b.data;
  for (Index first = 0; first < b.vectors; first += tile_vectors) {
    const Index end = std::min(first + tile_vectors, b.vectors);
    for (Index r = 0; r < x.rows; ++r) {
      for (Index v = first; v < end; ++v, out += lanes()) {
        const float* in = x.row(r) + v * lanes();
        const Index count = x.cols - v * lanes();
        if (count >= lanes()) {
          hn::Store(hn::LoadU(d, in), d, out);
        } else {
          std::fill(std::copy_n(in, count, out), out + lanes(), 0.0f);
        }
      }
    }
  }
  return b;
}

#if HWY_TARGET != HWY_SCALAR
/// Four floats of each of the rows 0, 4, 8, …, one after the other.
template <class D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const float* const* rows, Index col) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return hn::LoadU(d, rows[0] + col);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, load_blocks(half, rows + hn::Lanes(half), col), load_blocks(half, rows, col));
  }
}
#endif

/// The panels of xᵀ. What fills the last vector of a row repeats the last row of x.
Panels pack_transpose(MatrixView<const float> x, Workspace& workspace) {
  const Panels b = {workspace.span<float>(x.cols * vectors_for(x.rows) * lanes()).data(), x.cols, vectors_for(x.rows)};
  float* panel = b.data;
  for (Index first = 0; first < b.vectors; first += tile_vectors) {
    const Index vectors = std::min(tile_vectors, b.vectors - first), step = vectors * lanes();
    for (Index v = 0; v < vectors; ++v) {
      std::array<const float*, hn::MaxLanes(Floats())> rows;
      for (Index j = 0; j < lanes(); ++j)
        rows[static_cast<std::size_t>(j)] = x.row(std::min((first + v) * lanes() + j, x.rows - 1));
      float* const out = panel + v * lanes();
      Index k = 0;
#if HWY_TARGET != HWY_SCALAR
      // Vector i has rows i, i + 4, i + 8, …, four columns of each: transposing its 4 × 4 blocks with those of the
      // other three brings the rows in order, one column a vector.
      const Floats d;
      const hn::Repartition<std::uint64_t, Floats> pairs;
      for (; k + 4 <= x.cols; k += 4) {
        const auto v0 = load_blocks(d, &rows[0], k), v1 = load_blocks(d, &rows[1], k);
        const auto v2 = load_blocks(d, &rows[2], k), v3 = load_blocks(d, &rows[3], k);
        const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, v0, v1));
        const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, v2, v3));
        const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, v0, v1));
        const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, v2, v3));
        hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, out + k * step);
        hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, out + (k + 1) * step);
        hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, out + (k + 2) * step);
        hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, out + (k + 3) * step);
      }
#endif
      for (; k < x.cols; ++k)
        for (Index j = 0; j < lanes(); ++j) out[k * step + j] = rows[static_cast<std::size_t>(j)][k];
    }
    panel += x.cols * step;
  }
  return b;
}

/// Rows of scores, whole vectors and an odd number of cache lines apart, so that a column's elements fall on every set
/// of the L1 cache.
MatrixView<float> score_rows(Index rows, Index tokens, Workspace& workspace) {
  const Index stride = (tokens + 31) / 32 * 32 + 16;
  return {workspace.matrix<float>(rows, stride).data, rows, tokens, stride};
}

/// scores[i] = exp((scores[i] − max) · scale) for i < count. Returns 1 / Σ of them. The rest of the last vector is
/// overwritten.
HWY_INLINE float exponentiate(float* scores, Index count, float scale) {
  const Floats d;
  const Index last = (count - 1) / lanes() * lanes();  // where the last vector begins, whole or not
  const auto rest = hn::FirstN(d, static_cast<std::size_t>(count - last));
  const auto end = hn::IfThenElse(rest, hn::Load(d, scores + last), hn::Set(d, std::numeric_limits<float>::lowest()));
  auto largest = end;
  for (Index i = 0; i < last; i += lanes()) largest = hn::Max(largest, hn::Load(d, scores + i));
  largest = hn::MaxOfLanes(d, largest);
  const auto factor = hn::Set(d, scale);
  auto sum = hn::Zero(d);
  for (Index i = 0; i < last; i += lanes()) {
    const auto p = exp_nonpositive(d, hn::Mul(hn::Sub(hn::Load(d, scores + i), largest), factor));
    sum = hn::Add(sum, p);
    hn::Store(p, d, scores + i);
  }
  const auto p = hn::IfThenElseZero(rest, exp_nonpositive(d, hn::Mul(hn::Sub(end, largest), factor)));
  hn::Store(p, d, scores + last);
  return 1.0f / hn::GetLane(hn::SumOfLanes(d, hn::Add(sum, p)));
}

/// The columns of one head as products write them: in place where the head is whole vectors wide; else beside it, since
/// the columns after it belong to other heads, which other threads write.
class HeadOutput {
 public:
  HeadOutput(MatrixView<float> place, Workspace& workspace)
      : place_(place),
        written_(place.cols % lanes() == 0 ? place
                                           : workspace.matrix<float>(place.rows, vectors_for(place.cols) * lanes())) {}

  Destination rows_from(Index row, Write write = Write::overwrite, const float* row_factors = nullptr) const {
    return {written_.row(row), written_.stride, write, row_factors};
  }
  /// Brings the rows where they belong.
  void finish() const {
    if (written_.data == place_.data) return;
    for (Index r = 0; r < place_.rows; ++r) std::copy_n(written_.row(r), place_.cols, place_.row(r));
  }

 private:
  MatrixView<float> place_, written_;
};

/// Query `row` of a head in the numbering of the dropout's rows.
inline std::uint64_t dropout_row(const Dropout& dropout, Index heads, const HeadRows& head, Index row) {
  return (dropout.first_row + static_cast<std::uint64_t>(head.first_token + row)) * static_cast<std::uint64_t>(heads) +
         static_cast<std::uint64_t>(head.head);
}

/// Rows of scores that take about `floats` floats: a few tiles.
inline Index block_rows(Index floats, Index tokens) {
  return std::clamp(floats / (tokens * tile_rows), Index{1}, Index{8}) * tile_rows;
}

/// Context of some queries of one head, block by block: the scores of a block stay in the L1 cache. `probabilities` is
/// null or receives those of all heads, before dropout.
void attend(const Attention<float>& problem, const HeadRows& head, const Dropout& dropout, MatrixView<float> context,
            float* probabilities) {
  thread_local Workspace workspace;
  const Index n = head.tokens, block = std::min(block_rows(4096, n), head.end - head.begin);
  const MatrixView<const float> query = head.of_queries(problem.query);
  const Panels keys = pack_transpose(head.of_tokens(problem.key), workspace),
               values = pack(head.of_tokens(problem.value), workspace);
  const HeadOutput output(head.of_queries(context).row_range(head.begin, head.end - head.begin), workspace);
  const MatrixView<float> scores = score_rows(block, n, workspace);
  const std::span<float> inverse_sums = workspace.span<float>(block);
  const float scale = 1.0f / std::sqrt(static_cast<float>(head.head_size));

  for (Index first = head.begin; first < head.end; first += block) {
    const Index rows = std::min(block, head.end - first);
    multiply({query.row(first), rows, query.stride, 1}, keys, {scores.data, scores.stride});
    for (Index r = 0; r < rows; ++r) {
      float* const p = scores.row(r);
      const float inverse_sum = exponentiate(p, n, scale);
      inverse_sums[static_cast<std::size_t>(r)] = inverse_sum;
      if (probabilities != nullptr) {
        float* const out = probabilities + head.probabilities + (first + r) * n;
        for_each_vector(n, [=](auto d, Index i) HWY_ATTR {
          hn::StoreU(hn::Mul(hn::LoadU(d, p + i), hn::Set(d, inverse_sum)), d, out + i);
        });
      }
      if (dropout.active())
        drop_row(dropout, dropout_row(dropout, problem.heads, head, first + r), p, p, static_cast<std::size_t>(n));
    }
    multiply({scores.data, rows, scores.stride, 1}, values,
             output.rows_from(first - head.begin, Write::overwrite, inverse_sums.data()));
  }
  output.finish();
  workspace.clear();
}

/// Gradients of one whole head, block by block of queries.
void attend_backward(const Attention<float>& problem, const HeadRows& head, const Dropout& dropout,
                     const float* probabilities, MatrixView<const float> d_context, MatrixView<float> d_query,
                     MatrixView<float> d_key, MatrixView<float> d_value) {
  thread_local Workspace workspace;
  const Index n = head.tokens, block = std::min(block_rows(8192, n), head.queries);
  const MatrixView<const float> query = head.of_queries(problem.query), d_output = head.of_queries(d_context);
  const Panels keys = pack(head.of_tokens(problem.key), workspace),
               values = pack_transpose(head.of_tokens(problem.value), workspace);
  const HeadOutput query_output(head.of_queries(d_query), workspace), key_output(head.of_tokens(d_key), workspace),
      value_output(head.of_tokens(d_value), workspace);
  const MatrixView<float> dropped = score_rows(block, n, workspace), d_scores = score_rows(block, n, workspace);
  const std::span<float> ones = workspace.span<float>(n);
  std::fill(ones.begin(), ones.end(), 1.0f);
  const float scale = 1.0f / std::sqrt(static_cast<float>(head.head_size));

  for (Index first = 0; first < head.queries; first += block) {
    const Workspace::Mark mark = workspace.mark();
    const Index rows = std::min(block, head.queries - first);
    const Panels query_rows = pack(query.row_range(first, rows), workspace),
                 d_output_rows = pack(d_output.row_range(first, rows), workspace);
    multiply({d_output.row(first), rows, d_output.stride, 1}, values, {d_scores.data, d_scores.stride});
    for (Index r = 0; r < rows; ++r) {
      const float* const p = probabilities + head.probabilities + (first + r) * n;
      float *const kept = dropped.row(r), *const d = d_scores.row(r);
      float inner;  // Σ dP ∘ P
      if (dropout.active()) {
        // The mask once, as factors: it falls on P and on dP.
        drop_row(dropout, dropout_row(dropout, problem.heads, head, first + r), ones.data(), kept,
                 static_cast<std::size_t>(n));
        inner = sum_over(n, [=](auto tag, Index i, auto sum) HWY_ATTR {
          const auto mask = hn::LoadU(tag, kept + i), probability = hn::LoadU(tag, p + i);
          const auto gradient = hn::Mul(hn::LoadU(tag, d + i), mask);
          hn::StoreU(hn::Mul(probability, mask), tag, kept + i);
          hn::StoreU(gradient, tag, d + i);
          return hn::MulAdd(gradient, probability, sum);
        });
      } else {
        inner = sum_over(n, [=](auto tag, Index i, auto sum) HWY_ATTR {
          const auto probability = hn::LoadU(tag, p + i);
          hn::StoreU(probability, tag, kept + i);
          return hn::MulAdd(hn::LoadU(tag, d + i), probability, sum);
        });
      }
      for_each_vector(n, [=](auto tag, Index i) HWY_ATTR {
        const auto centred = hn::Sub(hn::LoadU(tag, d + i), hn::Set(tag, inner));
        hn::StoreU(hn::Mul(hn::Mul(centred, hn::LoadU(tag, p + i)), hn::Set(tag, scale)), tag, d + i);
      });
    }
    const Write write = first == 0 ? Write::overwrite : Write::accumulate;
    multiply({dropped.data, n, 1, dropped.stride}, d_output_rows, value_output.rows_from(0, write));
    multiply({d_scores.data, n, 1, d_scores.stride}, query_rows, key_output.rows_from(0, write));
    multiply({d_scores.data, rows, d_scores.stride, 1}, keys, query_output.rows_from(first));
    workspace.release(mark);
  }
  query_output.finish();
  key_output.finish();
  value_output.finish();
  workspace.clear();
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(attend);
HWY_EXPORT(attend_backward);

namespace {

/// Runs body(HeadRows) over all heads, on the threads that the work is worth. Units of tile_rows rows spread one long
/// head over all of them.
template <class Body>
void for_each_head(const Attention<float>& problem, Index unit_rows, const Body& body) {
  const AttentionWork work = {problem, unit_rows};
  parallel_ranges(work.cost(), grain(100'000, problem.head_size),
                  [&](Index begin, Index end) { work.for_each_head(begin, end, body); });
}

void attend_heads(const Attention<float>& problem, const Dropout& dropout, MatrixView<float> context,
                  float* probabilities) {
  constexpr Index unit_rows = 6;  // a tile of the kernel
  for_each_head(problem, unit_rows, [&](const HeadRows& head) {
    HWY_DYNAMIC_DISPATCH(attend)(problem, head, dropout, context, probabilities);
  });
}

}  // namespace

void simd::attention(const Attention<float>& problem, MatrixView<float> context) {
  attend_heads(problem, {}, context, nullptr);
}

void simd::attention_forward(const Attention<float>& problem, const Dropout& dropout, MatrixView<float> context,
                             std::span<float> probabilities) {
  attend_heads(problem, dropout, context, probabilities.data());
}

void simd::attention_backward(const Attention<float>& problem, const Dropout& dropout,
                              std::span<const float> probabilities, MatrixView<const float> d_context,
                              MatrixView<float> d_query, MatrixView<float> d_key, MatrixView<float> d_value) {
  // A head is not split: the gradients of its keys and values add up all of its query rows, in order.
  const Index whole = std::numeric_limits<Index>::max() / 2;
  for_each_head(problem, whole, [&](const HeadRows& head) {
    HWY_DYNAMIC_DISPATCH(attend_backward)
    (problem, head, dropout, probabilities.data(), d_context, d_query, d_key, d_value);
  });
}

}  // namespace sharcs::internal::kernels
#endif
