#include "kernels/packed_matrix.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/threads.hpp"
#include "kernels/padded_matrix.hpp"
#include "kernels/simd_targets.hpp"

namespace sharcs::internal::kernels::packed_matrix_test {
namespace {

TEST(PackedMatrix, StandsInPanelsAsDocumentedWithZerosPastTheEnd) {
  at_every_simd_target([] {
    for (const Index outputs : {1, 2, 7, 16, 63, 64, 65, 130}) {
      for (const Index inputs : {1, 3, 4, 5, 64, 67}) {
        const PaddedMatrix<float> weight(outputs, inputs, 1);
        PackedMatrix<float> packed;
        packed.pack(weight.view());
        ASSERT_EQ(packed.outputs(), outputs);
        ASSERT_EQ(packed.inputs(), inputs);
        const Index width = packed.panel_width();
        ASSERT_GT(width, 0);
        const Index panels = (outputs + width - 1) / width;
        ASSERT_EQ(packed.bytes(), static_cast<std::size_t>(panels * width * inputs) * sizeof(float));
        for (Index o = 0; o < panels * width; ++o) {
          for (Index i = 0; i < inputs; ++i) {
            ASSERT_EQ(packed.panel(o / width)[i * width + o % width], o < outputs ? weight.view()(o, i) : 0.0f)
                << outputs << " x " << inputs << ": " << o << ", " << i;
          }
        }
      }
    }
  });
}

template <class T>
PaddedMatrix<T> transposed(const PaddedMatrix<T>& m) {
  PaddedMatrix<T> result(m.cols, m.rows, 0);
  for (Index r = 0; r < m.rows; ++r) {
    for (Index c = 0; c < m.cols; ++c) result.view()(c, r) = m.view()(r, c);
  }
  return result;
}

TEST(PackedMatrix, OfATransposeIsTheSame) {
  at_every_simd_target([] {
    for (const Index outputs : {1, 15, 16, 63, 64, 65, 130}) {
      for (const Index inputs : {0, 1, 3, 67}) {
        const PaddedMatrix<float> weight(outputs, inputs, 1);
        PackedMatrix<float> packed, of_transpose;
        packed.pack(weight.view());
        of_transpose.pack_transpose(transposed(weight).view());
        ASSERT_EQ(of_transpose.outputs(), outputs);
        ASSERT_EQ(of_transpose.inputs(), inputs);
        ASSERT_EQ(of_transpose.panel_width(), packed.panel_width());
        ASSERT_EQ(of_transpose.bytes(), packed.bytes());
        ASSERT_TRUE(
            std::equal(packed.panel(0), packed.panel(0) + packed.bytes() / sizeof(float), of_transpose.panel(0)))
            << outputs << " x " << inputs;
      }
    }
  });
}

TEST(PackedMatrix, IsTheSameAtAnyThreadCount) {
  at_every_simd_target([] {
    const PaddedMatrix<float> weight(700, 301, 1);
    PackedMatrix<float> alone, together;
    {
      const ThreadScope threads(1);
      alone.pack(weight.view());
    }
    const ThreadScope threads(5);
    together.pack(weight.view());
    EXPECT_EQ(std::vector<float>(alone.panel(0), alone.panel(0) + alone.bytes() / sizeof(float)),
              std::vector<float>(together.panel(0), together.panel(0) + together.bytes() / sizeof(float)));
  });
}

TEST(PackedMatrix, PackedAgainHasTheNewShapeAndKeepsABufferThatFits) {
  const PaddedMatrix<float> first(64, 12, 1), second(64, 12, 2), wider(64, 13, 3);
  PackedMatrix<float> packed;
  packed.pack(first.view());
  const float* const before = packed.panel(0);
  packed.pack(second.view());
  EXPECT_EQ(packed.panel(0), before);
  packed.pack(wider.view());
  EXPECT_EQ(packed.inputs(), 13);
}

template <class T>
void expect_row_major(const PaddedMatrix<T>& weight) {
  PackedMatrix<T> packed, of_transpose;
  packed.pack(weight.view());
  of_transpose.pack_transpose(transposed(weight).view());
  EXPECT_EQ(packed.panel_width(), 0);
  EXPECT_EQ(of_transpose.panel_width(), 0);
  for (Index o = 0; o < weight.rows; ++o) {
    for (Index i = 0; i < weight.cols; ++i) {
      EXPECT_EQ(packed.row_major()(o, i), weight.view()(o, i));
      EXPECT_EQ(of_transpose.row_major()(o, i), weight.view()(o, i));
    }
  }
}

TEST(PackedMatrix, OfDoublesIsRowMajor) { expect_row_major(PaddedMatrix<double>(70, 5, 1)); }

TEST(PackedMatrix, OfThePortableBackendIsRowMajor) {
  with_portable_kernels([] { expect_row_major(PaddedMatrix<float>(70, 5, 1)); });
}

}  // namespace
}  // namespace sharcs::internal::kernels::packed_matrix_test
