#include "golden_folder.hpp"

#include <cstdlib>

namespace sharcs::internal::testing {
namespace {

/// A folder that the environment variable names, else the one given when the build was configured.
std::filesystem::path folder_from(const char* variable, const char* configured) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : configured;
}

}  // namespace

std::filesystem::path golden_dir() { return folder_from("SHARCS_GOLDEN_DIR", SHARCS_GOLDEN_DIR); }
std::filesystem::path data_dir() { return folder_from("SHARCS_DATA_DIR", SHARCS_DATA_DIR); }

}  // namespace sharcs::internal::testing
