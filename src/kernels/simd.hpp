#pragma once

#include <cstdint>
#include <span>

#include "kernels/dropout.hpp"

/// The float kernels in SIMD code, compiled for every instruction set of the architecture and chosen at run time
/// (Highway). See the public header of each kernel for what it computes.
namespace sharcs::kernels::simd {

void dropout(MatrixView<float> x, const Dropout& dropout);

}  // namespace sharcs::kernels::simd
