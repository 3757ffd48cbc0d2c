#pragma once

#include <bit>
#include <cstdint>

namespace sharcs::internal {

// The 16-bit floats of checkpoints, as bits: F16 (IEEE binary16) and BF16 (the upper half of a float). Without branches
// on the value, so that loops over them become vector code.

inline float float_of_f16(std::uint16_t half) {
  // Normal numbers: shift into place and rebias the exponent by a multiplication, which also carries infinity and NaN.
  // Subnormal ones: the significand rides on 0.5, which is then taken away. (Maratyszcza, FP16)
  const std::uint32_t word = std::uint32_t{half} << 16;
  const std::uint32_t sign = word & 0x80000000u;
  const std::uint32_t twice = word + word;
  const float normal = std::bit_cast<float>((twice >> 4) + (0xE0u << 23)) * 0x1p-112f;
  const float subnormal = std::bit_cast<float>((twice >> 17) | (126u << 23)) - 0.5f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(twice < (1u << 27) ? subnormal : normal));
}

inline float float_of_bf16(std::uint16_t half) { return std::bit_cast<float>(std::uint32_t{half} << 16); }

/// Rounded to nearest even; what is too large becomes infinite.
inline std::uint16_t f16_of_float(float value) {
  // Adding a float whose last bit has the weight of the half's last bit makes the hardware round. (Maratyszcza, FP16)
  const std::uint32_t word = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t twice = word + word;
  const float magnitude = std::bit_cast<float>(word & 0x7FFFFFFFu);
  const std::uint32_t exponent = twice & 0xFF000000u;
  const std::uint32_t bias = exponent < 0x71000000u ? 0x71000000u : exponent;
  const float base = std::bit_cast<float>((bias >> 1) + 0x07800000u) + magnitude * 0x1p112f * 0x1p-110f;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(base);
  const std::uint32_t rounded = ((bits >> 13) & 0x7C00u) + (bits & 0x0FFFu);
  return static_cast<std::uint16_t>((word & 0x80000000u) >> 16 | (twice > 0xFF000000u ? 0x7E00u : rounded));
}

/// Rounded to nearest even.
inline std::uint16_t bf16_of_float(float value) {
  const std::uint32_t word = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (word + 0x7FFFu + ((word >> 16) & 1u)) >> 16;
  return static_cast<std::uint16_t>((word & 0x7FFFFFFFu) > 0x7F800000u ? (word >> 16) | 0x40u : rounded);
}

}  // namespace sharcs::internal
