#include "sharcs/evaluation_record.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "expect_error.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using ::testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(CalibrationBins, HoldMeansAndSharesOfTheirSamples) {
  const auto bins = calibration_bins({0.0, 0.1, 0.3, 0.75, 1.0}, {0, 1, 1, 1, 0}, 4);
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

TEST(CalibrationBins, ABoundBelongsToTheBinAboveIt) {
  for (const int count : {3, 7, 10, 49}) {
    for (int i = 0; i < count; ++i) {
      const auto bins = calibration_bins({static_cast<double>(i) / count}, {1}, count);
      EXPECT_EQ(bins[static_cast<std::size_t>(i)].samples, 1) << i << "/" << count;
    }
  }
}

TEST(CalibrationBins, RefuseWhatIsNoProbability) {
  EXPECT_THAT(message_of<ShapeError>([] { calibration_bins({1.5}, {1}); }), HasSubstr("probability 1.5"));
  EXPECT_THAT(message_of<ShapeError>([] { calibration_bins({nan}, {1}); }), HasSubstr("probability nan"));
  EXPECT_THAT(message_of<ShapeError>([] {
                calibration_bins({0.5, 0.5}, {1});
              }),
              HasSubstr("2 probabilities against 1 outcomes"));
  EXPECT_THAT(message_of<ShapeError>([] { calibration_bins({0.5}, {1}, 0); }), HasSubstr("0 bins"));
}

}  // namespace
}  // namespace sharcs::internal
