#include "io/checksum.hpp"

#define XXH_INLINE_ALL  // nothing to link: a static libsharcs needs no xxHash beside it
#include <xxhash.h>
#include <zlib.h>

#include <array>

namespace sharcs::internal {
namespace {

// The polynomial's lowest power stands in its top bit.
constexpr std::array<std::uint32_t, 256> castagnoli_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82F63B78u : 0);
    table[i] = crc;
  }
  return table;
}

}  // namespace

struct Checksum::State {
  XXH64_state_t xxhash;
};

Checksum::Checksum() : state_(std::make_unique<State>()) { XXH64_reset(&state_->xxhash, 0); }
Checksum::~Checksum() = default;

void Checksum::add(std::span<const std::byte> bytes) { XXH64_update(&state_->xxhash, bytes.data(), bytes.size()); }

std::uint64_t Checksum::value() const { return XXH64_digest(&state_->xxhash); }

std::uint64_t checksum(std::span<const std::byte> bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

std::uint32_t crc32(std::span<const std::byte> bytes) {
  // For null data zlib returns the sum of no bytes, which is what is asked for.
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::uint32_t crc32c(std::span<const std::byte> bytes) {
  static constexpr std::array<std::uint32_t, 256> table = castagnoli_table();
  std::uint32_t sum = ~0u;
  for (const std::byte byte : bytes) sum = (sum >> 8) ^ table[(sum ^ std::to_integer<std::uint32_t>(byte)) & 255];
  return ~sum;
}

}  // namespace sharcs::internal
