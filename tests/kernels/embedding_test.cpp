#include "kernels/embedding.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "core/half.hpp"
#include "core/threads.hpp"
#include "kernels/padded_matrix.hpp"
#include "kernels/simd_targets.hpp"

namespace sharcs::internal::kernels::embedding_test {
namespace {

using Matrix = PaddedMatrix<float>;

std::vector<std::int32_t> random_ids(Index count, Index entries, std::uint64_t name) {
  Random random(derive_key(2, "ids", name));
  std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
  for (auto& id : ids) id = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(entries)));
  return ids;
}

TEST(Embedding, SumEqualsThePortableCodeBitForBitAtEveryShape) {
  at_every_simd_target([] {
    for (const Index tokens : {1, 2, 130}) {
      for (const Index cols : {1, 3, 15, 16, 17, 33, 64, 127, 300}) {
        const Matrix words(50, cols, 1), positions(9, cols, 2, 0), types(2, cols, 3);
        const auto word_ids = random_ids(tokens, 50, 1), position_ids = random_ids(tokens, 9, 2),
                   type_ids = random_ids(tokens, 2, 3);
        const EmbeddingLookup<float> lookups[] = {
            {words.view(), word_ids}, {positions.view(), position_ids}, {types.view(), type_ids}};
        for (std::size_t tables = 0; tables <= 3; ++tables) {
          const std::span used(lookups, tables);
          Matrix expected(tokens, cols, 4), found(expected);
          with_portable_kernels([&] { embedding_sum<float>(used, expected.view()); });
          embedding_sum<float>(used, found.view());
          ASSERT_TRUE(expected == found) << tokens << " x " << cols << ", " << tables << " tables";
        }
      }
    }
  });
}

TEST(Embedding, OfBf16TablesIsThatOfTheirNumbers) {
  const auto check = [] {
    for (const Index cols : {1, 3, 15, 16, 17, 33, 64, 127, 300}) {
      Matrix words(50, cols, 1, 0), types(2, cols, 3, 0);
      const Matrix positions(9, cols, 2);
      std::vector<std::uint16_t> word_bits, type_bits;
      for (float& x : words.data) x = float_of_bf16(word_bits.emplace_back(bf16_of_float(x)));
      for (float& x : types.data) x = float_of_bf16(type_bits.emplace_back(bf16_of_float(x)));
      const auto word_ids = random_ids(30, 50, 1), position_ids = random_ids(30, 9, 2), type_ids = random_ids(30, 2, 3);
      const EmbeddingLookup<float> of_floats[] = {
          {words.view(), word_ids}, {positions.view(), position_ids}, {types.view(), type_ids}};
      EmbeddingLookup<float> of_bf16[] = {{{}, word_ids}, {positions.view(), position_ids}, {{}, type_ids}};
      of_bf16[0].bf16 = {word_bits.data(), 50, cols};
      of_bf16[2].bf16 = {type_bits.data(), 2, cols};
      Matrix expected(30, cols, 4), found(expected);
      embedding_sum<float>(of_floats, expected.view());
      embedding_sum<float>(of_bf16, found.view());
      ASSERT_TRUE(expected == found) << cols;
    }
  };
  at_every_simd_target(check);
  with_portable_kernels(check);
}

TEST(Embedding, BackwardAddsUpTokensInOrderAtEveryShape) {
  at_every_simd_target([] {
    for (const Index tokens : {1, 2, 130}) {
      for (const Index cols : {1, 3, 15, 16, 17, 33, 64, 127, 300}) {
        for (const Index entries : {2, 40}) {
          const Matrix dy(tokens, cols, 1);
          const auto ids = random_ids(tokens, entries, 5);
          Matrix expected(entries, cols, 2, 7), found(expected);  // gradients are added to what is there
          with_portable_kernels([&] { embedding_backward<float>(dy.view(), ids, expected.view()); });
          embedding_backward<float>(dy.view(), ids, found.view());
          ASSERT_TRUE(expected == found) << tokens << " x " << cols << ", " << entries << " entries";
        }
      }
    }
  });
}

TEST(Embedding, DoesNotDependOnTheThreadCount) {
  at_every_simd_target([] {
    const Index tokens = 700, cols = 200;
    const Matrix table(30, cols, 1), dy(tokens, cols, 2);
    const auto ids = random_ids(tokens, 30, 5);
    const EmbeddingLookup<float> lookups[] = {{table.view(), ids}, {table.view(), ids}};
    const auto run = [&](int thread_count) {
      const ThreadScope threads(thread_count);
      Matrix y(tokens, cols, 3), gradient(table);
      embedding_sum<float>(lookups, y.view());
      embedding_backward<float>(dy.view(), ids, gradient.view());
      return std::pair(y, gradient);
    };
    const auto alone = run(1);
    for (const int thread_count : {2, 3, 7}) EXPECT_TRUE(run(thread_count) == alone) << thread_count;
  });
}

}  // namespace
}  // namespace sharcs::internal::kernels::embedding_test
