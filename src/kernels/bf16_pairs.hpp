#pragma once

#include <span>
#include <vector>

#include "core/matrix_view.hpp"
#include "core/stages.hpp"
#include "core/workspace.hpp"

namespace sharcs::internal::kernels {

// Products of bf16 numbers run through the code of fp32 products. Two bf16 that are neighbours along the inner
// dimension are a pair and stand in place of one float: the first in its lower half, the second in its upper one.
// Matrices of pairs are cut, packed and loaded as matrices of floats, with half the inner dimension; only the
// multiply-add of the register tile is another (bf16_pair-inl.hpp). So a pair is moved, and never computed with as a
// float. Where the inner dimension is odd, the last pair has 0 as its second number.

/// How many pairs hold so many numbers.
inline Index pair_count(Index numbers) { return (numbers + 1) / 2; }

/// pairs(r, i) = x(r, 2i), x(r, 2i + 1), each rounded to the nearest bf16, ties to even. pairs: [x.rows,
/// pair_count(x.cols)]. stages: it becomes the next of them; null: it runs at once.
void pair_columns(MatrixView<const float> x, MatrixView<float> pairs, Stages* stages = nullptr);
/// pairs(i, c) = x(2i, c), x(2i + 1, c). pairs: [pair_count(x.rows), x.cols].
void pair_rows(MatrixView<const float> x, MatrixView<float> pairs, Stages* stages = nullptr);

/// Pairs of several operands, in `memory`. Operands that are the same share a copy: query,
/// key and value read the same x. pair: pair_columns or pair_rows.
std::vector<MatrixView<const float>> pair_each(std::span<const MatrixView<const float>> operands,
                                               void (*pair)(MatrixView<const float>, MatrixView<float>, Stages*),
                                               Workspace& memory, Stages* stages = nullptr);

/// Whether this processor has an instruction for products of bf16 numbers, and products use it. Without it, bf16
/// numbers are widened to floats on the way: half the memory, at the speed of floats.
bool uses_bf16_instruction();
/// For tests: lets products do without the instruction, or use it where there is one.
void allow_bf16_instruction(bool allowed);

}  // namespace sharcs::internal::kernels
