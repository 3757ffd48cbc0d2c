#include "kernels/int8_gemm.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/threads.hpp"
#include "kernels/amx.hpp"
#include "kernels/layer_norm.hpp"
#include "kernels/padded_matrix.hpp"
#include "kernels/simd_targets.hpp"

namespace sharcs::internal::kernels::int8_gemm_test {
namespace {

using Matrix = PaddedMatrix<float>;

/// Runs `body` at every instruction set, with the processor's dot product and without it, and with the portable
/// kernels.
template <class Body>
void at_every_int8_kernel(const Body& body) {
  for (const bool instruction : {true, false}) {
    SCOPED_TRACE(instruction ? "dot instruction where there is one" : "no dot instruction");
    allow_dot_instruction(instruction);
    at_every_simd_target(body);
  }
  allow_dot_instruction(true);
  {
    SCOPED_TRACE("AMX, emulated");
    use_amx(AmxUse::emulated);
    at_every_simd_target(body);
    use_amx(AmxUse::never);
    at_every_simd_target(body);
    use_amx(AmxUse::automatic);
  }
  with_portable_kernels(body);
}

/// int8 in rows that stand apart, from `lowest` to 127.
struct Int8Values {
  Index rows, cols;
  std::vector<std::int8_t> data;
  std::vector<float> scales;

