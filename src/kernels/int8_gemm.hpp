#pragma once

#include <span>

#include "core/matrix_view.hpp"
#include "kernels/gemm.hpp"
#include "kernels/int8_matrix.hpp"
#include "kernels/int8_rows.hpp"

namespace sharcs::internal::kernels {

/// y = epilogue(x · W[:outputs, :inputs]ᵀ), where x and W are int8.
///
/// x: [rows, inputs]; y: [rows, outputs], overwritten. The sums are exact integers. An element is then
///   sum · (scale of the output) · (scale of the row) + bias
/// in floats, rounded after each step, and goes on as in a Product. So a result has the same bits on every instruction
/// set (but for the activation), for any number of threads, and whatever the other rows are.
struct Int8Product {
  Int8Rows x;
  const Int8Matrix* weight;
  Slice slice;
  MatrixView<float> y;
  Epilogue<float> epilogue = {};
};

/// Runs independent products as one parallel job. None may read what another writes.
/// stages: the job becomes the next of them; null: it runs at once.
void multiply(std::span<const Int8Product> products, Stages* stages = nullptr);
inline void multiply(const Int8Product& product, Stages* stages = nullptr) {
  multiply(std::span<const Int8Product>(&product, 1), stages);
}

/// The same for one product whose result is wanted as int8 only. y is memory to work in: where there are more rows than
/// fit into the L2 cache, they are multiplied and quantized part by part. Afterwards y may hold anything. stages: as
/// above; it may be the next two.
void multiply_and_quantize(const Int8Product& product, const Int8Rows& result, Stages* stages = nullptr);

/// The processor's instruction for the dot product of four int8, by instruction set.
enum class DotInstruction { none, avx512_vnni, avx_vnni, neon_dot };

/// Whether this processor has an instruction for the dot product of four int8, and products use it.
bool uses_dot_instruction();
/// For tests: lets products do without the instruction, or use it where there is one.
void allow_dot_instruction(bool allowed);

}  // namespace sharcs::internal::kernels
