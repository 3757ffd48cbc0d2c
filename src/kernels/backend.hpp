#pragma once

#include <string>

namespace sharcs::internal::kernels {

/// Which code runs the float kernels.
enum class Backend {
  simd,   ///< Highway kernels over packed panels
  eigen,  ///< Eigen products and plain loops: the portable fallback and the oracle in tests
};

/// The backend in force: SHARCS_KERNELS in the environment ("simd" or "eigen"), else what was configured.
/// Throws ConfigError when the variable has another value.
Backend backend();

/// Overrides the backend for the whole process. Weights packed before the call must be packed again.
void set_backend(Backend backend);

/// "simd" or "eigen".
std::string to_string(Backend backend);

}  // namespace sharcs::internal::kernels
