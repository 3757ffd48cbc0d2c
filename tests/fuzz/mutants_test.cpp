// Every JSON document that we read, with each of its values replaced by hard ones, in turn.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <numeric>

#include "fuzz/harness.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::ordered_json;

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string zeros(std::size_t count) {
  std::string text = "[0";
  for (std::size_t i = 1; i < count; ++i) text += ",0";
  return text + "]";
}

/// JSON text, good and bad.
const std::vector<std::string>& hard_values() {
  static const std::vector<std::string> values = {"null",
                                                  "true",
                                                  "0",
                                                  "-0.0",
                                                  "-1",
                                                  "1",
                                                  "2147483647",
                                                  "2147483648",
                                                  "-2147483649",
                                                  "9007199254740993",
                                                  "9223372036854775807",
                                                  "9223372036854775808",
                                                  "18446744073709551615",
                                                  "-9223372036854775808",
                                                  "1e18",
                                                  "1e-320",
                                                  "1e308",
                                                  "-1e308",
                                                  "1e999",
                                                  "NaN",
                                                  "0.5",
                                                  "\"\"",
                                                  "\"x\"",
                                                  R"("\u0000")",
                                                  R"("\ud800")",
                                                  R"("\ud83d\ude00\u202e\r\n\u0085")",
                                                  "\"\xFF\xFE\"",
                                                  '"' + std::string(20'000, 'y') + '"',
                                                  "[]",
                                                  "[[]]",
                                                  "[null]",
                                                  "[1e999]",
                                                  zeros(500),
                                                  "{}",
                                                  R"({"a": 1, "a": 2})",
                                                  R"({"": {}})",
                                                  nested(150),
                                                  nested(100'000)};
  return values;
}

/// Calls body(place) for each value of the document, which `place` stands for. Of long lists and objects only some.
template <class Body>
void for_each_place(ordered_json& value, const Body& body) {
  body(value);
  if (!value.is_structured()) return;
  const std::size_t step = std::max<std::size_t>(1, value.size() / 24);
  std::size_t i = 0;
  for (ordered_json& member : value)
    if (i++ % step == 0) for_each_place(member, body);
}

/// The document's text with other text in the place of a value.
std::string with(const ordered_json& document, ordered_json& place, const std::string& text) {
  const std::string mark = "@the place@";
  const ordered_json before = std::exchange(place, mark);
  std::string result = document.dump();
  place = before;
  return result.replace(result.find('"' + mark + '"'), mark.size() + 2, text);
}

std::vector<std::string> names_of_json() {
  std::vector<std::string> list;
  for (const Harness& harness : harnesses::all())
    if (harness.is_json) list.push_back(harness.name);
  return list;
}

class HardJson : public ::testing::TestWithParam<std::string> {};

TEST_P(HardJson, EveryValueReplacedByHardOnesIsReadOrRefusedInALine) {
  const std::vector<Harness> all = harnesses::all();
  const Harness& harness = *std::ranges::find(all, GetParam(), &Harness::name);
  const std::vector<std::string> seeds = harness.seeds();
  std::size_t all_mutants = 0;
  for (const std::string& seed : seeds) {
    ordered_json document = ordered_json::parse(seed);
    for_each_place(document, [&](ordered_json&) { all_mutants += hard_values().size(); });
  }
  // Evenly spread ones, unless all are asked for. The step shares no factor with the number of values.
  std::size_t step = std::getenv("SHARCS_EVERY_MUTANT") != nullptr ? 1 : std::max<std::size_t>(1, all_mutants / 800);
  while (std::gcd(step, hard_values().size()) != 1) ++step;
  std::size_t next = 0;
  int mutants = 0, problems = 0;
  for (const std::string& seed : seeds) {
    ordered_json document = ordered_json::parse(seed);
    for_each_place(document, [&](ordered_json& place) {
      for (const std::string& value : hard_values()) {
        if (next++ % step != 0) continue;
        const std::string input = with(document, place, value);
        const std::string problem = problem_of(harness, input);
        ++mutants;
        if (problem.empty() || ++problems > 20) continue;
        ADD_FAILURE() << problem << "\n  for " << value.substr(0, 60) << " in the place of "
                      << place.dump().substr(0, 60);
      }
    });
  }
  EXPECT_EQ(problems, 0) << "of " << mutants << " mutants";
  EXPECT_GT(mutants, 100);
}

TEST_P(HardJson, EveryMemberMayBeMissingOrThereTwice) {
  const std::vector<Harness> all = harnesses::all();
  const Harness& harness = *std::ranges::find(all, GetParam(), &Harness::name);
  for (const std::string& seed : harness.seeds()) {
    ordered_json document = ordered_json::parse(seed);
    for_each_place(document, [&](ordered_json& place) {
      if (!place.is_object()) return;
      const ordered_json whole = place;
      std::size_t left = 4;
      for (const auto& [key, value] : whole.items()) {
        if (left-- == 0) break;
        ordered_json without = whole;
        without.erase(key);
        EXPECT_EQ(problem_of(harness, with(document, place, without.dump())), "") << "without " << key;
        const std::string twice = whole.dump();
        const std::string member = ordered_json(key).dump() + ":" + value.dump();
        EXPECT_EQ(problem_of(harness, with(document, place, "{" + member + "," + twice.substr(1))), "")
            << key << " twice";
      }
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Of, HardJson, ::testing::ValuesIn(names_of_json()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace sharcs::internal
