#include "kernels/attention.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "core/random.hpp"
#include "core/threads.hpp"
#include "kernels/padded_matrix.hpp"
#include "kernels/simd_targets.hpp"

namespace sharcs::internal::kernels::attention_test {
namespace {

std::vector<Index> every_length() {
  std::vector<Index> lengths(70);
  std::iota(lengths.begin(), lengths.end(), Index{1});
  lengths.push_back(130);
  return lengths;
}

std::vector<Index> offsets_of(const std::vector<Index>& lengths) {
  std::vector<Index> offsets = {0};
  for (const Index n : lengths) offsets.push_back(offsets.back() + n);
  return offsets;
}

enum class Bias { none, by_distance, positions, window };

/// Query, key and value side by side in one matrix, as a layer has them, a gradient of the context, and a bias or none.
struct Inputs {
  std::vector<Index> offsets;
  Index heads, head_size, window = 0;
  PaddedMatrix<float> qkv, d_context;
  PaddedMatrix<float> bias{0, 0, 0}, position_key{0, 0, 0}, position_query{0, 0, 0};

  Inputs(const std::vector<Index>& lengths, Index head_count, Index size)
      : offsets(offsets_of(lengths)),
        heads(head_count),
        head_size(size),
        qkv(offsets.back(), 3 * heads * size, 1),
        d_context(offsets.back(), heads * size, 2, 5) {}
  Inputs(const std::vector<Index>& lengths, Index head_count, Index size, Bias kind)
      : Inputs(lengths, head_count, size) {
    // Of one token more than the longest sample has.
    if (kind == Bias::by_distance)
      bias = PaddedMatrix<float>(heads, 2 * *std::max_element(lengths.begin(), lengths.end()) + 1, 8);
    if (kind == Bias::positions) {
      const Index rows = 2 * *std::max_element(lengths.begin(), lengths.end()) + 1;
      position_key = PaddedMatrix<float>(rows, cols(), 11);
      position_query = PaddedMatrix<float>(rows, cols(), 12);
    }
    if (kind == Bias::window) window = 5;
  }

  Index cols() const { return heads * head_size; }
  Index samples() const { return static_cast<Index>(offsets.size()) - 1; }
  MatrixView<const float> part(Index which) const { return qkv.view().col_range(which * cols(), cols()); }
  bool has_bias() const { return bias.cols > 0; }
  bool has_positions() const { return position_key.rows > 0; }
  Attention<float> problem() const {
    Attention<float> problem = {part(0), part(1), part(2), offsets, offsets, heads, head_size};
    if (has_bias()) problem.bias = bias.view();
    if (has_positions()) problem.position_key = position_key.view(), problem.position_query = position_query.view();
    problem.window = window;
    return problem;
  }
};

/// What the kernels return. What lies between the rows, and at the end of `probabilities`, are numbers that must stay.
template <class T>
struct Outputs {
  PaddedMatrix<T> context, d_qkv, d_bias, d_position_key, d_position_query;
  std::vector<T> probabilities;

  static constexpr std::size_t tail = 5;

