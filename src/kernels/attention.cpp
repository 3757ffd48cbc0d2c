#include "kernels/attention.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "core/eigen_map.hpp"
#include "core/rounding.hpp"
#include "core/stages.hpp"
#include "core/threads.hpp"
#include "core/workspace.hpp"
#include "kernels/attention_work.hpp"
#include "kernels/backend.hpp"
#include "kernels/gemm.hpp"
#include "kernels/panel-inl.hpp"
#include "kernels/philox-inl.hpp"
#include "kernels/portable.hpp"
#include "kernels/tile_run-inl.hpp"
#include "kernels/vector_loop-inl.hpp"
#include "kernels/vector_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

inline Index vectors_for(Index count) { return ceil_divide(count, tile_lanes); }

/// The right operand of a product, [inner, vectors · tile_lanes], in panels. The last one may lack vectors.
struct Panels {
  float* data;
  Index rows;   // of a panel
  Index inner;  // of them, those that a product reads
  Index vectors;

  Panels(Index row_count, Index cols, Workspace& workspace)
      : data(workspace.span<float>(round_up(cols, tile_cols) * row_count).data()),
        rows(row_count),
        inner(row_count),
        vectors(vectors_for(cols)) {}
  Index count() const { return ceil_divide<Index>(vectors, tile_vectors); }
  float* panel(Index p) const { return data + p * rows * tile_cols; }
  Index vectors_of(Index p) const { return std::min<Index>(tile_vectors, vectors - p * tile_vectors); }
  /// Those with the columns begin .. end − 1. The first of them has column first_column(begin).
  Panels covering(Index begin, Index end) const {
    Panels part = *this;
    part.data = panel(begin / tile_cols);
    part.vectors = vectors_for(end) - begin / tile_cols * tile_vectors;
    return part;
  }
  static Index first_column(Index begin) { return begin / tile_cols * tile_cols; }
  /// Their rows begin .. end − 1.
  Panels row_range(Index begin, Index end) const {
    Panels part = *this;
    part.data += begin * tile_cols;
    part.inner = end - begin;
    return part;
  }
};

/// The panels of x.
Panels pack(MatrixView<const float> x, Workspace& workspace) {
  const Panels b(x.rows, x.cols, workspace);
  pack_rows(x, 0, x.rows, b.data);
  return b;
}

/// The panels of xᵀ.
Panels pack_transpose(MatrixView<const float> x, Workspace& workspace) {
  const Panels b(x.cols, x.rows, workspace);
  for (Index p = 0; p < b.count(); ++p) {
    const Index first = p * tile_cols;
    pack_transposed(x.row_range(first, std::min(tile_cols, x.rows - first)), b.vectors_of(p), b.panel(p));
  }
  return b;
}

/// Where a product goes, whole vectors a row.
struct Destination {
  float* data;
  Index stride;
  Write write = Write::overwrite;
  const float* row_factors = nullptr;  ///< one a row, multiplied in last; or null
  const float* start = nullptr;        ///< what an overwritten row's sums start from, whole vectors; or null: from 0
  Index start_row = 0;                 ///< elements from one row of it to the next
};

/// y = a · b or y += a · b for the first `rows` rows of a.
///
/// Every element adds up its products in the order of the inner dimension, so its bits do not depend on where its row
/// stands among the others, nor on how the rows or the inner dimension are cut into calls.
template <class Left>
void multiply(Left a, Index rows, const Panels& b, const Destination& y) {
  TileAhead nothing;
  for (Index p = 0; p < b.count(); ++p) {
    float* const out = y.data + p * tile_cols;
    ColumnMemory memory = {.row_factors = y.row_factors, .out = out, .out_row = y.stride};
    if (y.write == Write::accumulate) memory.start = out, memory.start_row = y.stride;
    if (y.start != nullptr) memory.start = y.start + p * tile_cols, memory.start_row = y.start_row;
    run_rows(rows, b.vectors_of(p), a, b.panel(p), b.inner, nothing, memory);
  }
}

