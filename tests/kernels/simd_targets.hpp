#pragma once

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "kernels/backend.hpp"

namespace sharcs::internal::kernels {

/// Runs `body` with the portable kernels.
template <class Body>
void with_portable_kernels(const Body& body) {
  const Backend before = backend();
  set_backend(Backend::portable);
  body();
  set_backend(before);
}

/// Runs `body` with the SIMD kernels at every instruction set that was compiled and that this machine has, Highway's
/// emulation by plain loops included.
template <class Body>
void at_every_simd_target(const Body& body) {
  const Backend before = backend();
  set_backend(Backend::simd);
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  set_backend(before);
}

}  // namespace sharcs::internal::kernels
