#pragma once

#include <bit>
#include <cassert>
#include <cstdint>
#include <span>

#include "core/random.hpp"

namespace sharcs::internal {

/// A hardness label: the set of widths, by index, that a training sample is fit for.
class WidthLabel {
 public:
  static constexpr int max_widths = 32;

  /// The empty set.
  WidthLabel() = default;
  static WidthLabel only(int width) {
    WidthLabel label;
    label.add(width);
    return label;
  }

  void add(int width) { bits_ |= bit(width); }
  bool contains(int width) const { return (bits_ & bit(width)) != 0; }
  int size() const { return std::popcount(bits_); }
  bool empty() const { return bits_ == 0; }

  /// Draws one of the set's widths, all with the same probability. The set must not be empty.
  int draw(Random& random) const {
    assert(!empty());
    std::uint32_t rest = bits_;
    if (size() > 1)
      for (std::uint64_t skip = random.below(static_cast<std::uint64_t>(size())); skip > 0; --skip) rest &= rest - 1;
    return std::countr_zero(rest);
  }

  /// The router's target: for the set {0, 2} of three widths 1, 0, 1.
  template <class T>
  void write_multi_hot(std::span<T> target) const {
    for (std::size_t width = 0; width < target.size(); ++width)
      target[width] = contains(static_cast<int>(width)) ? T{1} : T{0};
  }

  friend bool operator==(WidthLabel, WidthLabel) = default;

 private:
  static std::uint32_t bit(int width) {
    assert(width >= 0 && width < max_widths);
    return std::uint32_t{1} << width;
  }

  std::uint32_t bits_ = 0;
};

}  // namespace sharcs::internal
