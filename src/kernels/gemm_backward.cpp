#include "kernels/gemm.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm_backward.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <Eigen/Dense>
#include <algorithm>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/eigen_map.hpp"
#include "core/rounding.hpp"
#include "core/threads.hpp"
#include "kernels/backend.hpp"
#include "kernels/bf16_pair-inl.hpp"
#include "kernels/bf16_pairs.hpp"
#include "kernels/panel-inl.hpp"
#include "kernels/portable.hpp"
#include "kernels/tile_run-inl.hpp"
#include "kernels/vector_loop-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {

// Neither operand is packed beforehand here. First all threads together copy the whole of b into panels. Then each
// thread copies aᵀ for its task, a block of rows by a depth of 1024 at a time. That is 400 KB; they stay in an L2 cache
// of 1 MB beside the part of a panel (256 KB on AVX-512) that the tiles read and the next one that they prefetch.
constexpr Index block_depth = 1024;
constexpr Index task_rows = 16 * tile_rows;

/// A right operand in panels.
struct RightPanels {
  MatrixView<const float> b;
  float* data;

  Index count() const { return ceil_divide(b.cols, tile_cols); }
  Index size() const { return count() * b.rows * tile_cols; }
  Index cols(Index panel) const { return std::min(tile_cols, b.cols - panel * tile_cols); }
  /// A panel from its element of row k on.
  float* at(Index panel, Index k) const { return data + (panel * b.rows + k) * tile_cols; }
};

/// Some rows of a weight gradient by the columns of some panels.
struct Task {
  const TransposedProduct<float>* product;
  RightPanels right;
  Index first_row, rows, first_panel, end_panel;
};

/// Sums of one tile after the other, for a last panel that is not whole vectors wide: they pass through memory, from
/// where only the columns that y has are taken.
template <class Arithmetic>
void multiply_partial_panel(LeftGroups a, const float* panel, Index depth, TileAhead ahead, MatrixView<float> y,
                            bool add) {
  alignas(64) float unfinished[tile_rows * tile_cols];
  for (Index r = 0; r < y.rows; r += tile_rows) {
    const Index rows = std::min<Index>(tile_rows, y.rows - r);
    prefetch_rows(y.row(r), y.stride, rows, y.cols);
    run_rows<Arithmetic>(rows, ceil_divide(y.cols, tile_lanes), a.below(r), panel, depth, ahead,
                         {.out = unfinished, .out_row = tile_cols});
    for (Index i = 0; i < rows; ++i) {
      const float* const sum = unfinished + i * tile_cols;
      float* const out = y.row(r + i);
      for_each_vector(y.cols, [=](auto d, Index c) HWY_ATTR {
        const auto v = hn::LoadU(d, sum + c);
        hn::StoreU(add ? hn::Add(hn::LoadU(d, out + c), v) : v, d, out + c);
      });
    }
  }
}

/// y = a · panel or y += a · panel over a block of the depth. groups: what pack_left_transposed makes of aᵀ.
template <class Arithmetic>
void multiply_panel(const float* groups, const float* panel, Index depth, BlockAhead next, MatrixView<float> y,
                    bool add) {
  const LeftGroups a = {groups, left_group_stride(depth)};
  TileAhead ahead = next.over(ceil_divide<Index>(y.rows, tile_rows), depth);
  if (y.cols % tile_lanes != 0) return multiply_partial_panel<Arithmetic>(a, panel, depth, ahead, y, add);
  run_rows<Arithmetic>(y.rows, y.cols / tile_lanes, a, panel, depth, ahead,
                       {.residual = add ? y.data : nullptr,
                        .residual_row = y.stride,
                        .out = y.data,
                        .out_row = y.stride,
                        .is_far = true});
}

