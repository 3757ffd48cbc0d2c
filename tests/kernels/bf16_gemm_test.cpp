#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "core/half.hpp"
#include "core/threads.hpp"
#include "kernels/bf16_pairs.hpp"
#include "kernels/gemm.hpp"
#include "kernels/padded_matrix.hpp"
#include "kernels/portable.hpp"
#include "kernels/simd_targets.hpp"

namespace sharcs::internal::kernels::bf16_gemm_test {
namespace {

using Matrix = PaddedMatrix<float>;

/// Runs `body` at every instruction set, with the processor's bf16 instruction and without it.
template <class Body>
void at_every_simd_kernel(const Body& body) {
  for (const bool instruction : {true, false}) {
    SCOPED_TRACE(instruction ? "bf16 instruction where there is one" : "no bf16 instruction");
    allow_bf16_instruction(instruction);
    at_every_simd_target(body);
  }
  allow_bf16_instruction(true);
}
template <class Body>
void at_every_bf16_kernel(const Body& body) {
  at_every_simd_kernel(body);
  with_portable_kernels(body);
}

float rounded(float x) { return float_of_bf16(bf16_of_float(x)); }

PackedMatrix<float> packed(ConstMatrix<float> weight) {
  PackedMatrix<float> result;
  result.pack(weight, Numbers::bf16);
  return result;
}

/// Σ of products of rounded numbers in double, and what rounding the sums may add to it: relative to the sum of the
/// sizes. Without rounding the operands, the sum would be off by some hundred times as much.
struct Sum {
  double value = 0, size = 0;
  void add(float a, float b) {
    const double product = static_cast<double>(rounded(a)) * static_cast<double>(rounded(b));
    value += product;
    size += std::abs(product);
  }
  double tolerance() const { return 2e-6 * size + 1e-30; }
};

void expect_product(const Matrix& x, const Matrix& weight, Slice slice, const Matrix& y, Matrix before) {
  for (Index r = 0; r < x.rows; ++r) {
    for (Index o = 0; o < slice.outputs; ++o) {
      Sum sum;
      for (Index i = 0; i < slice.inputs; ++i) sum.add(x.view()(r, i), weight.view()(o, i));
      ASSERT_NEAR(y.view()(r, o), sum.value, sum.tolerance())
          << x.rows << " x " << slice.outputs << " x " << slice.inputs << ": " << r << ", " << o;
      before.view()(r, o) = y.view()(r, o);
    }
  }
  ASSERT_TRUE(y == before) << "written outside";
}

TEST(Bf16Multiply, OfEverySliceAgreesWithPlainLoopsAndStaysInside) {
  at_every_bf16_kernel([] {
    const Matrix weight(130, 75, 1);
    const auto panels = packed(weight.view());
    for (const Index rows : {1, 2, 3, 4, 5, 6, 7, 13, 61, 130}) {
      for (const Slice slice : {Slice{130, 75}, {129, 74}, {64, 64}, {63, 1}, {33, 2}, {32, 19}, {17, 75}, {1, 33}}) {
        const Matrix x(rows, slice.inputs, 3);
        Matrix y(rows, slice.outputs, 4);
        const Matrix before(y);
        multiply<float>({x.view(), &panels, slice, y.view()});
        ASSERT_NO_FATAL_FAILURE(expect_product(x, weight, slice, y, before));
      }
    }
  });
}

TEST(Bf16Multiply, OfManyInputsAgreesWithPlainLoops) {
  at_every_bf16_kernel([] {
    const Matrix weight(70, 4099, 1);
    const auto panels = packed(weight.view());
    for (const Index rows : {1, 9, 40}) {
      for (const Index inputs : {4099, 2050}) {
        const Matrix x(rows, inputs, 3);
        Matrix y(rows, 70, 4);
        const Matrix before(y);
        multiply<float>({x.view(), &panels, {70, inputs}, y.view()});
        ASSERT_NO_FATAL_FAILURE(expect_product(x, weight, {70, inputs}, y, before));
      }
    }
  });
}

TEST(Bf16Multiply, OfASliceHasTheBitsOfAPackedSlice) {
  at_every_simd_kernel([] {
    const Matrix weight(150, 2300, 1);
    const auto whole = packed(weight.view());
    for (const Slice slice : {Slice{150, 2300}, {128, 2049}, {70, 41}, {5, 2299}}) {
      const Matrix x(20, slice.inputs, 3);
      Matrix from_whole(20, slice.outputs, 4), from_slice(from_whole);
      multiply<float>({x.view(), &whole, slice, from_whole.view()});
      const auto part = packed(weight.view().leading(slice.outputs, slice.inputs));
      multiply<float>({x.view(), &part, slice, from_slice.view()});
      EXPECT_TRUE(from_whole == from_slice) << slice.outputs << " x " << slice.inputs;
    }
  });
}

TEST(Bf16Multiply, ARowHasTheSameBitsAmongAnyRowsAndThreads) {
  at_every_simd_kernel([] {
    // More inputs than a block of them holds; once, since a processor without these products takes long over them.
    for (const auto& [inputs, activation] :
         {std::pair(2301, Activation::none), std::pair(301, Activation::gelu), std::pair(301, Activation::silu)}) {
      const Index rows = 151;
      const Matrix weight(150, inputs, 1), x(rows, inputs, 3), residual(rows, 150, 5);
      const auto panels = packed(weight.view());
      const auto bias = random_row(150, 2);
      const auto run = [&, inputs = Index{inputs}, activation = activation](Matrix& y, Index first, Index count) {
        multiply<float>(
            {x.view().row_range(first, count),
             &panels,
             {150, inputs},
             y.view().row_range(first, count),
             {.bias = bias.data(), .activation = activation, .residual = residual.view().row_range(first, count)}});
      };
      Matrix together(rows, 150, 4), by_three(together), alone(together), in_parts(together);
      {
        const ThreadScope threads(1);
        run(together, 0, rows);
        for (Index r = 0; r < rows; ++r) run(alone, r, 1);
        for (Index first = 0, part = 1; first < rows; first += part++)
          run(in_parts, first, std::min(part, rows - first));
      }
      const ThreadScope threads(3);
      run(by_three, 0, rows);
      EXPECT_TRUE(together == alone);
      EXPECT_TRUE(together == in_parts);
      EXPECT_TRUE(together == by_three);
    }
  });
}

TEST(Bf16Multiply, FinishesElementsInTheOrderOfTheEpilogue) {
  at_every_bf16_kernel([] {
    const Matrix weight(70, 40, 1), x(9, 40, 2), residual(9, 70, 5);
    const auto panels = packed(weight.view());
    const auto bias = random_row(70, 2);
    for (const Activation activation :
         {Activation::relu, Activation::gelu_tanh, Activation::silu, Activation::quick_gelu}) {
      Matrix y(9, 70, 4), before(y);
      multiply<float>({x.view(),
                       &panels,
                       {70, 40},
                       y.view(),
                       {.bias = bias.data(),
                        .pre_activation = before.view(),
                        .activation = activation,
                        .residual = residual.view()}});
      for (Index r = 0; r < 9; ++r) {
        for (Index o = 0; o < 70; ++o) {
          Sum sum;
          for (Index i = 0; i < 40; ++i) sum.add(x.view()(r, i), weight.view()(o, i));
          const double value = sum.value + static_cast<double>(bias[static_cast<std::size_t>(o)]);
          ASSERT_NEAR(before.view()(r, o), value, 1e-4);
          ASSERT_NEAR(y.view()(r, o),
                      portable::activate(value, activation) + static_cast<double>(residual.view()(r, o)), 1e-4);
        }
      }
    }
  });
}

TEST(Bf16Multiply, BesideFloatWeightsIsEachOfThem) {
  at_every_bf16_kernel([] {
    const Matrix first(130, 65, 1), second(7, 65, 2), x(20, 65, 3), other(20, 65, 6);
    const auto first_panels = packed(first.view()), second_panels = packed(second.view());
    PackedMatrix<float> floats;
    floats.pack(second.view());
    std::vector<Matrix> expected = {Matrix(20, 130, 4), Matrix(20, 7, 5), Matrix(20, 7, 6), Matrix(20, 130, 7),
                                    Matrix(20, 6, 8)};
    std::vector<Matrix> found = expected;
    const auto run_all = [&](std::vector<Matrix>& y, bool together) {
      const Product<float> products[] = {{x.view(), &first_panels, {130, 65}, y[0].view()},
                                         {x.view(), &floats, {7, 65}, y[1].view()},
                                         {x.view(), &second_panels, {7, 65}, y[2].view()},
                                         {other.view(), &first_panels, {130, 65}, y[3].view()},
                                         {x.view().leading(20, 64), &second_panels, {6, 64}, y[4].view()}};
      if (together) return multiply(std::span<const Product<float>>(products));
      for (const auto& product : products) multiply(product);
    };
    run_all(expected, false);
    for (const int count : {1, 2, 5}) {
      const ThreadScope threads(count);
      run_all(found, true);
      EXPECT_TRUE(found == expected);
    }
  });
}

TEST(Bf16MultiplyNn, AgreesWithPlainLoopsAtEveryShape) {
  at_every_bf16_kernel([] {
    for (const Index rows : {1, 5, 37, 100}) {
      for (const Index inner : {1, 2, 33, 130}) {
        for (const Index cols : {1, 63, 75}) {
          for (const Write write : {Write::overwrite, Write::accumulate}) {
            const Matrix a(rows, inner, 1), b(inner, cols, 2), c(rows, 7, 3), d(7, cols, 4);
            Matrix y(rows, cols, 5);
            Matrix before(y);
            const Term<float> terms[] = {{a.view(), b.view()}, {c.view(), d.view()}};
            multiply_nn(std::span<const Term<float>>(terms), y.view(), write, Numbers::bf16);
            for (Index r = 0; r < rows; ++r) {
              for (Index o = 0; o < cols; ++o) {
                Sum sum;
                for (Index i = 0; i < inner; ++i) sum.add(a.view()(r, i), b.view()(i, o));
                for (Index i = 0; i < 7; ++i) sum.add(c.view()(r, i), d.view()(i, o));
                const double start = write == Write::accumulate ? static_cast<double>(before.view()(r, o)) : 0.0;
                ASSERT_NEAR(y.view()(r, o), sum.value + start, sum.tolerance() + 1e-6);
                before.view()(r, o) = y.view()(r, o);
              }
            }
            ASSERT_TRUE(y == before) << "written outside";
          }
        }
      }
    }
  });
}

TEST(Bf16MultiplyTn, AgreesWithPlainLoopsAtEveryShape) {
  at_every_bf16_kernel([] {
    for (const Index inner : {1, 2, 31, 200}) {
      for (const Index rows : {1, 6, 100}) {
        for (const Index cols : {1, 64, 75}) {
          for (const Write write : {Write::overwrite, Write::accumulate}) {
            const Matrix a(inner, rows, 1), b(inner, cols, 2);
            Matrix y(rows, cols, 5);
            Matrix before(y);
            multiply_tn<float>(a.view(), b.view(), y.view(), write, Numbers::bf16);
            for (Index r = 0; r < rows; ++r) {
              for (Index o = 0; o < cols; ++o) {
                Sum sum;
                for (Index i = 0; i < inner; ++i) sum.add(a.view()(i, r), b.view()(i, o));
                const double start = write == Write::accumulate ? static_cast<double>(before.view()(r, o)) : 0.0;
                ASSERT_NEAR(y.view()(r, o), sum.value + start, sum.tolerance() + 1e-6);
                before.view()(r, o) = y.view()(r, o);
              }
            }
            ASSERT_TRUE(y == before) << "written outside";
          }
        }
      }
    }
  });
}

TEST(Bf16MultiplyTn, OfSeveralProductsHasTheSameBitsWithAnyThreads) {
  at_every_simd_kernel([] {
    const Matrix x(333, 200, 1), first(333, 190, 2), second(333, 64, 3);
    const auto run = [&](Matrix& y, Matrix& z, int count) {
      const ThreadScope threads(count);
      const TransposedProduct<float> products[] = {{first.view(), x.view(), y.view()},
                                                   {second.view(), x.view(), z.view()}};
      multiply_tn(std::span<const TransposedProduct<float>>(products), Write::accumulate, Numbers::bf16);
    };
    Matrix y(190, 200, 4), z(64, 200, 5), y_of_three(y), z_of_three(z);
    run(y, z, 1);
    run(y_of_three, z_of_three, 3);
    EXPECT_TRUE(y == y_of_three);
    EXPECT_TRUE(z == z_of_three);
  });
}

std::uint32_t bits(float pair) { return std::bit_cast<std::uint32_t>(pair); }

TEST(Bf16Pairs, AreTheNearestNumbersInOrder) {
  at_every_simd_target([] {
    for (const Index cols : {1, 2, 3, 31, 32, 33, 64, 100, 131}) {
      Matrix x(5, cols, 1);
      const float special[] = {0.0f,
                               -0.0f,
                               std::numeric_limits<float>::infinity(),
                               -std::numeric_limits<float>::infinity(),
                               std::numeric_limits<float>::quiet_NaN(),
                               std::bit_cast<float>(0x7F800001u),  // a NaN whose upper half is infinity
                               std::bit_cast<float>(0xFFFFFFFFu),
                               std::bit_cast<float>(0x3F808000u),  // half way, to the even number below
                               std::bit_cast<float>(0x3F818000u),  // half way, to the even number above
                               std::bit_cast<float>(0x3F808001u),
                               std::numeric_limits<float>::max(),  // becomes infinity
                               std::numeric_limits<float>::denorm_min()};
      for (Index c = 0; c < cols; ++c) x.view()(3, c) = special[c % std::ssize(special)];
      Matrix by_columns(5, pair_count(cols), 2), by_rows(3, cols, 3);
      pair_columns(x.view(), by_columns.view());
      pair_rows(x.view(), by_rows.view());
      const auto number = [&](Index r, Index c) {
        return std::uint32_t{r < 5 && c < cols ? bf16_of_float(x.view()(r, c)) : std::uint16_t{0}};
      };
      for (Index r = 0; r < 5; ++r)
        for (Index i = 0; i < pair_count(cols); ++i)
          ASSERT_EQ(bits(by_columns.view()(r, i)), number(r, 2 * i) | number(r, 2 * i + 1) << 16) << r << ", " << i;
      for (Index i = 0; i < 3; ++i)
        for (Index c = 0; c < cols; ++c)
          ASSERT_EQ(bits(by_rows.view()(i, c)), number(2 * i, c) | number(2 * i + 1, c) << 16) << i << ", " << c;
    }
  });
}

TEST(Bf16PackedMatrix, TakesHalfTheMemoryAndIsTheSameOfATranspose) {
  at_every_simd_target([] {
    for (const Index outputs : {1, 63, 64, 65, 130}) {
      for (const Index inputs : {1, 2, 67, 128}) {
        const Matrix weight(outputs, inputs, 1);
        Matrix transpose(inputs, outputs, 2);
        for (Index o = 0; o < outputs; ++o)
          for (Index i = 0; i < inputs; ++i) transpose.view()(i, o) = weight.view()(o, i);
        PackedMatrix<float> floats, of_transpose;
        floats.pack(weight.view());
        const auto pairs = packed(weight.view());
        of_transpose.pack_transpose(transpose.view(), Numbers::bf16);
        ASSERT_EQ(pairs.numbers(), Numbers::bf16);
        ASSERT_EQ(pairs.inputs(), inputs);
        ASSERT_EQ(pairs.bytes() * static_cast<std::size_t>(inputs),
                  floats.bytes() * static_cast<std::size_t>(pair_count(inputs)));
        ASSERT_EQ(of_transpose.bytes(), pairs.bytes());
        const Index width = pairs.panel_width();
        for (Index o = 0; o < (outputs + width - 1) / width * width; ++o) {
          for (Index i = 0; i < pair_count(inputs); ++i) {
            const auto number = [&](Index input) {
              return std::uint32_t{o < outputs && input < inputs ? bf16_of_float(weight.view()(o, input))
                                                                 : std::uint16_t{0}};
            };
            const Index at = i * width + o % width;
            ASSERT_EQ(bits(pairs.panel(o / width)[at]), number(2 * i) | number(2 * i + 1) << 16);
            ASSERT_EQ(bits(of_transpose.panel(o / width)[at]), bits(pairs.panel(o / width)[at]));
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace sharcs::internal::kernels::bf16_gemm_test
