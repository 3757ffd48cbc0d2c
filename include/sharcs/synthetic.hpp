#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "sharcs/dataset.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// Levels of difficulty of the generated sentences, from 0.
///
// clang-format off
/// | level | name | example | what decides |
/// |---|---|---|---|
/// | 0 | plain | the acting was truly superb . | the words of praise or blame |
/// | 1 | negation | the acting was by no means superb . | the same, turned round |
/// | 2 | contrast | although the plot is dull , i loved the music . | the main clause, the other one says the opposite |
/// | 3 | distance | nobody would deny that , after two hours in a cold tent , the acting is superb . | whether the opening affirms or denies, and the rest |
/// | 4 | noise | the usher called the plto a bore ; to my mind it is by no means a disaster . | what the writer says, not what others say; with typing errors |
// clang-format on
constexpr std::size_t difficulty_levels = 5;

/// "plain", "negation", "contrast", "distance" or "noise". Throws ConfigError for another level.
std::string difficulty_name(int level);

struct SyntheticOptions {
  std::size_t train = 8000;
  std::size_t dev = 1000;
  std::size_t test = 1000;
  std::uint64_t seed = 1;
  /// How much of each split every level has, in any unit.
  std::array<double, difficulty_levels> level_shares = {75, 10, 6, 5, 4};
};

/// Film reviews of one sentence whose sentiment (0: negative, 1: positive) and difficulty are known, in the form of
/// SST-2. What is hard is to see how far the words that turn a meaning reach, not to know the words: every level draws
/// from the same ones.
struct SyntheticData {
  Dataset train, dev, test;

  /// The same options give the same sentences on every machine. In each split every level has its share, and half of
  /// its sentences are positive; nothing but the words of praise and blame, as they stand in the sentence, tells the
  /// label: form, length and all other words are drawn without regard to it. No sentence occurs twice, in one split or
  /// in two. Dev and test do not depend on the size of train. Throws ConfigError when train or dev has less than two
  /// samples, all together more than ten million, or the shares are no shares.
  static SyntheticData generate(const SyntheticOptions& options = {});

  /// Writes train.tsv, dev.tsv and, unless it is empty, test.tsv: GLUE's SST-2 with a column "difficulty". Each file is
  /// written atomically; the folder is made when it is absent. Throws IoError.
  void save(const std::filesystem::path& folder) const;
};

}  // namespace gnu::visibility("default")]]sharcs
