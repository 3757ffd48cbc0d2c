#include "io/checksum.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sharcs::internal {
namespace {

constexpr std::uint64_t prime_1 = 0x9E3779B185EBCA87u;
constexpr std::uint64_t prime_2 = 0xC2B2AE3D27D4EB4Fu;
constexpr std::uint64_t prime_3 = 0x165667B19E3779F9u;
constexpr std::uint64_t prime_4 = 0x85EBCA77C2B2AE63u;
constexpr std::uint64_t prime_5 = 0x27D4EB2F165667C5u;
constexpr std::size_t stripe = 32;

static_assert(std::endian::native == std::endian::little);

template <class Word>
Word load(const std::byte* data) {
  Word word;
  std::memcpy(&word, data, sizeof word);
  return word;
}

std::uint64_t round(std::uint64_t lane, std::uint64_t word) { return std::rotl(lane + word * prime_2, 31) * prime_1; }

using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;

// For eight bytes at a time ("slicing-by-8", Kounavis and Berry 2005). The polynomial's lowest power stands in its top
// bit.
constexpr CrcTables crc_tables(std::uint32_t polynomial) {
  CrcTables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? polynomial : 0);
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t)
    for (std::uint32_t i = 0; i < 256; ++i) tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 255];
  return tables;
}
constexpr CrcTables ieee_tables = crc_tables(0xEDB88320u);
constexpr CrcTables castagnoli_tables = crc_tables(0x82F63B78u);

std::uint32_t crc(const CrcTables& t, std::span<const std::byte> bytes) {
  std::uint32_t sum = ~0u;
  const std::byte* data = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, data += 8) {
    const std::uint64_t word = load<std::uint64_t>(data) ^ sum;
    sum = t[7][word & 255] ^ t[6][(word >> 8) & 255] ^ t[5][(word >> 16) & 255] ^ t[4][(word >> 24) & 255] ^
          t[3][(word >> 32) & 255] ^ t[2][(word >> 40) & 255] ^ t[1][(word >> 48) & 255] ^ t[0][word >> 56];
  }
  for (; left > 0; --left, ++data) sum = (sum >> 8) ^ t[0][(sum ^ std::to_integer<std::uint32_t>(*data)) & 255];
  return ~sum;
}

}  // namespace

void Checksum::add_stripes(const std::byte* data, std::size_t count) {
  auto [a, b, c, d] = lanes_;  // in registers: the four multiply chains are what bounds the speed
  for (; count > 0; --count, data += stripe) {
    a = round(a, load<std::uint64_t>(data));
    b = round(b, load<std::uint64_t>(data + 8));
    c = round(c, load<std::uint64_t>(data + 16));
    d = round(d, load<std::uint64_t>(data + 24));
  }
  lanes_ = {a, b, c, d};
}

void Checksum::add(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  total_ += bytes.size();
  if (tail_size_ > 0) {
    const std::size_t taken = std::min(stripe - tail_size_, bytes.size());
    std::memcpy(tail_.data() + tail_size_, bytes.data(), taken);
    tail_size_ += taken;
    bytes = bytes.subspan(taken);
    if (tail_size_ < stripe) return;
    add_stripes(tail_.data(), 1);
  }
  add_stripes(bytes.data(), bytes.size() / stripe);
  tail_size_ = bytes.size() % stripe;
  if (tail_size_ > 0) std::memcpy(tail_.data(), bytes.data() + bytes.size() - tail_size_, tail_size_);
}

std::uint64_t Checksum::value() const {
  std::uint64_t hash = prime_5;
  if (total_ >= stripe) {
    hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) + std::rotl(lanes_[3], 18);
    for (const std::uint64_t lane : lanes_) hash = (hash ^ round(0, lane)) * prime_1 + prime_4;
  }
  hash += total_;
  const std::byte* data = tail_.data();
  std::size_t left = tail_size_;
  for (; left >= 8; left -= 8, data += 8)
    hash = std::rotl(hash ^ round(0, load<std::uint64_t>(data)), 27) * prime_1 + prime_4;
  if (left >= 4) {
    hash = std::rotl(hash ^ (load<std::uint32_t>(data) * prime_1), 23) * prime_2 + prime_3;
    left -= 4, data += 4;
  }
  for (; left > 0; --left, ++data)
    hash = std::rotl(hash ^ (std::to_integer<std::uint64_t>(*data) * prime_5), 11) * prime_1;
  hash = (hash ^ (hash >> 33)) * prime_2;
  hash = (hash ^ (hash >> 29)) * prime_3;
  return hash ^ (hash >> 32);
}

std::uint64_t checksum(std::span<const std::byte> bytes) {
  Checksum sum;
  sum.add(bytes);
  return sum.value();
}

std::uint32_t crc32(std::span<const std::byte> bytes) { return crc(ieee_tables, bytes); }

std::uint32_t crc32c(std::span<const std::byte> bytes) { return crc(castagnoli_tables, bytes); }

}  // namespace sharcs::internal
