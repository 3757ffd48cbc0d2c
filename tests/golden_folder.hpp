#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

namespace sharcs::internal::testing {

/// A folder of numbers made with PyTorch, and the vocabularies that its token files were made with.
struct GoldenSet {
  std::string name;
  std::filesystem::path folder;
  std::filesystem::path vocabularies;

  friend void PrintTo(const GoldenSet& set, std::ostream* out) { *out << set.folder; }
};

/// "Small", which is tests/golden: it belongs to the project, so what is missing in it makes a test fail.
GoldenSet small_golden_set();
/// The small set; and "Large", the folder that SHARCS_GOLDEN_DIR names, where it is there.
std::vector<GoldenSet> golden_sets();

/// For tests that run once for each set: class GoldenMetrics : public testing::GoldenTest {}; and then TEST_P and
/// SHARCS_FOR_EACH_GOLDEN_SET(GoldenMetrics).
class GoldenTest : public ::testing::TestWithParam<GoldenSet> {
 protected:
  static std::filesystem::path golden(const std::string& file) { return GetParam().folder / file; }
};

/// Real data sets and vocabularies. May be absent.
std::filesystem::path data_dir();

}  // namespace sharcs::internal::testing

#define SHARCS_FOR_EACH_GOLDEN_SET(suite)                                                                \
  INSTANTIATE_TEST_SUITE_P(Golden, suite, ::testing::ValuesIn(sharcs::internal::testing::golden_sets()), \
                           [](const auto& set) { return set.param.name; })

/// Skips the test, with the reason, where the file or folder is absent.
#define SHARCS_SKIP_WITHOUT(place)                                                          \
  do {                                                                                      \
    const std::filesystem::path wanted{place};                                              \
    if (!std::filesystem::exists(wanted)) GTEST_SKIP() << "not there: " << wanted.string(); \
  } while (false)
#define SHARCS_SKIP_WITHOUT_DATA() SHARCS_SKIP_WITHOUT(sharcs::internal::testing::data_dir())
