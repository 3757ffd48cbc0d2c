#include "io/json_cursor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "expect_error.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal {

enum class Fruit { apple, pear };
template <>
struct EnumNames<Fruit> {
  static constexpr const char* what = "the fruit";
  static constexpr EnumName<Fruit> all[] = {{Fruit::apple, "apple"}, {Fruit::pear, "pear"}};
};

namespace json_cursor_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

JsonCursor parse(const std::string& text, JsonKind kind = JsonKind::config) {
  return JsonCursor::parse(text, "c.json", kind);
}

/// The message of the ConfigError that `use` of the document makes.
template <class Use>
std::string refusal(const std::string& text, const Use& use) {
  return message_of<ConfigError>([&] { use(parse(text)); });
}

TEST(JsonCursor, ReadsValuesOfEachType) {
  const JsonCursor root = parse(
      R"({"whole": 3, "also_whole": 3.0, "real": 0.25, "flag": true, "text": "é", "fruit": "pear", "list": [1, 2.5],
          "rows": [[1], [2, 3]], "big": 18446744073709551615})");
  EXPECT_EQ(root["whole"].get<int>(), 3);
  EXPECT_EQ(root["also_whole"].get<std::int64_t>(), 3);
  EXPECT_EQ(root["real"].get<double>(), 0.25);
  EXPECT_TRUE(root["flag"].get<bool>());
  EXPECT_EQ(root["text"].get<std::string>(), "é");
  EXPECT_EQ(root["fruit"].get<Fruit>(), Fruit::pear);
  EXPECT_THAT(root["list"].get<std::vector<double>>(), ElementsAre(1, 2.5));
  EXPECT_THAT(root["rows"].get<std::vector<std::vector<int>>>(), ElementsAre(ElementsAre(1), ElementsAre(2, 3)));
  EXPECT_EQ(root["big"].get<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
}

TEST(JsonCursor, WrongValuesAreToldWithTheirPathAndWhatWasExpected) {
  const auto with = [](const std::string& value, const auto& use) {
    return refusal("{\"a\": {\"b\": [0, " + value + "]}}",
                   [&](const JsonCursor& root) { use(root["a"]["b"].element(1)); });
  };
  const auto whole = [](NumberRange range) { return [=](const JsonCursor& at) { at.get<int>(range); }; };
  EXPECT_EQ(with("\"x\"", whole({.least = 1})), "c.json: \"a.b[1]\" is \"x\"; expected an integer ≥ 1");
  EXPECT_EQ(with("0", whole({.least = 1, .greatest = 9})), "c.json: \"a.b[1]\" is 0; expected an integer from 1 to 9");
  EXPECT_EQ(with("2.5", whole({})), "c.json: \"a.b[1]\" is 2.5; expected an integer");
  EXPECT_EQ(with("[]", whole({})), "c.json: \"a.b[1]\" is []; expected an integer");
  EXPECT_EQ(with("3000000000", whole({.least = 1})),
            "c.json: \"a.b[1]\" is 3000000000; expected an integer from 1 to 2147483647");
  EXPECT_EQ(with("-1", [](const JsonCursor& at) { at.get<std::uint64_t>(); }),
            "c.json: \"a.b[1]\" is -1; expected an integer");
  EXPECT_EQ(with("1.5", [](const JsonCursor& at) { at.get<double>({.greatest = 1}); }),
            "c.json: \"a.b[1]\" is 1.5; expected a number ≤ 1");
  EXPECT_EQ(with("1", [](const JsonCursor& at) { at.get<bool>(); }), "c.json: \"a.b[1]\" is 1; expected true or false");
  EXPECT_EQ(with("null", [](const JsonCursor& at) { at.get<std::string>(); }),
            "c.json: \"a.b[1]\" is null; expected a string");
  EXPECT_EQ(with("\"plum\"", [](const JsonCursor& at) { at.get<Fruit>(); }),
            "c.json: \"a.b[1]\" is \"plum\"; expected one of apple, pear");
  EXPECT_EQ(with("{}", [](const JsonCursor& at) { at.list(); }), "c.json: \"a.b[1]\" is {}; expected a list");
  EXPECT_EQ(with("7", [](const JsonCursor& at) { at["c"]; }), "c.json: \"a.b[1]\" is 7; expected an object");
  EXPECT_EQ(with("[1, \"x\"]", [](const JsonCursor& at) { at.get<std::vector<int>>(); }),
            "c.json: \"a.b[1][1]\" is \"x\"; expected an integer");
  EXPECT_EQ(with("[1]", [](const JsonCursor& at) { at.of_size(2); }),
            "c.json: \"a.b[1]\" is [1]; expected a list of 2");
}

TEST(JsonCursor, LongValuesAreCutInMessages) {
  const auto size = [](const std::string& value) {
    return refusal("{\"a\": " + value + "}", [](const JsonCursor& root) { root["a"].get<int>(); }).size();
  };
  std::string list = "[1";
  for (int i = 0; i < 10000; ++i) list += ",1";
  EXPECT_LT(size(list + "]"), 100u);
  EXPECT_LT(size("\"" + std::string(100000, 'x') + "\""), 200u);
}