  Int8Values(Index row_count, Index col_count, std::uint64_t name)
      : rows(row_count), cols(col_count), data(static_cast<std::size_t>(rows * cols)) {
    Random random(derive_key(1, "int8 values", name));
    for (auto& v : data) v = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
    for (Index r = 0; r < rows; ++r) scales.push_back(static_cast<float>(0.01 + 0.01 * random.uniform()));
  }
  /// The greatest sums: every value is ±127, with the same sign in a row.
  static Int8Values greatest(Index row_count, Index col_count, bool alternating) {
    Int8Values values(row_count, col_count, 1);
    for (Index r = 0; r < row_count; ++r)
      for (Index c = 0; c < col_count; ++c)
        values.data[static_cast<std::size_t>(r * col_count + c)] =
            static_cast<std::int8_t>((alternating ? c % 2 : r % 2) == 0 ? 127 : -127);
    return values;
  }
  int at(Index r, Index c) const { return data[static_cast<std::size_t>(r * cols + c)]; }
  Int8Matrix packed() const { return {MatrixView<const std::int8_t>(data.data(), rows, cols), scales}; }
  /// Of the leading columns.
  Int8Rows leading(Index count, Workspace& workspace) const {
    const Int8Rows result = Int8Rows::make(rows, count, workspace);
    for (Index r = 0; r < rows; ++r) {
      result.scales[r] = scales[static_cast<std::size_t>(r)];
      result.sums[r] = 0;
      std::fill_n(result.values.row(r), result.values.stride, std::int8_t{0});
      for (Index c = 0; c < count; ++c) {
        result.values(r, c) = static_cast<std::int8_t>(at(r, c));
        result.sums[r] += at(r, c);
      }
    }
    return result;
  }
};

/// Σ x · w of plain integers, then the two scales.
float plain_product(const Int8Values& x, Index row, const Int8Values& weight, Index output, Index inputs) {
  std::int32_t sum = 0;
  for (Index i = 0; i < inputs; ++i) sum += x.at(row, i) * weight.at(output, i);
  return static_cast<float>(sum) * weight.scales[static_cast<std::size_t>(output)] *
         x.scales[static_cast<std::size_t>(row)];
}

void expect_plain_product(const Int8Values& x, const Int8Values& weight, const Int8Matrix& packed, Slice slice) {
  Workspace workspace;
  Matrix y(x.rows, slice.outputs, 4);
  Matrix expected(y);
  for (Index r = 0; r < x.rows; ++r)
    for (Index o = 0; o < slice.outputs; ++o) expected.view()(r, o) = plain_product(x, r, weight, o, slice.inputs);
  multiply(Int8Product{.x = x.leading(slice.inputs, workspace), .weight = &packed, .slice = slice, .y = y.view()});
  ASSERT_TRUE(y == expected) << x.rows << " x " << slice.outputs << " x " << slice.inputs;
}

TEST(Int8Multiply, OfEverySliceHasTheBitsOfAPlainIntegerLoop) {
  at_every_int8_kernel([] {
    const Int8Values weight(130, 75, 1);
    const Int8Matrix packed = weight.packed();
    for (const Index rows : {1, 2, 3, 4, 5, 6, 7, 13, 16, 17, 61, 150}) {
      const Int8Values x(rows, 75, 2);
      for (const Slice slice :
           {Slice{130, 75}, {129, 74}, {64, 64}, {63, 1}, {33, 2}, {32, 19}, {17, 75}, {8, 16}, {1, 33}})
        ASSERT_NO_FATAL_FAILURE(expect_plain_product(x, weight, packed, slice));
    }
  });
}

TEST(Int8Multiply, OfTheGreatestSumsIsExact) {
  at_every_int8_kernel([] {
    for (const bool alternating : {true, false}) {
      const Int8Values weight = Int8Values::greatest(66, 3072, alternating), x = Int8Values::greatest(8, 3072, false);
      ASSERT_NO_FATAL_FAILURE(expect_plain_product(x, weight, weight.packed(), {66, 3072}));
      ASSERT_NO_FATAL_FAILURE(expect_plain_product(x, weight, weight.packed(), {65, 3070}));
      const Int8Values same = Int8Values::greatest(8, 3072, alternating);
      ASSERT_NO_FATAL_FAILURE(expect_plain_product(same, weight, weight.packed(), {66, 3072}));
    }
    const Int8Values deep = Int8Values::greatest(3, Int8Matrix::most_inputs, false);
    ASSERT_NO_FATAL_FAILURE(expect_plain_product(deep, deep, deep.packed(), {3, Int8Matrix::most_inputs}));
  });
}

TEST(Int8Multiply, FinishesElementsInTheOrderOfTheEpilogue) {
  at_every_int8_kernel([] {
    const Int8Values weight(70, 40, 1), x(9, 40, 2);
    const Int8Matrix packed = weight.packed();
    const auto bias = random_row(70, 2);
    const Matrix residual(9, 70, 5);
    Workspace workspace;
    for (const Activation activation :
         {Activation::none, Activation::gelu, Activation::relu, Activation::silu, Activation::quick_gelu}) {
      Matrix y(9, 70, 4), before(y);
      multiply(Int8Product{.x = x.leading(40, workspace),
                           .weight = &packed,
                           .slice = {70, 40},
                           .y = y.view(),
                           .epilogue = {.bias = bias.data(),
                                        .pre_activation = before.view(),
                                        .activation = activation,
                                        .residual = residual.view()}});
      for (Index r = 0; r < 9; ++r) {
        for (Index o = 0; o < 70; ++o) {
          const float sum = plain_product(x, r, weight, o, 40) + bias[static_cast<std::size_t>(o)];
          ASSERT_EQ(before.view()(r, o), sum);
          const auto s = static_cast<double>(sum);
          const double active = activation == Activation::none         ? s
                                : activation == Activation::relu       ? std::max(s, 0.0)
                                : activation == Activation::silu       ? s / (1 + std::exp(-s))
                                : activation == Activation::quick_gelu ? s / (1 + std::exp(-1.702 * s))
                                                                       : 0.5 * s * (1 + std::erf(s / std::sqrt(2.0)));
          ASSERT_NEAR(y.view()(r, o), active + static_cast<double>(residual.view()(r, o)), 1e-5);
        }
      }
    }
  });
}

TEST(Int8Multiply, ARowHasTheSameBitsAmongAnyRowsAndThreads) {
  at_every_int8_kernel([] {
    const Int8Values weight(150, 300, 1), x(301, 300, 3);
    const Int8Matrix packed = weight.packed();
    Workspace workspace;
    const Int8Rows rows = x.leading(300, workspace);
    const auto run = [&](Matrix& y, Index first, Index count) {
      const Int8Product product = {.x = rows.row_range(first, count),
                                   .weight = &packed,
                                   .slice = {150, 300},
                                   .y = y.view().row_range(first, count),
                                   .epilogue = {.activation = Activation::gelu}};
      multiply(std::span<const Int8Product>(&product, 1));
    };
    Matrix together(301, 150, 4), by_three(together), alone(together);
    {
      const ThreadScope threads(1);
      run(together, 0, 301);
      for (Index r = 0; r < 301; ++r) run(alone, r, 1);
    }
    const ThreadScope threads(3);
    run(by_three, 0, 301);
    EXPECT_TRUE(together == alone);
    EXPECT_TRUE(together == by_three);
  });
}

TEST(Int8Multiply, OfSeveralProductsIsEachOfThem) {
  at_every_int8_kernel([] {
    const Int8Values first(130, 64, 1), second(7, 64, 2), x(20, 64, 3);
    const Int8Matrix packed_first = first.packed(), packed_second = second.packed();
    Workspace workspace;
    const Int8Rows rows = x.leading(64, workspace);
    Matrix y_first(20, 130, 4), y_second(20, 7, 5), expected_first(y_first), expected_second(y_second);
    const auto product = [&](const Int8Matrix& weight, Matrix& y) {
      return Int8Product{.x = rows, .weight = &weight, .slice = {y.cols, 64}, .y = y.view()};
    };
    multiply(product(packed_first, expected_first));
    multiply(product(packed_second, expected_second));
    for (const int count : {1, 2, 5}) {
      const ThreadScope threads(count);
      const Int8Product both[] = {product(packed_first, y_first), product(packed_second, y_second)};
      multiply(both);
      EXPECT_TRUE(y_first == expected_first && y_second == expected_second);
    }
  });
}

TEST(Int8Multiply, AndQuantizeIsOneAfterTheOther) {
  at_every_int8_kernel([] {
    for (const Index rows : {1, 43, 85, 125}) {
      const Int8Values weight(3000, 10, 1), x(rows, 10, 3);
      const Int8Matrix packed = weight.packed();
      Workspace workspace;
      for (const int count : {1, 2, 3, 16}) {
        const ThreadScope threads(count);
        Matrix y(rows, 3000, 4), apart(y);
        Int8Product product = {.x = x.leading(10, workspace),
                               .weight = &packed,
                               .slice = {3000, 10},
                               .y = apart.view(),
                               .epilogue = {.activation = Activation::gelu}};
        const Int8Rows expected = Int8Rows::make(rows, 3000, workspace), result = Int8Rows::make(rows, 3000, workspace);
        multiply(product);
        quantize(apart.view(), expected);
        product.y = y.view();
        multiply_and_quantize(product, result);
        for (Index r = 0; r < rows; ++r) {
          ASSERT_EQ(result.scales[r], expected.scales[r]);
          ASSERT_EQ(result.sums[r], expected.sums[r]);
          ASSERT_TRUE(std::equal(result.values.row(r), result.values.row(r) + 3000, expected.values.row(r)));
        }
      }
    }
  });
}

TEST(Int8Rows, AreTheNearestNumbersOfTheirScale) {
  at_every_int8_kernel([] {
    Workspace workspace;
    for (const Index cols : {1, 2, 3, 4, 5, 16, 63, 130}) {
      Matrix x(5, cols, 7);
      for (Index c = 0; c < cols; ++c) x.view()(3, c) = 0;        // a row of zeros
      for (Index c = 0; c < cols; ++c) x.view()(4, c) *= 1e-38f;  // too small for a scale
      const Int8Rows rows = Int8Rows::make(5, cols, workspace);
      quantize(x.view(), rows);
      for (Index r = 0; r < 5; ++r) {
        float greatest = 0;
        std::int32_t sum = 0;
        for (Index c = 0; c < cols; ++c) greatest = std::max(greatest, std::abs(x.view()(r, c)));
        if (greatest < 1e-30f) greatest = 0;
        ASSERT_EQ(rows.scales[r], greatest / 127.0f);
        for (Index c = 0; c < cols; ++c) {
          const float expected = greatest == 0 ? 0 : std::nearbyint(x.view()(r, c) * (127.0f / greatest));
          ASSERT_EQ(static_cast<float>(rows.values(r, c)), expected);
          sum += rows.values(r, c);
        }
        ASSERT_EQ(rows.sums[r], sum);
        for (Index c = cols; c % 4 != 0; ++c) ASSERT_EQ(rows.values.row(r)[c], 0);
      }
    }
  });
}

TEST(Int8Rows, OfALayerNormAreThoseOfItsResult) {
  at_every_int8_kernel([] {
    Workspace workspace;
    const Matrix x(23, 77, 1);
    const auto weight = random_row(77, 2), bias = random_row(77, 3);
    Matrix y(23, 77, 4), expected(y);
    const Int8Rows rows = Int8Rows::make(23, 77, workspace), expected_rows = Int8Rows::make(23, 77, workspace);
    layer_norm(x.view(), weight.data(), bias.data(), 1e-5f, y.view(), rows);
    layer_norm<float>(x.view(), weight.data(), bias.data(), 1e-5f, expected.view());
    quantize(expected.view(), expected_rows);
    EXPECT_TRUE(y == expected);
    for (Index r = 0; r < 23; ++r) {
      EXPECT_EQ(rows.scales[r], expected_rows.scales[r]);
      EXPECT_TRUE(std::equal(rows.values.row(r), rows.values.row(r) + 77, expected_rows.values.row(r)));
    }
  });
}

TEST(Int8Matrix, KeepsTheValuesAndScalesOfAWeight) {
  at_every_int8_kernel([] {
    const Matrix weight(67, 35, 1);
    std::vector<std::int8_t> values(67 * 35);
    std::vector<float> scales(67);
    quantize_weight(weight.view(), MatrixView<std::int8_t>(values.data(), 67, 35), scales);
    const Int8Matrix packed(weight.view());
    for (Index o = 0; o < 67; ++o) {
      ASSERT_EQ(packed.scales()[o], scales[static_cast<std::size_t>(o)]);
      for (Index i = 0; i < 35; ++i) {
        ASSERT_EQ(packed.value(o, i), values[static_cast<std::size_t>(o * 35 + i)]);
        ASSERT_NEAR(packed.value(o, i) * packed.scales()[o], weight.view()(o, i), packed.scales()[o] * 0.5001f);
      }
    }
  });
}

}  // namespace
}  // namespace sharcs::internal::kernels::int8_gemm_test
