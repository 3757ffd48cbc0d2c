#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sharcs::internal {

/// Four random words from a key and a counter: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2,
/// 3", SC 2011). The same inputs give the same words on every machine and any thread.
std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t counter_low, std::uint64_t counter_high = 0);

/// A key for one use of randomness ("dropout", "shuffle", …) derived from the run's seed, so that uses do not share
/// words.
std::uint64_t derive_key(std::uint64_t seed, std::string_view use, std::uint64_t index = 0);

/// A stream of random numbers whose whole state is (key, position): it can be saved and continued. The rest are the
/// words around the position, since they come four at a time.
class Random {
 public:
  explicit Random(std::uint64_t key, std::uint64_t position = 0) : key_(key), position_(position) {}

  std::uint64_t key() const { return key_; }
  std::uint64_t position() const { return position_; }

  std::uint32_t bits() {
    if (const std::uint64_t block = position_ / 4; block != block_) {
      words_ = philox(key_, block);
      block_ = block;
    }
    return words_[position_++ % 4];
  }
  /// Uniform in [0, 1), 53 random bits.
  double uniform();
  /// Uniform in [0, bound), without bias. bound ≥ 1.
  std::uint64_t below(std::uint64_t bound);
  /// Standard normal (Box–Muller).
  double normal();

  /// Fisher–Yates.
  template <class Range>
  void shuffle(Range& range) {
    for (std::size_t i = range.size(); i > 1; --i) std::swap(range[i - 1], range[below(i)]);
  }

 private:
  std::uint64_t key_;
  std::uint64_t position_;  // in 32-bit words
  std::uint64_t block_ = ~std::uint64_t{0};
  std::array<std::uint32_t, 4> words_ = {};  // of the block
};

}  // namespace sharcs::internal
