#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm_backward_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>

#include "core/aligned_buffer.hpp"
#include "core/threads.hpp"
#include "kernels/panel-inl.hpp"
#include "kernels/simd.hpp"
#include "kernels/tile_run-inl.hpp"
#include "kernels/vector_loop-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::kernels::HWY_NAMESPACE {

// Neither operand is packed beforehand here, so each thread copies what it is about to use into panels of its own: a
// block of b, 512 deep and as wide as a tile (128 KB on AVX-512), for all the rows of its task; and for aᵀ a block of
// a, for all the panels of its task. Both fit into an L2 cache of 1 MB.
constexpr Index block_depth = 512;

/// Scratch of the calling thread, for as long as it does not ask again with the same `which`.
float* scratch(int which, Index size) {
  thread_local AlignedBuffer<float> buffers[2];
  auto& buffer = buffers[which];
  if (buffer.size() < static_cast<std::size_t>(size)) buffer = AlignedBuffer<float>(static_cast<std::size_t>(size));
  return buffer.data();
}

/// y = a · b or y += a · b. `left(r)` is a's operand for the tile whose first row is r.
template <class Left, class Right>
void multiply_panel(const Left& left, Right b, Index depth, MatrixView<float> y, bool add) {
  alignas(64) float unfinished[tile_rows * tile_cols];
  const Index vectors = (y.cols + tile_lanes - 1) / tile_lanes;
  const bool whole = y.cols == vectors * tile_lanes;
  for (Index r = 0; r < y.rows; r += tile_rows) {
    const Index rows = std::min<Index>(tile_rows, y.rows - r);
    prefetch_rows(y, r, rows, 0, y.cols);
    TileMemory tile = {.out = whole ? y.row(r) : unfinished, .out_row = whole ? y.stride : tile_cols};
    if (whole && add) {
      tile.earlier = y.row(r);
      tile.earlier_row = y.stride;
    }
    run_tiles<decltype(left(r)), Right>[rows - 1][vectors - 1](left(r), b, depth, {}, tile);
    for (Index i = 0; !whole && i < rows; ++i) {
      const float* const sum = unfinished + i * tile_cols;
      float* const out = y.row(r + i);
      for_each_vector(y.cols, [=](auto d, Index c) HWY_ATTR {
        const auto v = hn::LoadU(d, sum + c);
        hn::StoreU(add ? hn::Add(hn::LoadU(d, out + c), v) : v, d, out + c);
      });
    }
  }
}

Index blocks_of(Index inner) { return std::max<Index>(1, (inner + block_depth - 1) / block_depth); }

/// Rows first_row .. of multiply_nn's result by the columns first_col .. of one panel: y is that part.
void multiply_nn_part(std::span<const Term<float>> terms, Index first_row, Index first_col, MatrixView<float> y,
                      Write write) {
  bool add = write == Write::accumulate;
  for (const auto& term : terms) {
    const Index inner = term.b.rows, blocks = blocks_of(inner);
    for (Index block = 0; block < blocks; ++block) {
      const Index k = inner * block / blocks, depth = inner * (block + 1) / blocks - k;
      const auto b = term.b.block(k, first_col, depth, y.cols);
      const auto left = [&](Index r) { return LeftRows{term.a.row(first_row + r) + k, term.a.stride}; };
      // What only one or two tiles read is read where it stands, unless whole vectors would reach past its end.
      if (y.rows > 2 * tile_rows || y.cols % tile_lanes != 0) {
        float* const panel = scratch(0, block_depth * tile_cols);
        pack_panel(b, panel);
        multiply_panel(left, RightPanel{panel}, depth, y, add);
      } else {
        multiply_panel(left, RightRows{b.data, b.stride}, depth, y, add);
      }
      add = true;
    }
  }
}

/// Rows first_row .. of a product by aᵀ, columns first_col ..: y is that part.
void multiply_tn_part(const TransposedProduct<float>& product, Index first_row, Index first_col, MatrixView<float> y,
                      Write write) {
  const Index inner = product.a.rows, blocks = blocks_of(inner);
  for (Index block = 0; block < blocks; ++block) {
    const Index k = inner * block / blocks, depth = inner * (block + 1) / blocks - k;
    float* const groups = scratch(1, (y.rows + tile_rows - 1) / tile_rows * left_group_stride(block_depth));
    pack_left_transposed(product.a.block(k, first_row, depth, y.rows), groups);
    for (Index c = 0; c < y.cols; c += tile_cols) {
      const Index cols = std::min(tile_cols, y.cols - c);
      float* const panel = scratch(0, block_depth * tile_cols);
      pack_panel(product.b.block(k, first_col + c, depth, cols), panel);
      multiply_panel([&](Index r) { return LeftGroup{groups + r / tile_rows * left_group_stride(depth)}; },
                     RightPanel{panel}, depth, y.col_range(c, cols), write == Write::accumulate || block > 0);
    }
  }
}

