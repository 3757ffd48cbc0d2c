#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/matrix_view.hpp"
#include "core/stages.hpp"

namespace sharcs::internal {

/// The angles of rotary positions (Su et al. 2021, arXiv:2104.09864, section 3.2.2): a token at position p turns the
/// elements c and c + head_size / 2 of each head by the angle p · theta^(−2c / head_size). A product of two turned
/// heads then depends on how far their tokens are apart.
///
/// Cosines and sines are floats of angles that are floats, as in transformers, so that far positions agree, too. They
/// are computed for as many positions as have been asked for. Any number of threads may ask.
class RotaryAngles {
 public:
  /// head_size: even.
  RotaryAngles(double theta, Index head_size) : theta_(theta), head_size_(head_size) {}

  Index head_size() const { return head_size_; }
  /// [positions or more, head_size]: the cosines of a position's head_size / 2 angles, then their sines.
  std::shared_ptr<const std::vector<float>> table(Index positions) const;

 private:
  double theta_;
  Index head_size_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const std::vector<float>> table_;
};

enum class Turn {
  forth,
  back,  ///< by the negative angles: of a gradient
};

/// Turns the rows of x, in place. x: [rows, heads · head_size]; sample s owns the rows offsets[s] .. offsets[s + 1] −
/// 1, which are its tokens from position 0 on.
/// table: of as many positions as the longest sample has tokens. stages: it becomes the next of them; null: it runs at
/// once.
template <class T>
void rotate(MatrixView<T> x, std::span<const Index> offsets, std::span<const float> table, Index head_size, Turn turn,
            Stages* stages = nullptr);

}  // namespace sharcs::internal
