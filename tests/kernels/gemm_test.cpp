#include "kernels/gemm.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <array>
#include <cmath>
#include <vector>

#include "core/threads.hpp"
#include "kernels/padded_matrix.hpp"
#include "kernels/simd_targets.hpp"

namespace sharcs::internal::kernels::gemm_test {
namespace {

using Matrix = PaddedMatrix<float>;

PackedMatrix<float> packed(ConstMatrix<float> weight) {
  PackedMatrix<float> result;
  result.pack(weight);
  return result;
}

/// Σ_k a(k) · b(k) in double, and what rounding may add to it: relative to the sum of the sizes.
struct Sum {
  double value = 0, size = 0;
  void add(float a, float b) {
    value += static_cast<double>(a) * b;
    size += std::abs(static_cast<double>(a) * b);
  }
  double tolerance() const { return 1e-6 * size + 1e-30; }
};

/// y = x · W[:n, :k]ᵀ + b by plain loops; nothing else of `y` may have changed since it was `before`.
void expect_product(const Matrix& x, const Matrix& weight, Slice slice, const std::vector<float>& bias, const Matrix& y,
                    Matrix before) {
  for (Index r = 0; r < x.rows; ++r) {
    for (Index o = 0; o < slice.outputs; ++o) {
      Sum sum;
      for (Index i = 0; i < slice.inputs; ++i) sum.add(x.view()(r, i), weight.view()(o, i));
      sum.add(bias[static_cast<std::size_t>(o)], 1);
      ASSERT_NEAR(y.view()(r, o), sum.value, sum.tolerance())
          << x.rows << " x " << slice.outputs << " x " << slice.inputs << ": " << r << ", " << o;
      before.view()(r, o) = y.view()(r, o);
    }
  }
  ASSERT_TRUE(y == before) << "written outside";
}

TEST(Multiply, OfEverySliceAgreesWithPlainLoopsAndStaysInside) {
  at_every_simd_target([] {
    const Matrix weight(130, 75, 1);
    const auto weight_panels = packed(weight.view());
    const auto bias = random_row(130, 2);
    for (const Index rows : {1, 2, 3, 4, 5, 6, 7, 13, 61, 130}) {
      for (const Slice slice : {Slice{130, 75}, {129, 74}, {64, 64}, {63, 1}, {32, 19}, {17, 75}, {1, 33}}) {
        const Matrix x(rows, slice.inputs, 3);
        Matrix y(rows, slice.outputs, 4);
        const Matrix before(y);
        multiply<float>({x.view(), &weight_panels, slice, y.view(), {.bias = bias.data()}});
        ASSERT_NO_FATAL_FAILURE(expect_product(x, weight, slice, bias, y, before));
      }
    }
  });
}

TEST(Multiply, OfManyInputsAgreesWithPlainLoops) {
  at_every_simd_target([] {
    const Matrix weight(70, 2500, 1), x(9, 2500, 3);
    const auto bias = random_row(70, 2);
    const auto weight_panels = packed(weight.view());
    Matrix y(9, 70, 4);
    const Matrix before(y);
    multiply<float>({x.view(), &weight_panels, {70, 2500}, y.view(), {.bias = bias.data()}});
    expect_product(x, weight, {70, 2500}, bias, y, before);
  });
}

TEST(Multiply, OfASliceHasTheBitsOfAPackedSlice) {
  at_every_simd_target([] {
    const Matrix weight(150, 1300, 1);
    const auto whole = packed(weight.view());
    for (const Slice slice : {Slice{150, 1300}, {128, 1025}, {70, 40}, {5, 1299}}) {
      const Matrix x(20, slice.inputs, 3);
      Matrix from_whole(20, slice.outputs, 4), from_slice(from_whole);
      multiply<float>({x.view(), &whole, slice, from_whole.view()});
      const auto part = packed(weight.view().leading(slice.outputs, slice.inputs));
      multiply<float>({x.view(), &part, slice, from_slice.view()});
      EXPECT_TRUE(from_whole == from_slice) << slice.outputs << " x " << slice.inputs;
    }
  });
}

TEST(Multiply, ARowHasTheSameBitsAmongAnyRowsAndThreads) {
  at_every_simd_target([] {
    const Matrix weight(150, 1300, 1), x(301, 1300, 3), residual(301, 150, 5);
    const auto weight_panels = packed(weight.view());
    const auto bias = random_row(150, 2);
    for (const Activation activation : {Activation::none, Activation::gelu}) {
      const auto run = [&](Matrix& y, Index first, Index rows) {
        multiply<float>(
            {x.view().row_range(first, rows),
             &weight_panels,
             {150, 1300},
             y.view().row_range(first, rows),
             {.bias = bias.data(), .activation = activation, .residual = residual.view().row_range(first, rows)}});
      };
      Matrix together(301, 150, 4), by_four(together), alone(together), in_parts(together), shared_parts(together);
      const auto run_parts = [&](Matrix& y) {
        for (Index first = 0, rows = 1; first < 301; first += rows++) run(y, first, std::min(rows, 301 - first));
      };
      {
        const ThreadScope threads(2);  // each has work enough to take it range by range
        run(together, 0, 301);
        run_parts(shared_parts);  // some in lower tiles, to divide by two
      }
      {
        const ThreadScope threads(4);  // too little work to do more than share it out
        run(by_four, 0, 301);
      }
      const ThreadScope threads(1);
      for (Index r = 0; r < 301; ++r) run(alone, r, 1);
      run_parts(in_parts);
      EXPECT_TRUE(together == by_four);
      EXPECT_TRUE(together == alone);
      EXPECT_TRUE(together == in_parts);
      EXPECT_TRUE(together == shared_parts);
    }
  });
}

TEST(Multiply, DividesByThreadsThatOpenMpDoesNotGive) {
  const int dynamic = omp_get_dynamic();
  omp_set_dynamic(1);  // no more threads than cores
  at_every_simd_target([] {
    const Matrix weight(150, 1300, 1), x(288, 1300, 2);
    const auto panels = packed(weight.view());
    const auto run = [&](Matrix& y, int thread_count) {
      const ThreadScope threads(thread_count);
      multiply<float>({x.view(), &panels, {150, 1300}, y.view()});
    };
    Matrix expected(288, 150, 3), y(expected);
    run(expected, 1);
    run(y, 64);
    EXPECT_TRUE(y == expected);
  });
  omp_set_dynamic(dynamic);
}

TEST(Multiply, FinishesElementsInTheOrderOfTheEpilogue) {
  at_every_simd_target([] {
    const Index inputs = 40;
    for (const Index rows : {1, 8}) {
      for (const Index outputs : {64, 77, 5}) {
        const Matrix weight(outputs, inputs, 1), x(rows, inputs, 3), residual(rows, outputs, 5);
        const auto weight_panels = packed(weight.view());
        PackedMatrix<double> weight_double;
        weight_double.pack(PaddedMatrix<double>(weight).view());
        const PaddedMatrix<double> x_double(x), residual_double(residual);
        const auto bias = random_row(outputs, 2);
        const auto bias_double = in_double(bias);
        for (const Activation activation : {Activation::none, Activation::gelu, Activation::gelu_tanh, Activation::tanh,
                                            Activation::relu, Activation::silu, Activation::quick_gelu}) {
          for (const bool with_residual : {false, true}) {
            for (const bool with_bias : {false, true}) {
              Matrix y(rows, outputs, 4), before(rows, outputs, 6);
              PaddedMatrix<double> y_expected(y), before_expected(before);
              Epilogue<float> epilogue = {.pre_activation = before.view(), .activation = activation};
              Epilogue<double> expected = {.pre_activation = before_expected.view(), .activation = activation};
              if (with_bias) epilogue.bias = bias.data(), expected.bias = bias_double.data();
              if (with_residual) epilogue.residual = residual.view(), expected.residual = residual_double.view();
              multiply<float>({x.view(), &weight_panels, {outputs, inputs}, y.view(), epilogue});
              multiply<double>({x_double.view(), &weight_double, {outputs, inputs}, y_expected.view(), expected});
              for (std::size_t i = 0; i < y.data.size(); ++i) {
                ASSERT_NEAR(y.data[i], y_expected.data[i], 2e-5) << outputs << " outputs";
                ASSERT_NEAR(before.data[i], before_expected.data[i], 2e-5) << outputs << " outputs";
              }
            }
          }
        }
      }
    }
  });
}

TEST(Multiply, AddsAResidualThatStandsWhereTheResultGoes) {
  at_every_simd_target([] {
    const Matrix weight(77, 1100, 1), x(10, 1100, 3);
    const auto weight_panels = packed(weight.view());
    for (const Activation activation : {Activation::none, Activation::tanh}) {
      Matrix apart(10, 77, 4), in_place(apart);
      const Matrix residual(apart);
      multiply<float>({x.view(),
                       &weight_panels,
                       {77, 1100},
                       apart.view(),
                       {.activation = activation, .residual = residual.view()}});
      multiply<float>({x.view(),
                       &weight_panels,
                       {77, 1100},
                       in_place.view(),
                       {.activation = activation, .residual = in_place.view()}});
      EXPECT_TRUE(apart == in_place);
    }
  });
}

TEST(Multiply, RunsUnequalProductsAsOneJob) {
  at_every_simd_target([] {
    const Matrix weight(200, 300, 1), small(3, 300, 2), large(150, 170, 3);
    const auto weight_panels = packed(weight.view());
    Matrix small_y(3, 200, 4), large_y(150, 100, 5), none_y(0, 200, 6), small_alone(small_y), large_alone(large_y);
    const Product<float> small_product = {small.view(), &weight_panels, {200, 300}, small_y.view()};
    const Product<float> none = {small.view().row_range(0, 0), &weight_panels, {200, 300}, none_y.view()};
    const Product<float> large_product = {large.view(), &weight_panels, {100, 170}, large_y.view()};
    {
      const ThreadScope threads(3);
      multiply<float>(std::array{small_product, none, large_product});
    }
    multiply<float>({small.view(), &weight_panels, {200, 300}, small_alone.view()});
    multiply<float>({large.view(), &weight_panels, {100, 170}, large_alone.view()});
    EXPECT_TRUE(small_y == small_alone);
    EXPECT_TRUE(large_y == large_alone);
  });
}

TEST(Multiply, OfNoInputsIsTheBias) {
  at_every_simd_target([] {
    const Matrix weight(70, 3, 1), x(4, 3, 2);
    const auto weight_panels = packed(weight.view());
    const auto bias = random_row(70, 3);
    Matrix y(4, 70, 4);
    multiply<float>({x.view().col_range(0, 0), &weight_panels, {70, 0}, y.view(), {.bias = bias.data()}});
    for (Index r = 0; r < 4; ++r) EXPECT_EQ(std::vector<float>(y.view().row(r), y.view().row(r) + 70), bias);
  });
}

TEST(Multiply, InfinityAndNanComeThrough) {
  at_every_simd_target([] {
    const Matrix weight(70, 30, 1);
    const auto weight_panels = packed(weight.view());
    Matrix x(7, 30, 2), y(7, 70, 3);
    x.view()(2, 5) = std::numeric_limits<float>::infinity();
    x.view()(5, 29) = std::numeric_limits<float>::quiet_NaN();
    multiply<float>({x.view(), &weight_panels, {70, 30}, y.view()});
    for (Index r = 0; r < 7; ++r) {
      for (Index o = 0; o < 70; ++o) EXPECT_EQ(std::isfinite(y.view()(r, o)), r != 2 && r != 5);
    }
  });
}

/// The element of a · b (or aᵀ · b) by a plain loop.
Sum element(ConstMatrix<float> a, bool transposed, ConstMatrix<float> b, Index r, Index c) {
  Sum sum;
  for (Index k = 0; k < b.rows; ++k) sum.add(transposed ? a(k, r) : a(r, k), b(k, c));
  return sum;
}

/// y = before · (write ? accumulate) + sum(r, c); nothing else may have changed.
template <class SumOf>
void expect_written(const Matrix& y, Matrix before, Write write, const SumOf& sum_of) {
  for (Index r = 0; r < y.rows; ++r) {
    for (Index c = 0; c < y.cols; ++c) {
      Sum sum = sum_of(r, c);
      if (write == Write::accumulate) sum.add(before.view()(r, c), 1);
      ASSERT_NEAR(y.view()(r, c), sum.value, sum.tolerance()) << y.rows << " x " << y.cols << ": " << r << ", " << c;
      before.view()(r, c) = y.view()(r, c);
    }
  }
  ASSERT_TRUE(y == before) << "written outside";
}

struct Shape {
  Index rows, inner, cols;
};
constexpr Shape shapes[] = {{1, 1, 1},   {1, 70, 64}, {2, 19, 130},  {6, 64, 32},  {7, 3, 77},   {12, 65, 64},
                            {13, 40, 5}, {61, 1, 65}, {130, 77, 75}, {3, 1100, 9}, {40, 530, 70}};

TEST(MultiplyNn, AgreesWithPlainLoopsAtEveryShapeAndStaysInside) {
  at_every_simd_target([] {
    for (const auto& [rows, inner, cols] : shapes) {
      const Matrix a(rows, inner, 1), b(inner, cols, 2);
      for (const Write write : {Write::overwrite, Write::accumulate}) {
        Matrix y(rows, cols, 3);
        const Matrix before(y);
        multiply_nn<float>(a.view(), b.view(), y.view(), write);
        ASSERT_NO_FATAL_FAILURE(expect_written(
            y, before, write, [&](Index r, Index c) { return element(a.view(), false, b.view(), r, c); }));
      }
    }
  });
}

TEST(MultiplyNn, AddsUpTermsOfUnequalDepth) {
  at_every_simd_target([] {
    const Matrix a1(33, 20, 1), b1(20, 70, 2), a2(33, 600, 3), b2(600, 70, 4);
    const std::array<Term<float>, 2> terms = {{{a1.view(), b1.view()}, {a2.view(), b2.view()}}};
    for (const Write write : {Write::overwrite, Write::accumulate}) {
      Matrix y(33, 70, 5);
      const Matrix before(y);
      multiply_nn<float>(terms, y.view(), write);
      expect_written(y, before, write, [&](Index r, Index c) {
        Sum sum = element(a1.view(), false, b1.view(), r, c);
        const Sum second = element(a2.view(), false, b2.view(), r, c);
        return Sum{sum.value + second.value, sum.size + second.size};
      });
    }
  });
}

TEST(MultiplyTn, AgreesWithPlainLoopsAtEveryShapeAndStaysInside) {
  at_every_simd_target([] {
    for (const auto& [rows, inner, cols] : shapes) {
      const Matrix a(inner, rows, 1), b(inner, cols, 2);
      for (const Write write : {Write::overwrite, Write::accumulate}) {
        Matrix y(rows, cols, 3);
        const Matrix before(y);
        multiply_tn<float>(a.view(), b.view(), y.view(), write);
        ASSERT_NO_FATAL_FAILURE(expect_written(
            y, before, write, [&](Index r, Index c) { return element(a.view(), true, b.view(), r, c); }));
      }
    }
  });
}

TEST(MultiplyTn, RunsUnequalProductsAsOneJob) {
  at_every_simd_target([] {
    const ThreadScope threads(3);
    const Matrix a1(20, 300, 1), b1(20, 170, 2), a2(600, 33, 3), b2(600, 70, 4);
    Matrix y1(300, 170, 5), y2(33, 70, 6), none(0, 70, 7);
    const Matrix before1(y1), before2(y2);
    multiply_tn<float>(std::array<TransposedProduct<float>, 3>{{{a1.view(), b1.view(), y1.view()},
                                                                {a2.view().col_range(0, 0), b2.view(), none.view()},
                                                                {a2.view(), b2.view(), y2.view()}}});
    expect_written(y1, before1, Write::accumulate,
                   [&](Index r, Index c) { return element(a1.view(), true, b1.view(), r, c); });
    expect_written(y2, before2, Write::accumulate,
                   [&](Index r, Index c) { return element(a2.view(), true, b2.view(), r, c); });
  });
}

TEST(MultiplyNnAndTn, HaveTheSameBitsAtAnyThreadCount) {
  at_every_simd_target([] {
    const Matrix a(300, 600, 1), b(600, 301, 2), a_transposed(600, 300, 3);
    Matrix nn(300, 301, 4), tn(nn);
    const Matrix before(nn);
    for (const int thread_count : {1, 2, 5}) {
      const ThreadScope threads(thread_count);
      Matrix nn_again(before), tn_again(before);
      multiply_nn<float>(a.view(), b.view(), nn_again.view(), Write::accumulate);
      multiply_tn<float>(a_transposed.view(), b.view(), tn_again.view());
      if (thread_count == 1) nn = nn_again, tn = tn_again;
      EXPECT_TRUE(nn == nn_again);
      EXPECT_TRUE(tn == tn_again);
    }
  });
}

TEST(MultiplyNnAndTn, OverNothingAreZeroOrChangeNothing) {
  at_every_simd_target([] {
    const Matrix a(5, 0, 1), b(0, 70, 2), a_transposed(0, 5, 3);
    Matrix nn(5, 70, 4), tn(nn);
    const Matrix before(nn);
    multiply_nn<float>(a.view(), b.view(), nn.view(), Write::accumulate);
    multiply_tn<float>(a_transposed.view(), b.view(), tn.view(), Write::accumulate);
    EXPECT_TRUE(nn == before);
    EXPECT_TRUE(tn == before);
    multiply_nn<float>(a.view(), b.view(), nn.view(), Write::overwrite);
    multiply_tn<float>(a_transposed.view(), b.view(), tn.view(), Write::overwrite);
    const auto nothing = [](Index, Index) { return Sum(); };
    expect_written(nn, before, Write::overwrite, nothing);
    expect_written(tn, before, Write::overwrite, nothing);
  });
}

}  // namespace
}  // namespace sharcs::internal::kernels::gemm_test
