#pragma once

#include <gtest/gtest.h>

#include <filesystem>

namespace sharcs::internal::testing {

/// Numbers made with the authors' code. May be absent.
std::filesystem::path golden_dir();

/// Real data sets and vocabularies. May be absent.
std::filesystem::path data_dir();

}  // namespace sharcs::internal::testing

/// Skips the test, with the reason, where the file or folder is absent.
#define SHARCS_SKIP_WITHOUT(place)                                                          \
  do {                                                                                      \
    const std::filesystem::path wanted{place};                                              \
    if (!std::filesystem::exists(wanted)) GTEST_SKIP() << "not there: " << wanted.string(); \
  } while (false)
#define SHARCS_SKIP_WITHOUT_GOLDEN() SHARCS_SKIP_WITHOUT(sharcs::internal::testing::golden_dir())
#define SHARCS_SKIP_WITHOUT_DATA() SHARCS_SKIP_WITHOUT(sharcs::internal::testing::data_dir())
