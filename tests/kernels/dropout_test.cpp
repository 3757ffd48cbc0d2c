#include "kernels/dropout.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/threads.hpp"
#include "kernels/padded_matrix.hpp"
#include "kernels/simd_targets.hpp"

namespace sharcs::internal::kernels::dropout_test {
namespace {

using Padded = PaddedMatrix<float>;

TEST(Dropout, SimdEqualsThePortableCodeBitForBitAtEveryShape) {
  at_every_simd_target([] {
    for (const Index rows : {1, 2, 7, 130}) {
      for (const Index cols : {1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129, 300}) {
        Padded expected(rows, cols, 1), found(expected);
        const Dropout use = {.rate = 0.1f, .key = derive_key(4, "layer", 2), .first_row = 4000};
        with_portable_kernels([&] { dropout(expected.view(), use); });
        dropout(found.view(), use);
        ASSERT_EQ(expected.data, found.data) << rows << " x " << cols;
      }
    }
  });
}

TEST(Dropout, SimdEqualsThePortableCodeForRowNumbersBeyond32Bits) {
  at_every_simd_target([] {
    for (const float rate : {1e-6f, 0.5f, std::nextafter(1.0f, 0.0f)}) {
      Padded expected(3, 150, 1), found(expected);
      const Dropout use = {.rate = rate, .key = ~std::uint64_t{0}, .first_row = 0xFFFFFFFFFFFFFFFEu};
      with_portable_kernels([&] { dropout(expected.view(), use); });
      dropout(found.view(), use);
      EXPECT_EQ(expected.data, found.data) << rate;
    }
  });
}

TEST(Dropout, MaskDoesNotDependOnThreadsOrOnHowABatchIsCut) {
  at_every_simd_target([] {
    const Dropout use = {.rate = 0.25f, .key = 99, .first_row = 10};
    Padded whole(123, 257, 1), cut(whole);
    {
      const ThreadScope threads(3);
      dropout(whole.view(), use);
    }
    const ThreadScope threads(1);
    for (Index r = 0; r < cut.rows; r += 20) {
      Dropout part = use;
      part.first_row += static_cast<std::uint64_t>(r);
      dropout(cut.view().row_range(r, std::min<Index>(20, cut.rows - r)), part);
    }
    EXPECT_EQ(whole.data, cut.data);
  });
}

TEST(Dropout, KeepsTheAskedShareAndScalesWhatItKeeps) {
  at_every_simd_target([] {
    for (const float rate : {0.1f, 0.5f, 0.9f}) {
      const Index rows = 200, cols = 500;
      std::vector<float> x(rows * cols, 3.0f);
      dropout(MatrixView<float>(x.data(), rows, cols), {.rate = rate, .key = derive_key(2, "keep")});
      Index kept = 0;
      for (const float v : x) {
        if (v == 0) continue;
        ++kept;
        ASSERT_FLOAT_EQ(v, 3.0f / (1.0f - rate));
      }
      const double share = static_cast<double>(kept) / static_cast<double>(rows * cols);
      const double deviation = std::sqrt(rate * (1 - rate) / static_cast<double>(rows * cols));
      EXPECT_NEAR(share, 1 - rate, 5 * deviation);
    }
  });
}

TEST(Dropout, RateZeroChangesNothing) {
  at_every_simd_target([] {
    Padded before(5, 37, 1);
    before.data[3] = std::numeric_limits<float>::infinity();
    Padded after(before);
    dropout(after.view(), {.rate = 0, .key = 1});
    EXPECT_EQ(before.data, after.data);
  });
}

TEST(Dropout, DroppedInfinityAndNanBecomeZero) {
  at_every_simd_target([] {
    std::vector<float> x(1000, std::numeric_limits<float>::quiet_NaN());
    dropout(MatrixView<float>(x.data(), 1, 1000), {.rate = 0.5f, .key = 1});
    Index zeros = 0;
    for (const float v : x) {
      zeros += v == 0;
      EXPECT_TRUE(v == 0 || std::isnan(v));
    }
    EXPECT_GT(zeros, 400);
  });
}

TEST(Dropout, NeighbouringRowsAndKeysHaveUnrelatedMasks) {
  at_every_simd_target([] {
    const Index cols = 4000;
    const auto mask = [&](std::uint64_t key, std::uint64_t row) {
      std::vector<float> x(cols, 1.0f);
      dropout(MatrixView<float>(x.data(), 1, cols), {.rate = 0.5f, .key = key, .first_row = row});
      return x;
    };
    const auto base = mask(1, 0);
    for (const auto& other : {mask(1, 1), mask(2, 0)}) {
      Index equal = 0;
      for (Index c = 0; c < cols; ++c) equal += base[c] == other[c];
      EXPECT_NEAR(equal, cols / 2, 5 * std::sqrt(cols / 4.0));
    }
  });
}

}  // namespace
}  // namespace sharcs::internal::kernels::dropout_test
