#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace sharcs::testing {

/// A folder that the environment variable names, else the one given when the build was configured.
inline std::filesystem::path folder_from(const char* variable, const char* configured) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : configured;
}

/// Numbers made with the authors' code. May be absent.
inline std::filesystem::path golden_dir() { return folder_from("SHARCS_GOLDEN_DIR", SHARCS_GOLDEN_DIR); }

/// Real data sets and vocabularies. May be absent.
inline std::filesystem::path data_dir() { return folder_from("SHARCS_DATA_DIR", SHARCS_DATA_DIR); }

}  // namespace sharcs::testing

/// Skips the test, with the reason, where the file or folder is absent.
#define SHARCS_SKIP_WITHOUT(place)                                                           \
  do {                                                                                       \
    const std::filesystem::path wanted{place};                                             \
    if (!std::filesystem::exists(wanted)) GTEST_SKIP() << "not there: " << wanted.string(); \
  } while (false)
#define SHARCS_SKIP_WITHOUT_GOLDEN() SHARCS_SKIP_WITHOUT(sharcs::testing::golden_dir())
#define SHARCS_SKIP_WITHOUT_DATA() SHARCS_SKIP_WITHOUT(sharcs::testing::data_dir())
