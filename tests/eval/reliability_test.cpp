#include "eval/reliability.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "expect_error.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::reliability_test {
namespace {

using ::testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Reliability, BinsHoldMeansAndSharesOfTheirSamples) {
  const auto bins = reliability_bins({0.0, 0.1, 0.3, 0.75, 1.0}, {0, 1, 1, 1, 0}, 4);
  ASSERT_EQ(bins.size(), 4u);
  EXPECT_EQ(bins[0].samples, 2);
  EXPECT_NEAR(bins[0].predicted, 0.05, 1e-12);
  EXPECT_EQ(bins[0].right, 0.5);
  EXPECT_EQ(bins[1].samples, 1);
  EXPECT_EQ(bins[2].samples, 0);
  EXPECT_TRUE(std::isnan(bins[2].predicted));
  EXPECT_TRUE(std::isnan(bins[2].right));
  EXPECT_EQ(bins[3].samples, 2);
  EXPECT_EQ(bins[3].low, 0.75);
  EXPECT_EQ(bins[3].high, 1.0);
}

TEST(Reliability, ABoundBelongsToTheBinAboveIt) {
  for (const int count : {3, 7, 10, 49}) {
    for (int i = 0; i < count; ++i) {
      const auto bins = reliability_bins({static_cast<double>(i) / count}, {1}, count);
      EXPECT_EQ(bins[static_cast<std::size_t>(i)].samples, 1) << i << "/" << count;
    }
  }
}

TEST(Reliability, RefusesWhatIsNoProbability) {
  EXPECT_THAT(message_of<ShapeError>([] { reliability_bins({1.5}, {1}); }), HasSubstr("probability 1.5"));
  EXPECT_THAT(message_of<ShapeError>([] { reliability_bins({nan}, {1}); }), HasSubstr("probability nan"));
  EXPECT_THAT(message_of<ShapeError>([] {
                reliability_bins({0.5, 0.5}, {1});
              }),
              HasSubstr("2 probabilities against 1 outcomes"));
  EXPECT_THAT(message_of<ShapeError>([] { reliability_bins({0.5}, {1}, 0); }), HasSubstr("0 bins"));
}

TEST(Reliability, ErrorWeighsBinsByTheirSamples) {
  const std::vector<ReliabilityBin> bins = {{.samples = 3, .predicted = 0.2, .right = 0.3},
                                            {.samples = 0, .predicted = nan, .right = nan},
                                            {.samples = 1, .predicted = 0.9, .right = 0.4}};
  EXPECT_NEAR(reliability_error(bins), (3 * 0.1 + 0.5) / 4, 1e-12);
  EXPECT_TRUE(std::isnan(reliability_error({})));
}

}  // namespace
}  // namespace sharcs::internal::reliability_test