  explicit Outputs(const Inputs& in)
      : context(in.offsets.back(), in.cols(), 3, 7),
        d_qkv(in.offsets.back(), 3 * in.cols(), 4, 9),
        d_bias(in.has_bias() ? in.samples() * in.heads : 0, in.bias.cols, 10),
        d_position_key(in.samples() * in.position_key.rows, in.position_key.cols, 13),
        d_position_query(in.samples() * in.position_query.rows, in.position_query.cols, 14),
        probabilities(static_cast<std::size_t>(attention_probability_count(in.problem())) + tail, T(7)) {}
  template <class U>
  explicit Outputs(const Outputs<U>& other)
      : context(other.context),
        d_qkv(other.d_qkv),
        d_bias(other.d_bias),
        d_position_key(other.d_position_key),
        d_position_query(other.d_position_query),
        probabilities(other.probabilities.begin(), other.probabilities.end()) {}
  bool operator==(const Outputs&) const = default;
};

PaddedMatrix<float> infer(const Inputs& in, PaddedMatrix<float> context) {
  attention<float>(in.problem(), context.view());
  return context;
}
PaddedMatrix<float> infer(const Inputs& in) { return infer(in, Outputs<float>(in).context); }

/// attention_forward and attention_backward.
Outputs<float> train(const Inputs& in, const Dropout& dropout, Outputs<float> out) {
  const std::span<float> probabilities = std::span(out.probabilities).first(out.probabilities.size() - out.tail);
  attention_forward<float>(in.problem(), dropout, out.context.view(), probabilities);
  const auto gradient = [&](Index which) { return out.d_qkv.view().col_range(which * in.cols(), in.cols()); };
  attention_backward<float>(in.problem(), dropout, probabilities, in.d_context.view(),
                            {gradient(0), gradient(1), gradient(2), out.d_bias.view(), out.d_position_key.view(),
                             out.d_position_query.view()});
  return out;
}
Outputs<float> train(const Inputs& in, const Dropout& dropout = {}) { return train(in, dropout, Outputs<float>(in)); }

/// The definition, one element after the other.
Outputs<double> by_plain_loops(const Inputs& in, const Dropout& dropout, const Outputs<float>& before) {
  Outputs<double> out(before);
  const double products = in.has_positions() ? 3 : 1;
  const double scale = 1 / std::sqrt(products * static_cast<double>(in.head_size)), rate = dropout.rate;
  double* p = out.probabilities.data();
  for (PaddedMatrix<double>* d : {&out.d_bias, &out.d_position_key, &out.d_position_query})
    for (Index r = 0; r < d->rows; ++r) std::fill_n(d->view().row(r), d->cols, 0.0);
  for (Index s = 0; s < in.samples(); ++s) {
    const Index first = in.offsets[s], n = in.offsets[s + 1] - first;
    for (Index h = 0; h < in.heads; ++h, p += n * n) {
      const auto head = [&](auto matrix) { return matrix.block(first, h * in.head_size, n, in.head_size); };
      const auto q = head(in.part(0)), k = head(in.part(1)), v = head(in.part(2)), dc = head(in.d_context.view());
      const auto c = head(out.context.view());
      const auto gradient = [&](Index which) { return head(out.d_qkv.view().col_range(which * in.cols(), in.cols())); };
      const auto dq = gradient(0), dk = gradient(1), dv = gradient(2);
      for (const MatrixView<double>& m : {c, dq, dk, dv})
        for (Index i = 0; i < n; ++i) std::fill_n(m.row(i), in.head_size, 0.0);
      for (Index i = 0; i < n; ++i) {
        double largest = -INFINITY, sum = 0;
        for (Index j = 0; j < n; ++j) {
          double score = 0;
          for (Index e = 0; e < in.head_size; ++e) score += double{q(i, e)} * k(j, e);
          for (Index e = 0; e < in.head_size && in.has_positions(); ++e) {
            const Index row = in.position_key.rows / 2 + j - i, col = h * in.head_size + e;
            score += double{q(i, e)} * in.position_key.view()(row, col);
            score += double{k(j, e)} * in.position_query.view()(row, col);
          }
          p[i * n + j] = score * scale;
          if (in.has_bias()) p[i * n + j] += in.bias.view()(h, in.bias.cols / 2 + j - i);
          if (in.window > 0 && std::abs(i - j) > in.window) p[i * n + j] = -INFINITY;
          largest = std::max(largest, p[i * n + j]);
        }
        for (Index j = 0; j < n; ++j) sum += p[i * n + j] = std::exp(p[i * n + j] - largest);
        for (Index j = 0; j < n; ++j) p[i * n + j] /= sum;

        std::vector<double> mask(n, 1.0), dp(n, 0.0);
        if (dropout.active()) {
          const std::uint64_t row =
              (dropout.first_row + static_cast<std::uint64_t>(first + i)) * static_cast<std::uint64_t>(in.heads) +
              static_cast<std::uint64_t>(h);
          for (Index j = 0; j < n; ++j) {
            const bool kept = philox(dropout.key, static_cast<std::uint64_t>(j / 4), row)[j % 4] >= rate * 0x1p32;
            mask[j] = kept ? 1 / (1 - rate) : 0;
          }
        }
        double inner = 0;
        for (Index j = 0; j < n; ++j) {
          for (Index e = 0; e < in.head_size; ++e) {
            c(i, e) += p[i * n + j] * mask[j] * v(j, e);
            dv(j, e) += p[i * n + j] * mask[j] * dc(i, e);
            dp[j] += double{dc(i, e)} * v(j, e) * mask[j];
          }
          inner += dp[j] * p[i * n + j];
        }
        for (Index j = 0; j < n; ++j) {
          const double d_score = p[i * n + j] * (dp[j] - inner), ds = d_score * scale;
          if (in.has_bias()) out.d_bias.view()(s * in.heads + h, in.bias.cols / 2 + j - i) += d_score;
          for (Index e = 0; e < in.head_size; ++e) {
            dq(i, e) += ds * k(j, e);
            dk(j, e) += ds * q(i, e);
          }
          for (Index e = 0; e < in.head_size && in.has_positions(); ++e) {
            const Index rows = in.position_key.rows, row = rows / 2 + j - i, col = h * in.head_size + e;
            dq(i, e) += ds * in.position_key.view()(row, col);
            dk(j, e) += ds * in.position_query.view()(row, col);
            out.d_position_key.view()(s * rows + row, col) += ds * q(i, e);
            out.d_position_query.view()(s * rows + row, col) += ds * k(j, e);
          }
        }
      }
    }
  }
  return out;
}

void expect_near(const std::vector<float>& found, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double error = std::abs(found[i] - expected[i]);
    if (!(error <= tolerance * std::max(1.0, std::abs(expected[i]))))
      FAIL() << "element " << i << " is " << found[i] << " instead of " << expected[i];
  }
}

/// Equal but for rounding, and in what lies between the rows to the bit.
void expect_near(const PaddedMatrix<float>& found, const PaddedMatrix<double>& expected, double tolerance) {
  expect_near(found.data, expected.data, tolerance);
  for (Index r = 0; r < found.rows; ++r)
    for (Index i = r * found.stride + found.cols; i < (r + 1) * found.stride; ++i)
      if (found.data[i] != static_cast<float>(expected.data[i])) FAIL() << "written past the end of row " << r;
}

void expect_near(const Outputs<float>& found, const Outputs<double>& expected) {
  expect_near(found.context, expected.context, 1e-5);
  expect_near(found.probabilities, expected.probabilities, 2e-6);
  expect_near(found.d_qkv, expected.d_qkv, 3e-5);
  expect_near(found.d_bias, expected.d_bias, 3e-5);
  expect_near(found.d_position_key, expected.d_position_key, 3e-5);
  expect_near(found.d_position_query, expected.d_position_query, 3e-5);
}

TEST(Attention, AgreesWithPlainLoopsAtEveryShape) {
  for (const Index size : {1, 5, 8, 20, 64, 72}) {
    SCOPED_TRACE(size);
    const Inputs in(every_length(), size < 64 ? 2 : 1, size);
    const Outputs<float> before(in);
    const Outputs<double> expected = by_plain_loops(in, {}, before);
    at_every_simd_target([&] {
      expect_near(infer(in, before.context), expected.context, 1e-5);
      expect_near(train(in, {}, before), expected);
    });
  }
}

void expect_plain_loops_at_every_shape(Bias bias) {
  for (const Index size : {1, 5, 8, 20, 64}) {
    SCOPED_TRACE(size);
    const Inputs in(every_length(), size < 64 ? 3 : 1, size, bias);
    const Outputs<float> before(in);
    const Outputs<double> expected = by_plain_loops(in, {}, before);
    const auto compare = [&] {
      expect_near(infer(in, before.context), expected.context, 1e-5);
      expect_near(train(in, {}, before), expected);
    };
    at_every_simd_target(compare);
    with_portable_kernels(compare);
  }
}

TEST(Attention, WithABiasAgreesWithPlainLoopsAtEveryShape) { expect_plain_loops_at_every_shape(Bias::by_distance); }

TEST(Attention, WithPositionsAgreesWithPlainLoopsAtEveryShape) { expect_plain_loops_at_every_shape(Bias::positions); }

TEST(Attention, WithAWindowAgreesWithPlainLoopsAtEveryShape) { expect_plain_loops_at_every_shape(Bias::window); }

// So long that queries see nothing of whole panels of keys, on both sides.
TEST(Attention, WithAWindowAgreesWithPlainLoopsOnLongSamples) {
  for (const Index window : {1, 20, 64, 200, 400}) {
    Inputs in({300, 2, 371}, 2, 20);
    in.window = window;
    const Outputs<float> before(in);
    const Outputs<double> expected = by_plain_loops(in, {}, before);
    at_every_simd_target([&] {
      expect_near(infer(in, before.context), expected.context, 1e-5);
      expect_near(train(in, {}, before), expected);
      EXPECT_TRUE(infer(in) == train(in).context) << "the same bits";
    });
  }
}

TEST(Attention, AWindowOfTheWholeSampleGivesTheBitsOfNone) {
  Inputs in({70, 130}, 2, 20);
  at_every_simd_target([&] {
    in.window = 0;
    const auto whole = std::pair(infer(in), train(in));
    in.window = 129;
    EXPECT_TRUE(std::pair(infer(in), train(in)) == whole);
  });
}

TEST(Attention, WithDropoutAgreesWithPlainLoopsAtEveryLength) {
  const Dropout dropout = {.rate = 0.25f, .key = derive_key(3, "probabilities"), .first_row = 1000};
  const Inputs in(every_length(), 3, 20, Bias::by_distance);
  const Outputs<float> before(in);
  const Outputs<double> expected = by_plain_loops(in, dropout, before);
  at_every_simd_target([&] { expect_near(train(in, dropout, before), expected); });
}

TEST(Attention, ResultsDoNotDependOnTheThreadCount) {
  at_every_simd_target([] {
    for (const auto& [lengths, bias] : {std::pair(std::vector<Index>{150}, Bias::by_distance),
                                        {{3, 70, 1, 41, 128}, Bias::by_distance},
                                        {{150}, Bias::positions},
                                        {{3, 70, 1, 41, 128}, Bias::positions},
                                        {{350}, Bias::window},
                                        {{3, 70, 1, 41, 128}, Bias::window}}) {
      const Inputs in(lengths, 5, 20, bias);
      const Dropout dropout = {.rate = 0.1f, .key = 4};
      const auto run = [&](int thread_count) {
        const ThreadScope threads(thread_count);
        return std::pair(infer(in), train(in, dropout));
      };
      const auto alone = run(1);
      for (const int thread_count : {2, 4, 7}) EXPECT_TRUE(run(thread_count) == alone) << thread_count;
    }
  });
}

TEST(Attention, BatchEqualsItsSamplesOneByOne) {
  for (const Bias bias : {Bias::by_distance, Bias::positions, Bias::window})
    at_every_simd_target([bias] {
      const Inputs in({9, 130, 1, 33, 64}, 3, 24, bias);
      const Dropout dropout = {.rate = 0.1f, .key = 4, .first_row = 7};
      const PaddedMatrix<float> inferred = infer(in);
      const Outputs<float> trained = train(in, dropout);
      for (Index s = 0; s < in.samples(); ++s) {
        const Index first = in.offsets[s], n = in.offsets[s + 1] - first;
        Inputs one({n}, in.heads, in.head_size);
        one.bias = in.bias;
        one.position_key = in.position_key;
        one.position_query = in.position_query;
        one.window = in.window;
        for (Index t = 0; t < n; ++t) {
          std::copy_n(in.qkv.view().row(first + t), in.qkv.cols, one.qkv.view().row(t));
          std::copy_n(in.d_context.view().row(first + t), in.d_context.cols, one.d_context.view().row(t));
        }
        const PaddedMatrix<float> inferred_alone = infer(one);
        const Outputs<float> trained_alone =
            train(one, {dropout.rate, dropout.key, dropout.first_row + static_cast<std::uint64_t>(first)});
        const auto expect_rows = [&](const PaddedMatrix<float>& batch, const PaddedMatrix<float>& alone) {
          for (Index t = 0; t < n; ++t)
            for (Index c = 0; c < batch.cols; ++c)
              ASSERT_EQ(batch.view()(first + t, c), alone.view()(t, c)) << "sample " << s;
        };
        expect_rows(inferred, inferred_alone);
        expect_rows(trained.context, trained_alone.context);
        expect_rows(trained.d_qkv, trained_alone.d_qkv);
        for (Index h = 0; h < in.heads; ++h)
          for (Index c = 0; c < in.bias.cols; ++c)
            ASSERT_EQ(trained.d_bias.view()(s * in.heads + h, c), trained_alone.d_bias.view()(h, c)) << "sample " << s;
        for (Index row = 0; row < in.position_key.rows; ++row)
          for (Index c = 0; c < in.position_key.cols; ++c) {
            const Index of_batch = s * in.position_key.rows + row;
            ASSERT_EQ(trained.d_position_key.view()(of_batch, c), trained_alone.d_position_key.view()(row, c));
            ASSERT_EQ(trained.d_position_query.view()(of_batch, c), trained_alone.d_position_query.view()(row, c));
          }
      }
    });
}

// A query's context is the same wherever the query stands: rows are cut into blocks, tiles and shares of threads.
TEST(Attention, EqualQueriesHaveEqualContexts) {
  at_every_simd_target([] {
    Inputs in({101}, 2, 20);
    for (Index t = 1; t < 101; ++t) std::copy_n(in.qkv.view().row(0), in.cols(), in.qkv.view().row(t));
    const PaddedMatrix<float> inferred = infer(in), trained = train(in).context;
    for (Index t = 1; t < 101; ++t)
      for (Index c = 0; c < in.cols(); ++c) {
        ASSERT_EQ(inferred.view()(t, c), inferred.view()(0, c)) << t;
        ASSERT_EQ(trained.view()(t, c), trained.view()(0, c)) << t;
      }
  });
}

TEST(Attention, LargeScoresDoNotOverflow) {
  const Index n = 37, size = 16;
  Inputs in({n}, 1, size);
  // Whole numbers, so that the scores, up to ±1e4, are exact.
  for (Index t = 0; t < n; ++t)
    for (Index c = 0; c < 2 * size; ++c) in.qkv.view()(t, c) = static_cast<float>((t * 7 + c * 5) % 11 - 5) * 10;
  const Outputs<double> expected = by_plain_loops(in, {}, Outputs<float>(in));
  at_every_simd_target([&] {
    expect_near(infer(in), expected.context, 1e-5);
    const Outputs<float> found = train(in);
    expect_near(found.probabilities, expected.probabilities, 1e-6);
    expect_near(found.context, expected.context, 1e-5);
    for (const float g : found.d_qkv.data) ASSERT_TRUE(std::isfinite(g));
  });
}

// With the identity for values, the context of a token is its row of dropped probabilities.
TEST(Attention, DropsProbabilitiesByTheDocumentedMask) {
  const Index n = 40, heads = 3;
  Inputs in({5, n}, heads, n);
  for (Index t = 0; t < 5 + n; ++t)
    for (Index c = 0; c < in.cols(); ++c) in.qkv.view()(t, 2 * in.cols() + c) = static_cast<float>(t - 5 == c % n);
  const Dropout dropout = {.rate = 0.5f, .key = 99, .first_row = 11};
  at_every_simd_target([&] {
    const Outputs<float> found = train(in, dropout);
    for (Index t = 0; t < n; ++t)
      for (Index h = 0; h < heads; ++h)
        for (Index j = 0; j < n; ++j) {
          const std::uint64_t row = static_cast<std::uint64_t>((11 + 5 + t) * heads + h);
          const bool kept = philox(99, static_cast<std::uint64_t>(j / 4), row)[j % 4] >= 0x80000000u;
          ASSERT_EQ(found.context.view()(5 + t, h * n + j) != 0, kept) << t << ", " << h << ", " << j;
        }
  });
}

// What a layer does whose other tokens nobody looks at.
TEST(Attention, LeadingQueriesAloneGetWhatTheyGetAmongAll) {
  const Dropout dropout = {.rate = 0.1f, .key = 4, .first_row = 7};
  for (const auto& [leading, bias] : {std::pair(Index{1}, Bias::by_distance),
                                      {3, Bias::by_distance},
                                      {40, Bias::by_distance},
                                      {1, Bias::positions},
                                      {3, Bias::positions},
                                      {40, Bias::positions},
                                      {1, Bias::window},
                                      {40, Bias::window}}) {
    Inputs in({9, 130, 1, 33, 64}, 3, 24, bias);
    std::vector<Index> lengths;
    for (Index s = 0; s < in.samples(); ++s)
      lengths.push_back(std::min<Index>(leading, in.offsets[s + 1] - in.offsets[s]));
    const std::vector<Index> query_offsets = offsets_of(lengths);
    PaddedMatrix<float> query(query_offsets.back(), in.cols(), 6), d_context(query);
    for (Index s = 0; s < in.samples(); ++s) {
      for (Index t = in.offsets[s], q = query_offsets[s]; t < in.offsets[s + 1]; ++t, ++q) {
        if (q < query_offsets[s + 1]) {
          std::copy_n(in.part(0).row(t), in.cols(), query.view().row(q));
          std::copy_n(in.d_context.view().row(t), in.cols(), d_context.view().row(q));
        } else {
          std::fill_n(in.d_context.view().row(t), in.cols(), 0.0f);
        }
      }
    }
    Attention<float> problem = in.problem();
    problem.query = query.view();
    problem.query_offsets = query_offsets;
    const auto run = [&] {
      const PaddedMatrix<float> inferred = infer(in);
      const Outputs<float> trained = train(in, dropout);
      PaddedMatrix<float> context(query), trained_context(query), d_query(query), d_key_value(in.qkv),
          d_bias(trained.d_bias), d_position_key(trained.d_position_key), d_position_query(trained.d_position_query);
      attention<float>(problem, context.view());
      std::vector<float> probabilities(static_cast<std::size_t>(attention_probability_count(problem)));
      attention_forward<float>(problem, dropout, trained_context.view(), probabilities);
      const auto gradient = [&](Index which) { return d_key_value.view().col_range(which * in.cols(), in.cols()); };
      attention_backward<float>(
          problem, dropout, probabilities, d_context.view(),
          {d_query.view(), gradient(1), gradient(2), d_bias.view(), d_position_key.view(), d_position_query.view()});
      for (Index s = 0; s < in.samples(); ++s) {
        for (Index t = in.offsets[s], q = query_offsets[s]; q < query_offsets[s + 1]; ++t, ++q) {
          for (Index c = 0; c < in.cols(); ++c) {
            ASSERT_NEAR(context.view()(q, c), inferred.view()(t, c), 1e-6);
            ASSERT_NEAR(trained_context.view()(q, c), trained.context.view()(t, c), 1e-6);
            ASSERT_NEAR(d_query.view()(q, c), trained.d_qkv.view()(t, c), 1e-6);
          }
        }
      }
      for (Index t = 0; t < in.offsets.back(); ++t)
        for (Index c = in.cols(); c < 3 * in.cols(); ++c)
          ASSERT_NEAR(d_key_value.view()(t, c), trained.d_qkv.view()(t, c), 1e-6);
      for (const auto& [found, expected] : {std::pair(&d_bias, &trained.d_bias),
                                            {&d_position_key, &trained.d_position_key},
                                            {&d_position_query, &trained.d_position_query}})
        for (Index r = 0; r < found->rows; ++r)
          for (Index c = 0; c < found->cols; ++c) ASSERT_NEAR(found->view()(r, c), expected->view()(r, c), 3e-6);
    };
    at_every_simd_target(run);
    with_portable_kernels(run);
  }
}

TEST(Attention, NoSamplesAreNoWork) {
  at_every_simd_target([] {
    const Inputs in({}, 2, 8);
    EXPECT_TRUE(infer(in).data.empty());
    EXPECT_TRUE(train(in) == Outputs<float>(in));
  });
}

}  // namespace
}  // namespace sharcs::internal::kernels::attention_test