Index ceil_divide(Index a, Index b) { return (a + b - 1) / b; }

/// A result cut between tiles into parts of row_size × col_size elements.
struct Parts {
  MatrixView<float> y;
  Index row_size, col_size, in_a_row;

  Parts(MatrixView<float> result, Index row_parts, Index col_parts)
      : y(result),
        row_size(ceil_divide(ceil_divide(y.rows, tile_rows), row_parts) * tile_rows),
        col_size(ceil_divide(ceil_divide(y.cols, tile_cols), col_parts) * tile_cols),
        in_a_row(ceil_divide(y.cols, col_size)) {}
  Index count() const { return ceil_divide(y.rows, row_size) * in_a_row; }
  Index first_row(Index part) const { return part / in_a_row * row_size; }
  Index first_col(Index part) const { return part % in_a_row * col_size; }
  MatrixView<float> operator[](Index part) const {
    const Index row = first_row(part), col = first_col(part);
    return y.block(row, col, std::min(row_size, y.rows - row), std::min(col_size, y.cols - col));
  }
};

void multiply_nn(std::span<const Term<float>> terms, MatrixView<float> y, Write write) {
  if (y.rows == 0 || y.cols == 0) return;
  double work = 0;
  for (const auto& term : terms) work += product_work(y.rows, term.b.rows, y.cols);
  const int workers = useful_threads(work, work_of_a_thread);
  // Parts are one panel wide. It is packed again for every part of the rows, so these are as few as keep the threads
  // evenly busy, and not below 16 tiles, for which packing is a twentieth of the work.
  const Index panels = ceil_divide(y.cols, tile_cols), most = 1 + y.rows / (16 * tile_rows);
  const Parts parts(y, workers == 1 ? 1 : std::min(most, ceil_divide(8 * workers, panels)), panels);
  parallel_guided(parts.count(), 1, workers, [&](const auto& take) {
    for (WorkShare share = take(); share.begin < share.end; share = take()) {
      for (Index i = share.begin; i < share.end; ++i) {
        multiply_nn_part(terms, parts.first_row(i), parts.first_col(i), parts[i], write);
      }
    }
  });
}

void multiply_tn(std::span<const TransposedProduct<float>> products, Write write) {
  double work = 0;
  Index row_parts = 0;
  // So many rows that packing b for them is a hundredth of the work, and so few that their part of a stays in the
  // cache.
  const auto row_parts_of = [](MatrixView<float> y) { return ceil_divide(y.rows, 32 * tile_rows); };
  for (const auto& p : products) {
    work += product_work(p.y.rows, p.a.rows, p.y.cols);
    row_parts += row_parts_of(p.y);
  }
  const int workers = useful_threads(work, work_of_a_thread);
  // a is packed again for every part of the columns, so these are as few as keep the threads evenly busy.
  const Index col_parts = workers == 1 ? 1 : ceil_divide(4 * workers, std::max<Index>(1, row_parts));
  Index total = 0;
  const auto for_each_product = [&](const auto& body) {
    for (const auto& p : products) {
      if (p.y.rows == 0 || p.y.cols == 0) continue;
      const Parts parts(p.y, row_parts_of(p.y), std::min(col_parts, ceil_divide(p.y.cols, tile_cols)));
      body(p, parts);
    }
  };
  for_each_product([&](const auto&, const Parts& parts) { total += parts.count(); });
  parallel_guided(total, 1, workers, [&](const auto& take) {
    for (WorkShare share = take(); share.begin < share.end; share = take()) {
      Index start = 0;
      for_each_product([&](const auto& p, const Parts& parts) {
        for (Index i = std::max(share.begin - start, Index{0}); i < std::min(share.end - start, parts.count()); ++i) {
          multiply_tn_part(p, parts.first_row(i), parts.first_col(i), parts[i], write);
        }
        start += parts.count();
      });
    }
  });
}

}  // namespace sharcs::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::kernels {
HWY_EXPORT(multiply_nn);
HWY_EXPORT(multiply_tn);

void simd::multiply_nn(std::span<const Term<float>> terms, MatrixView<float> y, Write write) {
  HWY_DYNAMIC_DISPATCH(multiply_nn)(terms, y, write);
}
void simd::multiply_tn(std::span<const TransposedProduct<float>> products, Write write) {
  HWY_DYNAMIC_DISPATCH(multiply_tn)(products, write);
}

}  // namespace sharcs::kernels
#endif
