#pragma once

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstdlib>
#include <vector>

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

/// The instruction sets that were compiled and that this machine has, the widest vectors first, Highway's emulation by
/// plain loops included. With SHARCS_TWO_SIMD_TARGETS in the environment only the first and the last set with vectors:
/// under sanitizers all take many minutes, and are compiled from the same lines.
inline std::vector<std::int64_t> simd_targets() {
  std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  if (std::getenv("SHARCS_TWO_SIMD_TARGETS") != nullptr) {
    std::erase(targets, HWY_EMU128);
    if (targets.size() > 2) targets.erase(targets.begin() + 1, targets.end() - 1);
  }
  return targets;
}

/// Runs `body` with the SIMD kernels at every one of simd_targets().
template <class Body>
void at_every_simd_target(const Body& body) {
  const Backend before = backend();
  set_backend(Backend::simd);
  for (const std::int64_t target : simd_targets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  set_backend(before);
}

}  // namespace sharcs::internal::kernels
