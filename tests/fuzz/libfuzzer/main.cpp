// The program that libFuzzer drives: one harness, which the environment variable SHARCS_HARNESS names. With
// SHARCS_FUZZ_SEEDS it writes the seeds and the dictionaries of all harnesses into that folder and ends.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "fuzz/harness.hpp"

namespace {

using sharcs::internal::Harness;

void write(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

/// libFuzzer's dictionaries: a word a line, in quotes, with \xAB for bytes.
std::string dictionary(const Harness& harness) {
  std::string text;
  for (const std::string& word : harness.words) {
    text += '"';
    for (const char c : word) {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(c));
      text += escaped;
    }
    text += "\"\n";
  }
  return text;
}

void write_seeds(const std::filesystem::path& folder) {
  for (const Harness& harness : sharcs::internal::harnesses::all()) {
    std::filesystem::create_directories(folder / harness.name);
    int number = 0;
    for (const std::string& seed : harness.seeds())
      write(folder / harness.name / ("seed-" + std::to_string(number++)), seed);
    write(folder / (harness.name + ".dict"), dictionary(harness));
    std::printf("%s\n", harness.name.c_str());
  }
}

Harness chosen() {
  const char* const name = std::getenv("SHARCS_HARNESS");
  for (const Harness& harness : sharcs::internal::harnesses::all())
    if (name != nullptr && harness.name == name) return harness;
  std::fprintf(stderr, "SHARCS_HARNESS names no harness; expected one of\n");
  for (const Harness& harness : sharcs::internal::harnesses::all())
    std::fprintf(stderr, "  %s\n", harness.name.c_str());
  std::exit(2);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  if (const char* const folder = std::getenv("SHARCS_FUZZ_SEEDS"); folder != nullptr) {
    write_seeds(folder);
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Harness harness = chosen();
  const std::string problem = sharcs::internal::problem_of(harness, {reinterpret_cast<const char*>(data), size});
  if (!problem.empty()) {
    std::fprintf(stderr, "%s: %s\n", harness.name.c_str(), problem.c_str());
    std::abort();
  }
  return 0;
}