template <class Arithmetic>
void run_task(const Task& task, Write write) {
  thread_local AlignedBuffer<float> groups(
      static_cast<std::size_t>(task_rows / tile_rows * left_group_stride(block_depth)));
  const auto& [a, b, y] = *task.product;
  const Index blocks = std::max<Index>(1, ceil_divide(b.rows, block_depth));
  for (Index block = 0; block < blocks; ++block) {
    const Index k = b.rows * block / blocks, depth = b.rows * (block + 1) / blocks - k;
    pack_left_transposed(a.block(k, task.first_row, depth, task.rows), groups.data());
    for (Index panel = task.first_panel; panel < task.end_panel; ++panel) {
      const bool last = panel + 1 == task.end_panel;
      multiply_panel<Arithmetic>(groups.data(), task.right.at(panel, k), depth,
                                 last ? BlockAhead() : BlockAhead(task.right.at(panel + 1, k), depth),
                                 y.block(task.first_row, panel * tile_cols, task.rows, task.right.cols(panel)),
                                 write == Write::accumulate || block > 0);
    }
  }
}

/// Copies the right operands into panels, in memory of the calling thread that its next call reuses.
std::vector<RightPanels> pack_right(std::span<const TransposedProduct<float>> products) {
  thread_local AlignedBuffer<float> memory;
  std::vector<RightPanels> rights;
  std::vector<Index> offsets;  // in the memory
  Index size = 0;
  for (const auto& p : products) {
    const RightPanels right = {p.b, nullptr};
    // Query, key and value read the same x: one copy serves them all.
    const auto same = std::find_if(rights.begin(), rights.end(), [&](const RightPanels& other) {
      return other.b.data == p.b.data && other.b.rows == p.b.rows && other.b.cols == p.b.cols &&
             other.b.stride == p.b.stride;
    });
    const bool is_new = same == rights.end();
    offsets.push_back(is_new ? size : offsets[static_cast<std::size_t>(same - rights.begin())]);
    if (is_new) size += right.size();
    rights.push_back(right);
  }
  if (memory.size() < static_cast<std::size_t>(size)) memory = AlignedBuffer<float>(static_cast<std::size_t>(size));
  Index packed = 0;
  for (std::size_t i = 0; i < rights.size(); ++i) {
    RightPanels& right = rights[i];
    right.data = memory.data() + offsets[i];
    if (offsets[i] < packed) continue;  // for a product before it
    packed += right.size();
    parallel_ranges(right.b.rows, grain(32768, right.b.cols),
                    [&](Index begin, Index end) { pack_rows(right.b, begin, end, right.data); });
  }
  return rights;
}

template <class Arithmetic>
void multiply_tn_as(std::span<const TransposedProduct<float>> products, Write write) {
  double work = 0;
  Index row_parts = 0;
  for (const auto& p : products) {
    work += product_work(p.y.rows, p.b.rows, p.y.cols);
    row_parts += ceil_divide(p.y.rows, task_rows);
  }
  const int workers = useful_threads(work, work_of_a_thread);
  const std::vector<RightPanels> rights = pack_right(products);
  // a is packed again for every part of the columns, so these are as few as keep the threads evenly busy.
  const Index col_parts = workers == 1 ? 1 : ceil_divide<Index>(4 * workers, std::max<Index>(1, row_parts));
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < products.size(); ++i) {
    const Index rows = products[i].y.rows, panels = rights[i].count(), parts = std::min(col_parts, panels);
    for (Index row = 0; row < rows; row += task_rows) {
      for (Index part = 0; part < parts; ++part) {
        tasks.push_back({&products[i], rights[i], row, std::min(task_rows, rows - row), panels * part / parts,
                         panels * (part + 1) / parts});
      }
    }
  }
  const GuidedWork work_list = {.total = static_cast<Index>(tasks.size())};
  parallel_guided(work_list, workers, [&](const auto& take) {
    for (WorkShare share = take(); share.begin < share.end; share = take()) {
      for (Index i = share.begin; i < share.end; ++i) run_task<Arithmetic>(tasks[static_cast<std::size_t>(i)], write);
    }
  });
}

void multiply_tn(std::span<const TransposedProduct<float>> products, Write write) {
  multiply_tn_as<FloatProducts>(products, write);
}

