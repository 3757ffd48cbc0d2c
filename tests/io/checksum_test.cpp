#include "io/checksum.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace sharcs::internal::checksum_test {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::vector<std::byte> counting(std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i);
  return bytes;
}

// Values of libxxhash 0.8.1.
TEST(Checksum, MatchesXxhash) {
  EXPECT_EQ(checksum({}), 0xef46db3751d8e999u);
  EXPECT_EQ(checksum(bytes_of("a")), 0xd24ec4f1a98c6e5bu);
  EXPECT_EQ(checksum(bytes_of("abc")), 0x44bc2cf5ad770999u);
  EXPECT_EQ(checksum(bytes_of("012345678901234567890123456789")), 0x13fa48a9f0832ee2u);
  EXPECT_EQ(checksum(counting(45)), 0x10fdd84d6409abdfu);
  EXPECT_EQ(checksum(counting(1000)), 0x6ef436b00eba4078u);
}

TEST(Checksum, DoesNotDependOnHowTheStreamIsCut) {
  const auto bytes = counting(300);
  for (std::size_t piece = 1; piece <= 70; ++piece) {
    Checksum sum;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      sum.add(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)));
    EXPECT_EQ(sum.value(), checksum(bytes)) << "pieces of " << piece;
  }
}

// Values of zlib 1.2.13.
TEST(Crc32, MatchesZlib) {
  EXPECT_EQ(crc32({}), 0u);
  EXPECT_EQ(crc32(bytes_of("123456789")), 0xcbf43926u);
  EXPECT_EQ(crc32(counting(1000)), 0x74e3fb41u);
}

// RFC 3720, appendix B.4.
TEST(Crc32c, MatchesThePublishedValues) {
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0})), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{255})), 0x62a8ab43u);
  EXPECT_EQ(crc32c(counting(32)), 0x46dd794eu);
}

}  // namespace
}  // namespace sharcs::internal::checksum_test
