// Inputs that once ended the process, or cost far more than they should.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unicode/normalizer2.h>

#include <algorithm>
#include <filesystem>

#include "core/random.hpp"
#include "eval/recorded_evaluation.hpp"
#include "expect_error.hpp"
#include "formats/pytorch_file.hpp"
#include "formats/torch_files.hpp"
#include "fuzz/harness.hpp"
#include "fuzz/packed.hpp"
#include "fuzz/tiny_model.hpp"
#include "fuzz/tiny_tokenizers.hpp"
#include "io/input_file.hpp"
#include "report/synthetic_run.hpp"
#include "sharcs/training_options.hpp"
#include "text/normalizer.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(HardInputOnce, ACharsmapWhoseReplacementBeginsInsideACharacterIsRefused) {
  const std::string whole = CharsmapMaker(std::map<std::string, std::string>{{"A", "é"}}).bytes();
  ASSERT_TRUE(Charsmap::of_bytes(whole));
  std::uint32_t trie = 0;
  std::memcpy(&trie, whole.data(), 4);
  for (std::size_t unit = 4; unit < 4 + trie; unit += 4)
    if (static_cast<unsigned char>(whole[unit + 3]) == 0x80) {  // a replacement's place
      std::string damaged = whole;
      damaged[unit] = 1;
      EXPECT_FALSE(Charsmap::of_bytes(damaged));
    }
}

TEST(HardInputOnce, LatenciesAreOfTheRecordingsWidthsAndNumbers) {
  const json good = json::parse(testing::synthetic_run({.epochs = 1, .samples = 2}).recorded->to_json());
  const auto message = [&](const char* key, const json& value) {
    json changed = good;
    changed["latency"][0][key] = value;
    return message_of<DataError>([&] { RecordedEvaluation::parse(changed.dump(), "recording.json"); });
  };
  EXPECT_EQ(message("width", 0.3),
            "recording.json: \"latency[0].width\" is 0.3; expected one of the recording's widths");
  EXPECT_EQ(message("seconds", nullptr), "recording.json: \"latency[0].seconds\" is null; expected a number ≥ 0");
  EXPECT_EQ(message("low", -1), "recording.json: \"latency[0].low\" is -1; expected a number ≥ 0");
}

TEST(HardInputOnce, AnExtremeWindowIsRefused) {
  EXPECT_EQ(message_of<ConfigError>([] { TrainingOptions::parse(R"({"window": 2147483647})", "training.json"); }),
            "training.json: \"window\" is 2147483647; expected at most 1000");
}

TEST(HardInputOnce, ACheckpointsCountsAreIntegersThatFit) {
  const auto all = harnesses::all();
  const Harness& harness = *std::ranges::find(all, "training_state", &Harness::name);
  const json good = json::parse(harness.seeds().front());
  const Scratch scratch;
  for (const char* key : {"samples", "content", "tokens"}) {
    json changed = good;
    changed["train"][key] = 7.5e19;
    EXPECT_THAT(message_of([&] { harness.read(changed.dump(), scratch); }),
                HasSubstr("\"train." + std::string(key) + "\" is 7.5e+19; expected an integer"));
  }
}

TEST(HardInputOnce, ANumberThatIsTooLargeIsNamedWithItsFile) {
  for (const Harness& harness : harnesses::all()) {
    if (!harness.is_json) continue;
    const Scratch scratch;
    const std::string message = message_of([&] { harness.read("{\n\"__metadata__\": {}, \"a\": 1e999}", scratch); });
    EXPECT_THAT(message, HasSubstr(harness.file)) << harness.name;
  }
}

TEST(HardInputOnce, MessagesAreOneLineWhateverAFileIsCalled) {
  EXPECT_EQ(message_of<IoError>([] {
              TrainingOptions::load("no\nsuch\x1b[31m\xFF\u0085\u2028\u202E.json");
            }).find("no\\x0asuch\\x1b[31m\\xff\\xc2\\x85\\xe2\\x80\\xa8\\xe2\\x80\\xae.json"),
            0u);
  EXPECT_STREQ(Error("é 日 \U0001F600 \"\\\" stay").what(), "é 日 \U0001F600 \"\\\" stay");
}

TEST(HardInputOnce, GzipThatUnpacksToAThousandTimesItsSizeIsRefused) {
  const Scratch scratch;
  std::string bomb;
  for (int member = 0; member < 80; ++member) bomb += harnesses::packed(std::string(1 << 20, 'a'));
  const auto file = scratch.write("bomb.gz", bomb);
  EXPECT_THAT(message_of<DataError>([&] { read_input(file); }), HasSubstr("unpacks to more than 100 times its size"));
}

