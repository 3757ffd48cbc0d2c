#include "core/random.hpp"

#include <cmath>
#include <numbers>

namespace sharcs::internal {

std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t counter_low, std::uint64_t counter_high) {
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  std::array<std::uint32_t, 4> c = {
      static_cast<std::uint32_t>(counter_low), static_cast<std::uint32_t>(counter_low >> 32),
      static_cast<std::uint32_t>(counter_high), static_cast<std::uint32_t>(counter_high >> 32)};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * c[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(a)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

std::uint64_t derive_key(std::uint64_t seed, std::string_view use, std::uint64_t index) {
  std::uint64_t name = 0xCBF29CE484222325u;  // FNV-1a
  for (const char c : use) name = (name ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  const auto words = philox(seed, name, index);
  return std::uint64_t{words[1]} << 32 | words[0];
}

double Random::uniform() {
  const std::uint64_t high = bits() >> 5, low = bits() >> 6;
  return static_cast<double>(high << 26 | low) * 0x1p-53;
}

std::uint64_t Random::below(std::uint64_t bound) {
  for (;;) {
    const std::uint64_t low = bits();
    const std::uint64_t word = std::uint64_t{bits()} << 32 | low;
    // Words below 2^64 mod bound, the uneven part, are dropped. That is less than bound, so it is seldom worked out.
    if (word >= bound || word >= (0 - bound) % bound) return word % bound;
  }
}

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace sharcs::internal
