#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "sharcs/dataset.hpp"

namespace sharcs::internal {

/// Levels of difficulty of the generated sentences, from 0.
///
// clang-format off
/// | level | name | example | what decides the sentiment |
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
  /// How much of each split every level gets, in any unit: 3, 1, 0, 0, 0 is three quarters plain, one quarter negation.
  std::array<double, difficulty_levels> level_shares = {75, 10, 6, 5, 4};
};

/// Film reviews of one sentence in the form of SST-2, with known sentiment (0: negative, 1: positive) and known
/// difficulty. All levels use the same words. A sentence is hard because of words like "not" and "although", and how
/// much of the sentence they turn round.
struct SyntheticData {
  Dataset train, dev, test;

  /// The same options give the same sentences on every machine. In each split every level has its share, and half of
  /// its sentences are positive. Only the words of praise and blame, and where they stand, tell the label; form, length
  /// and all other words are drawn without regard to it. No sentence occurs twice in all three splits together. Dev and
  /// test do not depend on the size of train. Throws ConfigError when train or dev has fewer than two samples, all
  /// together more than ten million, or when the shares are negative, not finite or all 0.
  static SyntheticData generate(const SyntheticOptions& options = {});

  /// Writes train.tsv, dev.tsv and, unless it is empty, test.tsv: GLUE's SST-2 with a column "difficulty". Each file is
  /// written atomically; the folder is made when it is absent. Throws IoError.
  void save(const std::filesystem::path& folder) const;
};

}  // namespace sharcs::internal
