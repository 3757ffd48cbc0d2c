#pragma once

#include <string>
#include <vector>

#include "core/matrix_view.hpp"

namespace sharcs::internal::bench {

/// c = op(a) · op(b) + (add ? c : 0), row-major, where op transposes if asked to. c: [rows, cols].
struct PlainProduct {
  MatrixView<const float> a;
  bool transpose_a = false;
  MatrixView<const float> b;
  bool transpose_b = false;
  MatrixView<float> c;
  bool add = false;
};

/// A library whose matrix product users would pick instead.
struct Peer {
  std::string name;
  void (*multiply)(const PlainProduct& product);
  void (*set_threads)(int count);
  /// Seconds that its idle threads spin.
  double rest;
};

/// Eigen, and those that were found when this program was configured.
const std::vector<Peer>& peers();

}  // namespace sharcs::internal::bench
