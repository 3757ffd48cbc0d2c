#include "nn/rotary.hpp"

#include <algorithm>
#include <cmath>

namespace sharcs::internal {

std::shared_ptr<const std::vector<float>> RotaryAngles::table(Index positions) const {
  const std::lock_guard lock(mutex_);
  const Index known = table_ ? std::ssize(*table_) / head_size_ : 0;
  if (known >= positions) return table_;
  // Twice as many as before, so that ever longer samples do not each pay for the whole table.
  const Index rows = std::max<Index>({positions, 2 * known, 64}), half = head_size_ / 2;
  auto table = std::make_shared<std::vector<float>>(static_cast<std::size_t>(rows * head_size_));
  for (Index c = 0; c < half; ++c) {
    const float exponent = static_cast<float>(2 * c) / static_cast<float>(head_size_);
    const float frequency = 1.0f / std::pow(static_cast<float>(theta_), exponent);
    for (Index p = 0; p < rows; ++p) {
      const float angle = static_cast<float>(p) * frequency;
      (*table)[static_cast<std::size_t>(p * head_size_ + c)] = std::cos(angle);
      (*table)[static_cast<std::size_t>(p * head_size_ + half + c)] = std::sin(angle);
    }
  }
  table_ = std::move(table);
  return table_;
}

template <class T>
void rotate(MatrixView<T> x, std::span<const Index> offsets, std::span<const float> table, Index head_size, Turn turn,
            Stages* stages) {
  const Index half = head_size / 2;
  const T sign = turn == Turn::forth ? T(1) : T(-1);
  share_ranges(stages, x.rows, grain(16384, x.cols), [=](Index begin, Index end) {
    auto sample = std::upper_bound(offsets.begin(), offsets.end(), begin) - 1;  // whose rows come next
    for (Index r = begin; r < end; ++r) {
      while (r >= sample[1]) ++sample;
      const float* const cosines = table.data() + (r - *sample) * head_size;
      const float* const sines = cosines + half;
      for (Index first = 0; first < x.cols; first += head_size) {
        T* const left = x.row(r) + first;
        T* const right = left + half;
        for (Index c = 0; c < half; ++c) {
          const T a = left[c], b = right[c], cosine = cosines[c], sine = sign * static_cast<T>(sines[c]);
          left[c] = a * cosine - b * sine;
          right[c] = b * cosine + a * sine;
        }
      }
    }
  });
}

template void rotate(MatrixView<float>, std::span<const Index>, std::span<const float>, Index, Turn, Stages*);
template void rotate(MatrixView<double>, std::span<const Index>, std::span<const float>, Index, Turn, Stages*);

}  // namespace sharcs::internal
