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

GoldenSet small_golden_set() {
  const std::filesystem::path folder = SHARCS_SMALL_GOLDEN_DIR;
  return {.name = "Small", .folder = folder, .vocabularies = folder / "vocab"};
}

std::vector<GoldenSet> golden_sets() {
  std::vector<GoldenSet> sets = {small_golden_set()};
  const std::filesystem::path large = folder_from("SHARCS_GOLDEN_DIR", SHARCS_GOLDEN_DIR);
  if (std::filesystem::is_directory(large))
    sets.push_back({.name = "Large", .folder = large, .vocabularies = data_dir() / "vocab"});
  return sets;
}

std::filesystem::path data_dir() { return folder_from("SHARCS_DATA_DIR", SHARCS_DATA_DIR); }

}  // namespace sharcs::internal::testing
