// Every seed, every seed cut short and with damaged bytes, and everything that a fuzzer has found before.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/random.hpp"
#include "fuzz/harness.hpp"

namespace sharcs::internal {
namespace {

std::vector<std::string> names() {
  std::vector<std::string> list;
  for (const Harness& harness : harnesses::all()) list.push_back(harness.name);
  return list;
}

const Harness& named(const std::string& name) {
  static const std::vector<Harness> all = harnesses::all();
  return *std::ranges::find(all, name, &Harness::name);
}

class HardInput : public ::testing::TestWithParam<std::string> {
 protected:
  const Harness& harness() const { return named(GetParam()); }
};

TEST_P(HardInput, SeedsAreReadOrRefusedInALine) {
  const auto seeds = harness().seeds();
  ASSERT_FALSE(seeds.empty());
  for (std::size_t i = 0; i < seeds.size(); ++i) EXPECT_EQ(problem_of(harness(), seeds[i]), "") << "seed " << i;
  EXPECT_EQ(problem_of(harness(), ""), "");
}

TEST_P(HardInput, TheFirstSeedIsGood) {
  const Scratch scratch;
  EXPECT_NO_THROW(harness().read(harness().seeds().front(), scratch));
}

TEST_P(HardInput, SeedsThatAreCutOrDamagedAreReadOrRefusedInALine) {
  // SHARCS_DAMAGED=100000: so many of each seed, which is a fuzzer that learns nothing, for where there is no
  // libFuzzer.
  const char* const asked = std::getenv("SHARCS_DAMAGED");
  const int rounds = asked != nullptr ? std::atoi(asked) : 10;
  Random random(7);
  for (const std::string& seed : harness().seeds())
    for (int i = 0; i < rounds; ++i) {
      std::string input = seed.substr(0, random.below(seed.size() + 1));
      EXPECT_EQ(problem_of(harness(), input), "") << "cut to " << input.size();
      input = seed;
      if (input.empty()) continue;
      for (int k = 0; k < 1 + i % 8; ++k) input[random.below(input.size())] = static_cast<char>(random.below(256));
      EXPECT_EQ(problem_of(harness(), input), "") << "damaged for the " << i << "th time";
    }
}

TEST_P(HardInput, WhatFuzzersHaveFoundIsReadOrRefusedInALine) {
  const std::filesystem::path folder = std::filesystem::path(SHARCS_FOUND_DIR) / GetParam();
  if (!std::filesystem::is_directory(folder)) return;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string input(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(problem_of(harness(), input), "") << entry.path();
  }
}

INSTANTIATE_TEST_SUITE_P(Of, HardInput, ::testing::ValuesIn(names()), [](const auto& test) { return test.param; });

}  // namespace
}  // namespace sharcs::internal
