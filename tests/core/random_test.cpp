#include "core/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace sharcs::internal::random_test {
namespace {

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10).
TEST(Philox, MatchesThePublishedVectors) {
  EXPECT_EQ(philox(0, 0, 0), (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox(~0ull, ~0ull, ~0ull),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox(0x299f31d0a4093822ull, 0x85a308d3243f6a88ull, 0x0370734413198a2eull),
            (std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, ContinuesFromASavedPosition) {
  Random whole(derive_key(7, "test"));
  for (int i = 0; i < 13; ++i) whole.bits();
  Random continued(whole.key(), whole.position());
  for (int i = 0; i < 9; ++i) EXPECT_EQ(whole.bits(), continued.bits());
}

TEST(Random, UsesOfOneSeedDoNotShareWords) {
  EXPECT_NE(derive_key(1, "dropout"), derive_key(1, "shuffle"));
  EXPECT_NE(derive_key(1, "dropout", 0), derive_key(1, "dropout", 1));
  EXPECT_NE(derive_key(1, "dropout"), derive_key(2, "dropout"));
}

TEST(Random, BelowReachesEveryValueAndNoOther) {
  Random random(derive_key(3, "below"));
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 500; ++i) seen.insert(random.below(7));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST(Random, NormalHasZeroMeanAndUnitVariance) {
  Random random(derive_key(5, "normal"));
  double sum = 0, squares = 0;
  const int count = 20000;
  for (int i = 0; i < count; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / count, 0.0, 0.03);
  EXPECT_NEAR(squares / count, 1.0, 0.05);
}

TEST(Random, ShuffleKeepsEveryElement) {
  std::vector<int> items(50);
  for (int i = 0; i < 50; ++i) items[i] = i;
  Random(derive_key(1, "shuffle")).shuffle(items);
  EXPECT_EQ(std::set<int>(items.begin(), items.end()).size(), 50u);
  EXPECT_NE(items.front() * 50 + items.back(), 49);
}

}  // namespace
}  // namespace sharcs::internal::random_test