/// Rows of scores, whole vectors and an odd number of cache lines apart. So the elements of a column, which the
/// transposed products read one after the other, are spread over the whole L1 cache.
MatrixView<float> score_rows(Index rows, Index tokens, Workspace& workspace) {
  const Index stride = (tokens + 31) / 32 * 32 + 16;
  return {workspace.matrix<float>(rows, stride).data, rows, tokens, stride};
}

/// scores[i] = exp((scores[i] − max) · scale) for i < count. Returns 1 / Σ of them. The rest of the last vector is
/// overwritten.
HWY_INLINE float exponentiate(float* scores, Index count, float scale) {
  const TileTag d;
  const Index last = (count - 1) / tile_lanes * tile_lanes;  // where the last vector begins, whole or not
  const auto rest = hn::FirstN(d, static_cast<std::size_t>(count - last));
  const auto end = hn::IfThenElse(rest, hn::Load(d, scores + last), hn::Set(d, std::numeric_limits<float>::lowest()));
  auto largest = end;
  for (Index i = 0; i < last; i += tile_lanes) largest = hn::Max(largest, hn::Load(d, scores + i));
  largest = hn::MaxOfLanes(d, largest);
  const auto factor = hn::Set(d, scale);
  auto sum = hn::Zero(d);
  for (Index i = 0; i < last; i += tile_lanes) {
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
        written_(place.cols % tile_lanes == 0
                     ? place
                     : workspace.matrix<float>(place.rows, vectors_for(place.cols) * tile_lanes)) {}

  Destination rows_from(Index row, Write write = Write::overwrite, const float* row_factors = nullptr) const {
    return {written_.row(row), written_.stride, write, row_factors};
  }
  /// Makes all rows 0.
  void clear() const {
    for (Index r = 0; r < written_.rows; ++r) std::fill_n(written_.row(r), written_.cols, 0.0f);
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

/// The keys begin .. end − 1 of a sample.
struct KeyRange {
  Index begin, end;

  /// Those that `rows` queries from `first` on see; the range begins with a panel.
  static KeyRange seen_by(Index first, Index rows, Index window, Index tokens) {
    if (window == 0) return {0, tokens};
    return {Panels::first_column(std::max<Index>(first - window, 0)), std::min(first + rows + window, tokens)};
  }
  Index count() const { return end - begin; }
};

/// The window that products and sums can be limited to. Dropout draws whole rows of probabilities.
inline Index seen_window(Index window, const Dropout& dropout) { return dropout.active() ? 0 : window; }

/// Hides from query `query` the keys outside its window: of the scores of the keys in `range`, theirs become the least
/// number.
inline void hide_beyond(Index window, Index query, const KeyRange& range, float* scores) {
  const Index begin = std::max(query - window, range.begin), end = std::min(query + window + 1, range.end);
  std::fill(scores, scores + (begin - range.begin), std::numeric_limits<float>::lowest());
  std::fill(scores + (end - range.begin), scores + range.count(), std::numeric_limits<float>::lowest());
}

/// The head's bias by distance, divided by the scale of the scores, so that products can be added to it. Returns that
/// of distance 0; null where there is none. Memory goes on for a vector after the last distance and for one element
/// before the first.
inline const float* bias_of_products(const Attention<float>& problem, const HeadRows& head, float scale,
                                     Workspace& workspace) {
  if (!problem.bias) return nullptr;
  const Index n = head.tokens;
  const std::span<float> bias = workspace.span<float>(2 * n + tile_lanes);
  std::fill(bias.begin(), bias.end(), 0.0f);
  const float *const from = head.of_keys(problem.bias, head.head, n - 1), factor = 1 / scale;
  for (Index i = 0; i < 2 * n - 1; ++i) bias[static_cast<std::size_t>(1 + i)] = from[i] * factor;
  return bias.data() + n;
}

/// What the positions add to the products of some queries of one head.
class PositionScores {
 public:
  PositionScores(const Attention<float>& problem, const HeadRows& head, Workspace& workspace)
      : head_(head),
        workspace_(workspace),
        position_keys_(pack_transpose(head.of_positions(problem.position_key), workspace)) {
    by_keys_ = score_rows(head.end - head.begin, head.tokens, workspace);
    const Workspace::Mark mark = workspace.mark();
    add_up_by_keys(problem);
    workspace.release(mark);
  }

  /// position_query · key of query head.begin + `row` and the keys, whole vectors.
  MatrixView<float> by_keys() const { return by_keys_; }

  /// Adds query · position_key of `rows` queries from `first` on to their scores.
  void add_by_queries(MatrixView<const float> query, Index first, Index rows, MatrixView<float> scores) const {
    const Workspace::Mark mark = workspace_.mark();
    const Index n = head_.tokens, begin = n - first - rows, end = 2 * n - 1 - first;
    const Panels panels = position_keys_.covering(begin, end);
    const MatrixView<float> products = workspace_.matrix<float>(rows, panels.count() * tile_cols);
    multiply(LeftRows{query.row(first), query.stride}, rows, panels, {products.data, products.stride});
    for (Index r = 0; r < rows; ++r) {
      // The next query is one token nearer to every key behind it.
      const float* const from = products.row(r) + (n - 1 - first - r) - Panels::first_column(begin);
      float* const to = scores.row(r);
      for_each_vector(n, [=](auto d, Index i) HWY_ATTR {
        hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::LoadU(d, from + i)), d, to + i);
      });
    }
    workspace_.release(mark);
  }

 private:
  // Keys by positions, then turned round: a key's products stand in a row, but are wanted in a column.
  void add_up_by_keys(const Attention<float>& problem) const {
    const TileTag d;
    const hn::RebindToSigned<TileTag> di;
    constexpr Index most_keys = 32;  // whole vectors
    const Index n = head_.tokens, queries = head_.end - head_.begin;
    const MatrixView<const float> key = head_.of_tokens(problem.key);
    const Panels positions = pack_transpose(head_.of_positions(problem.position_query), workspace_);
    // One element more in each row, so that a column of the turned matrix is no step of a power of two.
    const MatrixView<float> products =
        workspace_.matrix<float>(most_keys, round_up(queries + 2 * most_keys, tile_cols) + 2 * tile_cols);
    const auto diagonal = hn::Mul(hn::Iota(di, 0), hn::Set(di, static_cast<std::int32_t>(products.stride + 1)));
    for (Index first = 0; first < n; first += most_keys) {
      const Index keys = std::min(most_keys, n - first);
      const Index begin = n - 1 + first - (head_.end - 1), end = n + first + keys - 1 - head_.begin;
      multiply(LeftRows{key.row(first), key.stride}, keys, positions.covering(begin, end),
               {products.data, products.stride});
      for (Index i = head_.begin; i < head_.end; ++i) {
        const float* from = products.data + (n - 1 + first - i) - Panels::first_column(begin);
        float* to = by_keys_.row(i - head_.begin) + first;
        for (Index k = 0; k < keys; k += tile_lanes, from += tile_lanes * (products.stride + 1), to += tile_lanes)
          hn::StoreU(hn::GatherIndex(d, from, diagonal), d, to);
      }
    }
  }

  const HeadRows& head_;
  Workspace& workspace_;
  Panels position_keys_;
  MatrixView<float> by_keys_;
};

/// Context of some queries of one head, block by block: the scores of a block stay in the L1 cache. `probabilities` is
/// null or receives those of all heads, before dropout.
void attend(const Attention<float>& problem, const HeadRows& head, const Dropout& dropout, MatrixView<float> context,
            float* probabilities) {
  thread_local Workspace workspace;
  const Index n = head.tokens, window = problem.window, seen = seen_window(window, dropout);
  const Index block =
      std::min(block_rows(4096, seen > 0 ? std::min(n, 2 * seen + tile_cols) : n), head.end - head.begin);
  const MatrixView<const float> query = head.of_queries(problem.query);
  const Panels keys = pack_transpose(head.of_tokens(problem.key), workspace),
               values = pack(head.of_tokens(problem.value), workspace);
  const HeadOutput output(head.of_queries(context).row_range(head.begin, head.end - head.begin), workspace);
  const MatrixView<float> scores =
      score_rows(block, seen > 0 ? std::min(n, 2 * seen + block + tile_cols) : n, workspace);
  const std::span<float> inverse_sums = workspace.span<float>(block);
  const float scale = problem.scale();
  const float* const bias = bias_of_products(problem, head, scale, workspace);
  std::optional<PositionScores> positions;
  if (problem.position_key) positions.emplace(problem, head, workspace);

  for (Index first = head.begin; first < head.end; first += block) {
    const Index rows = std::min(block, head.end - first);
    Destination products = {scores.data, scores.stride};
    // The next query is one token nearer to every key behind it.
    if (bias != nullptr) products.start = bias - first, products.start_row = -1;
    if (positions)
      products.start = positions->by_keys().row(first - head.begin), products.start_row = positions->by_keys().stride;
    const KeyRange range = KeyRange::seen_by(first, rows, seen, n);
    multiply(LeftRows{query.row(first), query.stride}, rows, keys.covering(range.begin, range.end), products);
    if (positions) positions->add_by_queries(query, first, rows, scores);
    for (Index r = 0; r < rows; ++r) {
      float* const p = scores.row(r);
      if (window > 0) hide_beyond(window, first + r, range, p);
      const float inverse_sum = exponentiate(p, range.count(), scale);
      inverse_sums[static_cast<std::size_t>(r)] = inverse_sum;
      if (probabilities != nullptr) {
        float* const row = probabilities + head.probabilities + (first + r) * n;
        std::fill(row, row + range.begin, 0.0f);
        std::fill(row + range.end, row + n, 0.0f);
        for_each_vector(range.count(), [=, out = row + range.begin](auto d, Index i) HWY_ATTR {
          hn::StoreU(hn::Mul(hn::LoadU(d, p + i), hn::Set(d, inverse_sum)), d, out + i);
        });
      }
      if (dropout.active())
        drop_row(dropout, dropout_row(dropout, problem.heads, head, first + r), p, p, static_cast<std::size_t>(n));
    }
    multiply(LeftRows{scores.data, scores.stride}, rows, values.row_range(range.begin, range.end),
             output.rows_from(first - head.begin, Write::overwrite, inverse_sums.data()));
  }
  output.finish();
  workspace.clear();
}

/// Gradients of what PositionScores adds. d_scores: [queries, tokens], scaled. Adds to those of the queries and the
/// keys.
void positions_backward(const Attention<float>& problem, const HeadRows& head, MatrixView<const float> d_scores,
                        const HeadOutput& query_output, const HeadOutput& key_output,
                        const AttentionGradients<float>& gradients, Workspace& workspace) {
  const Index n = head.tokens, positions = 2 * n - 1;
  // By whom it is multiplied: a row for each query or key, a column for each position.
  const auto by_position = [&](Index rows) {
    const MatrixView<float> d = workspace.matrix<float>(rows, vectors_for(positions) * tile_lanes);
    std::fill_n(d.data, rows * d.stride, 0.0f);
    return d;
  };
  const auto finish = [&](MatrixView<const float> d, const Panels& own, const Destination& d_own,
                          MatrixView<const float> position, MatrixView<float> d_position) {
    multiply(LeftRows{d.data, d.stride}, d.rows, pack(head.of_positions(position), workspace), d_own);
    const HeadOutput output(head.of_position_gradients(d_position, position.rows), workspace);
    multiply(LeftColumns{d.data, d.stride}, positions, own, output.rows_from(0));
    output.finish();
  };
  {
    const Workspace::Mark mark = workspace.mark();
    const MatrixView<float> d = by_position(head.queries);
    for (Index i = 0; i < head.queries; ++i) std::copy_n(d_scores.row(i), n, d.row(i) + n - 1 - i);
    finish(d, pack(head.of_queries(problem.query), workspace), query_output.rows_from(0, Write::accumulate),
           problem.position_key, gradients.position_key);
    workspace.release(mark);
  }
  const Workspace::Mark mark = workspace.mark();
  const MatrixView<float> d = by_position(n);
  for (Index i = 0; i < head.queries; ++i)
    for (Index j = 0; j < n; ++j) d(j, n - 1 + j - i) = d_scores(i, j);
  finish(d, pack(head.of_tokens(problem.key), workspace), key_output.rows_from(0, Write::accumulate),
         problem.position_query, gradients.position_query);
  workspace.release(mark);
}

/// Gradients of one whole head, block by block of queries; with positions all at once, since theirs add up all of them.
void attend_backward(const Attention<float>& problem, const HeadRows& head, const Dropout& dropout,
                     const float* probabilities, MatrixView<const float> d_context,
                     const AttentionGradients<float>& gradients) {
  thread_local Workspace workspace;
  const Index n = head.tokens;
  const Index seen = seen_window(problem.window, dropout);
  const Index most_keys = seen > 0 ? std::min(n, 2 * seen + tile_cols) : n;
  const Index block = problem.position_key ? head.queries : std::min(block_rows(8192, most_keys), head.queries);
  const MatrixView<const float> query = head.of_queries(problem.query), d_output = head.of_queries(d_context);
  const Panels keys = pack(head.of_tokens(problem.key), workspace),
               values = pack_transpose(head.of_tokens(problem.value), workspace);
  const HeadOutput query_output(head.of_queries(gradients.query), workspace),
      key_output(head.of_tokens(gradients.key), workspace), value_output(head.of_tokens(gradients.value), workspace);
  const Index key_room = seen > 0 ? std::min(n, 2 * seen + block + tile_cols) : n;
  const MatrixView<float> dropped = score_rows(block, key_room, workspace),
                          d_scores = score_rows(block, key_room, workspace);
  const std::span<float> ones = workspace.span<float>(n);
  std::fill(ones.begin(), ones.end(), 1.0f);
  const float scale = problem.scale(), inverse_scale = 1 / scale;
  const MatrixView<float> d_bias = gradients.bias;
  const Index bias_row = head.bias_row(problem.heads);
  if (d_bias) std::fill_n(d_bias.row(bias_row), d_bias.cols, 0.0f);
  if (seen > 0) key_output.clear(), value_output.clear();

  for (Index first = 0; first < head.queries; first += block) {
    const Workspace::Mark mark = workspace.mark();
    const Index rows = std::min(block, head.queries - first);
    const Panels query_rows = pack(query.row_range(first, rows), workspace),
                 d_output_rows = pack(d_output.row_range(first, rows), workspace);
    const KeyRange range = KeyRange::seen_by(first, rows, seen, n);
    const Index count = range.count();
    multiply(LeftRows{d_output.row(first), d_output.stride}, rows, values.covering(range.begin, range.end),
             {d_scores.data, d_scores.stride});
    for (Index r = 0; r < rows; ++r) {
      const float* const p = probabilities + head.probabilities + (first + r) * n + range.begin;
      float *const kept = dropped.row(r), *const d = d_scores.row(r);
      float inner;  // Σ dP ∘ P
      if (dropout.active()) {
        // The mask once, as factors: it falls on P and on dP.
        drop_row(dropout, dropout_row(dropout, problem.heads, head, first + r), ones.data(), kept,
                 static_cast<std::size_t>(count));
        inner = sum_over(count, [=](auto tag, Index i, auto sum) HWY_ATTR {
          const auto mask = hn::LoadU(tag, kept + i), probability = hn::LoadU(tag, p + i);
          const auto gradient = hn::Mul(hn::LoadU(tag, d + i), mask);
          hn::StoreU(hn::Mul(probability, mask), tag, kept + i);
          hn::StoreU(gradient, tag, d + i);
          return hn::MulAdd(gradient, probability, sum);
        });
      } else {
        inner = sum_over(count, [=](auto tag, Index i, auto sum) HWY_ATTR {
          const auto probability = hn::LoadU(tag, p + i);
          hn::StoreU(probability, tag, kept + i);
          return hn::MulAdd(hn::LoadU(tag, d + i), probability, sum);
        });
      }
      for_each_vector(count, [=](auto tag, Index i) HWY_ATTR {
        const auto centred = hn::Sub(hn::LoadU(tag, d + i), hn::Set(tag, inner));
        hn::StoreU(hn::Mul(hn::Mul(centred, hn::LoadU(tag, p + i)), hn::Set(tag, scale)), tag, d + i);
      });
      if (!d_bias) continue;
      float* const sums = head.of_keys(d_bias, bias_row, first + r) + range.begin;
      for_each_vector(count, [=](auto tag, Index i) HWY_ATTR {
        hn::StoreU(hn::MulAdd(hn::LoadU(tag, d + i), hn::Set(tag, inverse_scale), hn::LoadU(tag, sums + i)), tag,
                   sums + i);
      });
    }
    const Write write = first == 0 && seen == 0 ? Write::overwrite : Write::accumulate;
    multiply(LeftColumns{dropped.data, dropped.stride}, count, d_output_rows,
             value_output.rows_from(range.begin, write));
    multiply(LeftColumns{d_scores.data, d_scores.stride}, count, query_rows, key_output.rows_from(range.begin, write));
    multiply(LeftRows{d_scores.data, d_scores.stride}, rows, keys.row_range(range.begin, range.end),
             query_output.rows_from(first));
    workspace.release(mark);
  }
  if (problem.position_key) positions_backward(problem, head, d_scores, query_output, key_output, gradients, workspace);
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

namespace simd {
namespace {

/// Runs body(HeadRows) over all heads, on the threads that the work is worth. Units of tile_rows rows spread one long
/// head over all of them.
template <class Body>
void for_each_head(Stages* stages, const Attention<float>& problem, Index unit_rows, const Body& body) {
  const AttentionWork work = {problem, unit_rows};
  share_ranges(stages, work.cost(), grain(100'000, problem.head_size),
               [=](Index begin, Index end) { work.for_each_head(begin, end, body); });
}

void attend_heads(Stages* stages, const Attention<float>& problem, const Dropout& dropout, MatrixView<float> context,
                  float* probabilities) {
  constexpr Index unit_rows = HWY_NAMESPACE::tile_rows;  // the same for every target
  for_each_head(stages, problem, unit_rows, [=, &problem](const HeadRows& head) {
    HWY_DYNAMIC_DISPATCH(attend)(problem, head, dropout, context, probabilities);
  });
}

void attention(Stages* stages, const Attention<float>& problem, MatrixView<float> context) {
  attend_heads(stages, stages != nullptr ? stages->keep(problem) : problem, {}, context, nullptr);
}

void attention_forward(const Attention<float>& problem, const Dropout& dropout, MatrixView<float> context,
                       std::span<float> probabilities) {
  attend_heads(nullptr, problem, dropout, context, probabilities.data());
}

void attention_backward(const Attention<float>& problem, const Dropout& dropout, std::span<const float> probabilities,
                        MatrixView<const float> d_context, const AttentionGradients<float>& gradients) {
  // A head is not split: the gradients of its keys, values and bias add up all of its query rows, in order.
  const Index whole = std::numeric_limits<Index>::max() / 2;
  for_each_head(nullptr, problem, whole, [&](const HeadRows& head) {
    HWY_DYNAMIC_DISPATCH(attend_backward)
    (problem, head, dropout, probabilities.data(), d_context, gradients);
  });
}

}  // namespace
}  // namespace simd

namespace portable {
namespace {

/// Calls body(HeadRows) for every head of every sample, with all of its queries.
template <class T, class Body>
void for_each_head(const Attention<T>& problem, const Body& body) {
  std::vector<HeadRows> heads;
  HeadRows rows = {};
  rows.head_size = problem.head_size;
  for (std::size_t s = 0; s + 1 < problem.offsets.size(); ++s) {
    rows.sample = static_cast<Index>(s);
    rows.first_query = problem.query_offsets[s];
    rows.queries = rows.end = problem.query_offsets[s + 1] - rows.first_query;
    rows.first_token = problem.offsets[s];
    rows.tokens = problem.offsets[s + 1] - rows.first_token;
    for (rows.head = 0; rows.head < problem.heads; ++rows.head) {
      heads.push_back(rows);
      rows.probabilities += rows.queries * rows.tokens;
    }
  }
  const Index count = static_cast<Index>(heads.size());
  const Index pairs = rows.probabilities / std::max<Index>(count, 1);  // of a query and a key, the mean over the heads
  for_each_row(count, pairs * problem.head_size, [&](Index i) { body(heads[static_cast<std::size_t>(i)]); });
}

template <class T>
RowMajorMatrix<T> softmax_scores(const Attention<T>& problem, const HeadRows& head) {
  RowMajorMatrix<T> p = eigen_map(head.of_queries(problem.query)) * eigen_map(head.of_tokens(problem.key)).transpose();
  if (problem.position_key) {
    const Index n = head.tokens;
    const RowMajorMatrix<T> by_queries = eigen_map(head.of_queries(problem.query)) *
                                         eigen_map(head.of_positions(problem.position_key)).transpose(),
                            by_keys = eigen_map(head.of_tokens(problem.key)) *
                                      eigen_map(head.of_positions(problem.position_query)).transpose();
    for (Index i = 0; i < head.queries; ++i)
      for (Index j = 0; j < n; ++j) p(i, j) += by_queries(i, n - 1 + j - i) + by_keys(j, n - 1 + j - i);
  }
  p *= problem.scale();
  if (problem.window > 0)
    for (Index i = 0; i < head.queries; ++i)
      for (Index j = 0; j < head.tokens; ++j)
        if (std::abs(i - j) > problem.window) p(i, j) = -std::numeric_limits<T>::infinity();
  for (Index r = 0; r < p.rows(); ++r) {
    if (problem.bias) p.row(r) += eigen_map(MatrixView(head.of_keys(problem.bias, head.head, r), 1, p.cols()));
    p.row(r) = (p.row(r).array() - p.row(r).maxCoeff()).exp();
    p.row(r) /= p.row(r).sum();
  }
  return p;
}

/// Rows of the probabilities' mask are numbered token by token, head by head.
template <class T>
void drop_probabilities(RowMajorMatrix<T>& p, const Attention<T>& problem, const HeadRows& head,
                        const Dropout& dropout_of) {
  if (!dropout_of.active()) return;
  for (Index r = 0; r < p.rows(); ++r) {
    Dropout row = dropout_of;
    row.first_row = (dropout_of.first_row + head.first_token + r) * problem.heads + head.head;
    kernels::dropout(MatrixView<T>(p.data() + r * p.cols(), 1, p.cols()), row);
  }
}

template <class T>
void attention(const Attention<T>& problem, MatrixView<T> context) {
  for_each_head(problem, [&](const HeadRows& head) {
    eigen_map(head.of_queries(context)).noalias() =
        softmax_scores(problem, head) * eigen_map(head.of_tokens(problem.value));
  });
}

template <class T>
void attention_forward(const Attention<T>& problem, const Dropout& dropout_of, MatrixView<T> context,
                       std::span<T> probabilities) {
  for_each_head(problem, [&](const HeadRows& head) {
    RowMajorMatrix<T> p = softmax_scores(problem, head);
    std::copy_n(p.data(), p.size(), probabilities.data() + head.probabilities);
    drop_probabilities(p, problem, head, dropout_of);
    eigen_map(head.of_queries(context)).noalias() = p * eigen_map(head.of_tokens(problem.value));
  });
}

/// Of what the positions add to the scores; adds to the gradients of the queries and the keys. ds: [queries, tokens].
template <class T>
void position_gradients(const Attention<T>& problem, const HeadRows& head, const RowMajorMatrix<T>& ds,
                        const AttentionGradients<T>& gradients) {
  const Index n = head.tokens;
  RowMajorMatrix<T> by_queries = RowMajorMatrix<T>::Zero(head.queries, 2 * n - 1),
                    by_keys = RowMajorMatrix<T>::Zero(n, 2 * n - 1);
  for (Index i = 0; i < head.queries; ++i)
    for (Index j = 0; j < n; ++j) by_queries(i, n - 1 + j - i) = by_keys(j, n - 1 + j - i) = ds(i, j);
  eigen_map(head.of_queries(gradients.query)).noalias() +=
      by_queries * eigen_map(head.of_positions(problem.position_key));
  eigen_map(head.of_tokens(gradients.key)).noalias() += by_keys * eigen_map(head.of_positions(problem.position_query));
  const Index rows = problem.position_key.rows;
  eigen_map(head.of_position_gradients(gradients.position_key, rows)).noalias() =
      by_queries.transpose() * eigen_map(head.of_queries(problem.query));
  eigen_map(head.of_position_gradients(gradients.position_query, rows)).noalias() =
      by_keys.transpose() * eigen_map(head.of_tokens(problem.key));
}

template <class T>
void attention_backward(const Attention<T>& problem, const Dropout& dropout_of, std::span<const T> probabilities,
                        MatrixView<const T> d_context, const AttentionGradients<T>& gradients) {
  const T scale = problem.scale();
  for_each_head(problem, [&](const HeadRows& head) {
    const auto p = eigen_map(MatrixView<const T>(probabilities.data() + head.probabilities, head.queries, head.tokens));
    const auto dc = eigen_map(head.of_queries(d_context));
    RowMajorMatrix<T> dropped = p;
    drop_probabilities(dropped, problem, head, dropout_of);
    eigen_map(head.of_tokens(gradients.value)).noalias() = dropped.transpose() * dc;
    RowMajorMatrix<T> ds = dc * eigen_map(head.of_tokens(problem.value)).transpose();
    drop_probabilities(ds, problem, head, dropout_of);
    const Eigen::Matrix<T, Eigen::Dynamic, 1> inner = (ds.array() * p.array()).rowwise().sum();
    ds = p.array() * (ds.colwise() - inner).array();
    eigen_map(head.of_queries(gradients.query)).noalias() = ds * eigen_map(head.of_tokens(problem.key)) * scale;
    eigen_map(head.of_tokens(gradients.key)).noalias() =
        ds.transpose() * eigen_map(head.of_queries(problem.query)) * scale;
    if (problem.position_key) position_gradients<T>(problem, head, ds * scale, gradients);
    if (!gradients.bias) return;
    const Index row = head.bias_row(problem.heads);
    std::fill_n(gradients.bias.row(row), gradients.bias.cols, T(0));
    for (Index r = 0; r < ds.rows(); ++r)
      eigen_map(MatrixView(head.of_keys(gradients.bias, row, r), 1, ds.cols())) += ds.row(r);
  });
}

}  // namespace
}  // namespace portable

template <class T>
void attention(const Attention<T>& problem, MatrixView<T> context, Stages* stages) {
  dispatch_stage<T>(stages, simd::attention, portable::attention<T>, problem, context);
}

template <class T>
void attention_forward(const Attention<T>& problem, const Dropout& dropout, MatrixView<T> context,
                       std::span<T> probabilities) {
  dispatch<T>(simd::attention_forward, portable::attention_forward<T>, problem, dropout, context, probabilities);
}

template <class T>
void attention_backward(const Attention<T>& problem, const Dropout& dropout,
                        std::span<const std::type_identity_t<T>> probabilities, ConstMatrix<T> d_context,
                        const AttentionGradients<T>& gradients) {
  dispatch<T>(simd::attention_backward, portable::attention_backward<T>, problem, dropout, probabilities, d_context,
              gradients);
}

#define SHARCS_INSTANTIATE(T)                                                                                  \
  template void attention(const Attention<T>&, MatrixView<T>, Stages*);                                        \
  template void attention_forward(const Attention<T>&, const Dropout&, MatrixView<T>, std::span<T>);           \
  template void attention_backward<T>(const Attention<T>&, const Dropout&, std::span<const T>, ConstMatrix<T>, \
                                      const AttentionGradients<T>&);
SHARCS_INSTANTIATE(float)
SHARCS_INSTANTIATE(double)
#undef SHARCS_INSTANTIATE

}  // namespace sharcs::kernels
#endif