TEST(JsonCursor, AbsentValuesAreOptionalOrAnError) {
  const JsonCursor root = parse(R"({"null": null, "a": {"b": 5}})");
  EXPECT_FALSE(root["x"].exists());
  EXPECT_TRUE(root["null"].exists());
  EXPECT_FALSE(root["null"].present());
  EXPECT_EQ(root["x"]["y"].get_or(7), 7);
  EXPECT_EQ(root["null"].get_or<std::string>("none"), "none");
  EXPECT_EQ(root["a"]["b"].get_or(7), 5);
  int value = 1;
  EXPECT_FALSE(root["null"].read(value));
  EXPECT_EQ(value, 1);
  EXPECT_TRUE(root["a"]["b"].read(value));
  EXPECT_EQ(value, 5);
  EXPECT_TRUE(std::isnan(root["null"].number_or_nan()));
  EXPECT_EQ(message_of<ConfigError>([&] { root["a"]["c"]["d"].get<int>({.least = 0}); }),
            "c.json: \"a.c.d\" is absent; expected an integer ≥ 0");
  EXPECT_EQ(message_of<ConfigError>([&] { root["x"].number_or_nan(); }),
            "c.json: \"x\" is absent; expected a number or null");
  EXPECT_EQ(message_of<ConfigError>([&] { root["x"].of_size(1); }), "c.json: \"x\" is absent; expected a list");
}

TEST(JsonCursor, MembersThatNobodyAskedForAreRefused) {
  const JsonCursor root = parse(R"({"a": {"b": 1, "c": 2}, "d": 3})");
  EXPECT_THAT(root.unread(), ElementsAre("a", "d"));
  root.skip("d");
  const JsonCursor nested = root["a"];
  nested["b"].get<int>();
  EXPECT_THAT(root.unread(), IsEmpty());
  EXPECT_EQ(message_of<ConfigError>([&] { nested.refuse_unread("is not a known key"); }),
            "c.json: \"a.c\" is not a known key");
  nested["c"].exists();
  EXPECT_NO_THROW(nested.refuse_unread("is not a known key"));
}

TEST(JsonCursor, MayOutliveTheOneOfTheWholeDocument) {
  const auto inner = [] { return parse(R"({"a": {"b": "text"}})")["a"]["b"]; }();
  EXPECT_EQ(inner.get<std::string>(), "text");
}

TEST(JsonCursor, ThrowsTheErrorOfItsKind) {
  EXPECT_NE(message_of<ConfigError>([] { parse("{}", JsonKind::config)["a"].get<int>(); }), "");
  EXPECT_NE(message_of<DataError>([] { parse("{}", JsonKind::data)["a"].get<int>(); }), "");
  EXPECT_NE(message_of<TokenizerError>([] { parse("{", JsonKind::tokenizer); }), "");
}

TEST(JsonCursor, FilesAreNamed) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<IoError>([&] { JsonCursor::load(folder / "none.json", JsonKind::data); }),
              HasSubstr("none.json"));
}

TEST(ParseJson, TextThatIsNotJsonIsNamedByLine) {
  const auto error = [](const std::string& text) { return message_of<ConfigError>([&] { parse(text); }); };
  EXPECT_EQ(error("{\n \"a\": b}"), "c.json:2: not valid JSON at byte 9; expected a JSON object");
  EXPECT_EQ(error(""), "c.json:1: not valid JSON at byte 1; expected a JSON object");
  EXPECT_EQ(error("[1]"), "c.json: found [1], expected an object");
}

TEST(ParseJson, NumbersThatNoDoubleHoldsAreNamedByLine) {
  EXPECT_EQ(message_of<ConfigError>([] { parse("{\"a\": 1,\n\"b\": -1e999}"); }),
            "c.json:2: the number -1e999 is too large");
}

TEST(ParseJson, DeepNestingIsRefusedBeforeItCanOverflowTheStack) {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":\n" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_NO_THROW(parse(nested(199)));
  EXPECT_EQ(message_of<ConfigError>([&] { parse(nested(200)); }),
            "c.json:2: more than 200 lists and objects inside each other; expected a JSON object");
  EXPECT_NE(message_of<ConfigError>([] { parse(std::string(10'000'000, '[')); }), "");
  EXPECT_NO_THROW(parse("{\"text\": \"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + "\"}"));
}

TEST(EnumNames, AreReadWrittenAndListed) {
  EXPECT_EQ(name_of(Fruit::pear), "pear");
  EXPECT_EQ(named<Fruit>("apple"), Fruit::apple);
  EXPECT_THAT(names_of<Fruit>(), ElementsAre("apple", "pear"));
  EXPECT_EQ(message_of<ConfigError>([] { named<Fruit>("plum"); }),
            "the fruit is \"plum\"; expected one of apple, pear");
}

}  // namespace
}  // namespace json_cursor_test
}  // namespace sharcs::internal