/// Operands of pairs.
void multiply_pairs_tn(std::span<const TransposedProduct<float>> products, Write write,
                       [[maybe_unused]] bool by_instruction) {
#ifdef SHARCS_BF16_DOT
  if (by_instruction) return multiply_tn_as<Bf16Dots>(products, write);
#endif
  multiply_tn_as<Bf16Halves>(products, write);
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::kernels {
HWY_EXPORT(multiply_tn);
HWY_EXPORT(multiply_pairs_tn);

namespace simd {
namespace {

// The forward product, with b packed for it on the way: the arithmetic of all its rows is worth that.
void multiply_nn(std::span<const Term<float>> terms, MatrixView<float> y, Write write, Numbers numbers) {
  thread_local PackedMatrix<float> panels;
  MatrixView<const float> so_far;
  if (write == Write::accumulate) so_far = y;
  for (const auto& term : terms) {
    panels.pack_transpose(term.b, numbers);
    kernels::multiply<float>({term.a, &panels, panels.whole(), y, {.residual = so_far}});
    so_far = y;
  }
}

void multiply_bf16_tn(std::span<const TransposedProduct<float>> products, Write write) {
  thread_local Workspace memory;
  memory.clear();
  std::vector<MatrixView<const float>> lefts, rights;
  for (const auto& p : products) {
    lefts.push_back(p.a);
    rights.push_back(p.b);
  }
  lefts = pair_each(lefts, pair_rows, memory);
  rights = pair_each(rights, pair_rows, memory);
  std::vector<TransposedProduct<float>> of_pairs;
  for (std::size_t i = 0; i < products.size(); ++i) of_pairs.push_back({lefts[i], rights[i], products[i].y});
  HWY_DYNAMIC_DISPATCH(multiply_pairs_tn)(of_pairs, write, uses_bf16_instruction());
}

void multiply_tn(std::span<const TransposedProduct<float>> products, Write write, Numbers numbers) {
  if (numbers == Numbers::bf16) return multiply_bf16_tn(products, write);
  HWY_DYNAMIC_DISPATCH(multiply_tn)(products, write);
}

}  // namespace
}  // namespace simd

namespace portable {
namespace {

template <class T>
auto operand(MatrixView<const T> x, Numbers numbers) {
  return eigen_map(x).unaryExpr([=](T element) { return rounded(element, numbers); });
}

template <class T>
void multiply_nn(std::span<const Term<T>> terms, MatrixView<T> y, Write write, Numbers numbers) {
  auto out = eigen_map(y);
  if (write == Write::overwrite) out.setZero();
  for (const Term<T>& term : terms) out.noalias() += operand(term.a, numbers) * operand(term.b, numbers);
}

template <class T>
void multiply_tn(std::span<const TransposedProduct<T>> products, Write write, Numbers numbers) {
  for (const TransposedProduct<T>& p : products) {
    auto out = eigen_map(p.y);
    if (write == Write::overwrite) out.setZero();
    out.noalias() += operand(p.a, numbers).transpose() * operand(p.b, numbers);
  }
}

}  // namespace
}  // namespace portable

template <class T>
void multiply_nn(std::span<const Term<T>> terms, MatrixView<T> y, Write write, Numbers numbers) {
  dispatch<T>(simd::multiply_nn, portable::multiply_nn<T>, terms, y, write, numbers);
}

template <class T>
void multiply_tn(std::span<const TransposedProduct<T>> products, Write write, Numbers numbers) {
  dispatch<T>(simd::multiply_tn, portable::multiply_tn<T>, products, write, numbers);
}

#define SHARCS_INSTANTIATE(T)                                                         \
  template void multiply_nn(std::span<const Term<T>>, MatrixView<T>, Write, Numbers); \
  template void multiply_tn(std::span<const TransposedProduct<T>>, Write, Numbers);
SHARCS_INSTANTIATE(float)
SHARCS_INSTANTIATE(double)
#undef SHARCS_INSTANTIATE

}  // namespace sharcs::internal::kernels
#endif