TEST(HardInputOnce, NormalizersThatDoubleATextAreStopped) {
  json document = harnesses::every_part_json();
  json steps = json::array();
  for (int i = 0; i < 40; ++i)
    steps.push_back({{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}});
  document["normalizer"] = {{"type", "Sequence"}, {"normalizers", steps}};
  const Tokenizer tokenizer = load_json(document);
  EXPECT_EQ(message_of<TokenizerError>([&] { tokenizer.encode("a film", 10); }),
            "the tokenizer's normalizer makes more than 4288 bytes of a text; expected at most 32 times what it takes");
  document["added_tokens"].push_back({{"id", 30}, {"content", "<a>"}, {"normalized", true}});
  EXPECT_THAT(message_of<TokenizerError>([&] { load_json(document); }),
              HasSubstr("tokenizer.json: the added token \"<a>\": the tokenizer's normalizer makes more than "));
}

TEST(HardInputOnce, StridesOfASingleElementMayBeAnything) {
  using namespace torch_files;
  const Scratch scratch;
  const auto open = [&](std::vector<std::int64_t> shape, std::vector<std::int64_t> strides) {
    const std::string view = tensor(storage("ByteStorage", "0", 8), 1, shape, strides);
    return open_pytorch(scratch.write("pytorch_model.bin", saved(state_dict({{"a", view}}), {"01234567"})));
  };
  constexpr std::int64_t most = INT64_MAX;
  EXPECT_EQ(open({1, 2, 1}, {most, 2, most}).read<std::uint8_t>("a"), (std::vector<std::uint8_t>{'1', '3'}));
  EXPECT_EQ(open({2, 1}, {3, most}).read<std::uint8_t>("a"), (std::vector<std::uint8_t>{'1', '4'}));
  for (const auto& [shape, strides] :
       {std::pair(std::vector{most, std::int64_t{0}, most}, std::vector{most, most, most}),
        std::pair(std::vector{most, most}, std::vector{most, most})})
    EXPECT_THAT(message_of<CheckpointError>([&] { open(shape, strides); }), HasSubstr("reaches beyond storage"));
}

TEST(HardInputOnce, ThousandsOfTensorsOnOneStorageAreRefused) {
  using namespace torch_files;
  const Scratch scratch;
  const std::string bytes(1 << 16, '\1');
  std::vector<std::pair<std::string, std::string>> items;
  for (int i = 0; i < 200; ++i)
    items.emplace_back(std::to_string(i), tensor(storage("ByteStorage", "0", 1 << 16), 0, {1 << 16}, {1}));
  const auto file = scratch.write("pytorch_model.bin", saved(state_dict(items), {bytes}));
  EXPECT_THAT(message_of<CheckpointError>([&] { open_pytorch(file); }),
              HasSubstr("do not all share the same storages"));
}

/// A letter and many marks in any order, some of which decompose into two.
std::string letter_with_marks(Random& random, std::size_t count) {
  static const std::vector<std::string> marks = {"\u0301", "\u0323", "\u0345", "\u0334", "\u0344", "\u0F71", "\u0F72",
                                                 "\u0F73", "\u0F81", "\u05B0", "\u3099", "\u0300", "\u031B"};
  std::string text = "ao";
  for (std::size_t i = 0; i < count; ++i) text += marks[random.below(marks.size())];
  return text + "e\u0301x";
}

TEST(HardInputOnce, MarksInAnyOrderAreNormalizedAsByIcu) {
  using Form = Normalizer::Form;
  UErrorCode status = U_ZERO_ERROR;
  const std::pair<Form, const icu::Normalizer2*> forms[] = {{Form::nfc, icu::Normalizer2::getNFCInstance(status)},
                                                            {Form::nfd, icu::Normalizer2::getNFDInstance(status)},
                                                            {Form::nfkc, icu::Normalizer2::getNFKCInstance(status)},
                                                            {Form::nfkd, icu::Normalizer2::getNFKDInstance(status)}};
  Random random(3);
  for (const std::size_t count : {1, 31, 32, 33, 34, 100, 300})
    for (const auto& [form, icus] : forms) {
      const std::string text = letter_with_marks(random, count) + letter_with_marks(random, count);
      std::string expected, result;
      icus->normalize(icu::UnicodeString::fromUTF8(text), status).toUTF8String(expected);
      EXPECT_EQ(Normalizer({form})(text, result), expected) << count << " marks";
    }
  ASSERT_TRUE(U_SUCCESS(status));
}

TEST(HardInputOnce, BertTakesAccentsAwayHoweverMany) {
  Random random(4);
  const Normalizer normalizer({Normalizer::BertNormalizer{}});
  std::string few, many;
  normalizer(letter_with_marks(random, 2), few);
  normalizer(letter_with_marks(random, 500), many);
  EXPECT_EQ(few, many);
}

}  // namespace
}  // namespace sharcs::internal
