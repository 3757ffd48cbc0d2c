#pragma once

#include <cstdint>

#include "core/matrix_view.hpp"

namespace sharcs::internal::kernels {

// The matrix unit of Intel's server processors from Sapphire Rapids on: AMX, with registers ("tiles") of 16 rows of 64
// bytes. Highway has no operations for it.

/// A block of an int8 product: 32 rows of x by the 64 outputs of a panel of Int8Matrix.
inline constexpr Index amx_rows = 32, amx_cols = 64;
/// Fewer rows than this are left to the dot product: the unit takes as long for one row as for sixteen.
inline constexpr Index amx_least_rows = 16;

enum class AmxUse { automatic, never, emulated };
/// For tests. automatic: where the machine has the unit. emulated: everywhere, by plain loops that stand for its
/// instructions.
void use_amx(AmxUse use);
/// Whether products are to use the unit: the processor has it, the system gives it to this process, and a product of
/// small numbers comes out right.
bool uses_amx();

/// Blocks of one thread. The registers belong to the thread; they are given back in the end.
class AmxBlocks {
 public:
  AmxBlocks();
  ~AmxBlocks();
  AmxBlocks(const AmxBlocks&) = delete;
  AmxBlocks& operator=(const AmxBlocks&) = delete;

  /// sums[r · amx_cols + c] = Σ over i of x(r, i) · (panel's value for output c and input i, as it is stored:
  /// unsigned). x: `height` rows, 1 to amx_rows, `stride` bytes apart, of 4 · groups values; panel: `groups` groups of
  /// four inputs.
  void multiply(const std::int8_t* x, Index stride, Index height, const std::int32_t* panel, Index groups,
                std::int32_t* sums);

 private:
  [[maybe_unused]] bool native_;  // unused where there is no such unit
  Index height_ = 0;              // that the registers are set up for
};

}  // namespace sharcs::internal::kernels
