#pragma once

#include <type_traits>

#include "core/stages.hpp"

namespace sharcs::internal::kernels {

/// Which code runs the kernels.
///
/// Every kernel is written twice. The portable code (plain loops, Eigen's products) says what a kernel computes, for
/// any element type; it is the only code for doubles, what tests compare the SIMD code with, and the fallback where the
/// SIMD code is in doubt. The SIMD code (Highway) is what runs otherwise.
enum class Backend { simd, portable };

/// The backend in force: SHARCS_KERNELS in the environment ("simd" or "portable"), else what was configured.
/// Throws ConfigError when the variable has another value.
Backend backend();

/// Overrides the backend for the whole process. Weights packed before the call must be packed again.
void set_backend(Backend backend);

/// The element types that have SIMD code. The others always run the portable code.
template <class Element>
inline constexpr bool has_simd = std::is_same_v<Element, float>;

/// Calls simd(arguments...) where Element has SIMD code and that backend is in force, else portable(arguments...). So a
/// kernel is declared once in its header, and its definition is one line:
///
///     template <class T>
///     void add(ConstMatrix<T> x, MatrixView<T> y) {
///       dispatch<T>(simd::add, portable::add<T>, x, y);
///     }
template <class Element, class Simd, class Portable, class... Arguments>
auto dispatch(Simd simd, Portable portable, const Arguments&... arguments) {
  if constexpr (has_simd<Element>) {
    if (backend() == Backend::simd) return simd(arguments...);
  }
  return portable(arguments...);
}

/// The same for a kernel that runs at once where `stages` is null, and is else added to them: simd(stages,
/// arguments...).
template <class Element, class Simd, class Portable, class... Arguments>
void dispatch_stage(Stages* stages, Simd simd, Portable portable, const Arguments&... arguments) {
  if constexpr (has_simd<Element>) {
    if (backend() == Backend::simd) return simd(stages, arguments...);
  }
  if (stages == nullptr) return portable(arguments...);
  stages->add(1, [=](int) { portable(arguments...); });
}

}  // namespace sharcs::internal::kernels
