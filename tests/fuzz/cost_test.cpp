// What an input may cost: memory within a small multiple of its size, time in proportion to it.
#include <gtest/gtest.h>
#include <malloc.h>
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <new>
#include <nlohmann/json.hpp>

#include "fuzz/harness.hpp"
#include "fuzz/packed.hpp"
#include "fuzz/tiny_tokenizers.hpp"
#include "sharcs/error.hpp"

namespace {

std::atomic<std::size_t> bytes_now = 0, bytes_most = 0;

#ifndef SHARCS_SANITIZED
void* counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  const std::size_t now = bytes_now += ::malloc_usable_size(memory);
  for (std::size_t most = bytes_most; now > most && !bytes_most.compare_exchange_weak(most, now);) {
  }
  return memory;
}
void release(void* memory) {
  if (memory != nullptr) bytes_now -= ::malloc_usable_size(memory);
  ::free(memory);
}
#endif

}  // namespace

#ifndef SHARCS_SANITIZED
void* operator new(std::size_t size) { return counted(::malloc(std::max<std::size_t>(size, 1))); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto step = static_cast<std::size_t>(alignment);
  return counted(::aligned_alloc(step, (std::max<std::size_t>(size, 1) + step - 1) / step * step));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
#endif

namespace sharcs::internal {
namespace {

using Json = nlohmann::json;

std::string repeated(const std::string& text, std::size_t times) {
  std::string result;
  result.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

template <class Line>
std::string lines(std::size_t count, const Line& line) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += line(std::to_string(i));
  return text;
}

std::string seed_of(const std::string& harness) {
  for (const Harness& each : harnesses::all())
    if (each.name == harness) return each.seeds().front();
  return {};
}

/// The seed of the harness, with so many members added to the object at the pointer.
std::string with_members(const std::string& harness, const std::string& place, std::size_t count) {
  Json document = Json::parse(seed_of(harness));
  Json& object = document[Json::json_pointer(place)];
  for (std::size_t i = 0; i < count; ++i) object["member " + std::to_string(i)] = i;
  return document.dump();
}

std::string with_added_tokens(std::size_t count, const std::function<Json(std::size_t)>& token) {
  Json document = harnesses::every_part_json();
  for (std::size_t i = 0; i < count; ++i) document["added_tokens"].push_back(token(i));
  return document.dump();
}

/// An input that grows with `size`, in bytes or in what it has of something.
struct Growing {
  std::string name;
  std::string harness;
  std::size_t size;  ///< for the small input; the large one has eight times as much
  std::function<std::string(std::size_t)> input;
};

std::vector<Growing> growing() {
  const auto json_lines = [](const std::string& text) { return '\x08' + text; };
  const auto token = [](std::size_t i, bool normalized) {
    return Json{{"id", 100 + i}, {"content", "<" + std::to_string(i) + ">"}, {"normalized", normalized}};
  };
  return {
      {"JsonLinesWithNewKeys", "table", 3000,
       [=](std::size_t n) { return json_lines(lines(n, [](const auto& i) { return "{\"" + i + "\":1}\n"; })); }},
      {"OneJsonLineWithManyKeys", "table", 5000,
       [=](std::size_t n) {
         return json_lines("{" + lines(n, [](const auto& i) { return "\"" + i + "\":1,"; }) + "\"a\":1}\n");
       }},
      {"JsonLinesWithoutKeys", "table", 20000,
       [=](std::size_t n) {
         return json_lines("{" + lines(100, [](const auto& i) { return "\"" + i + "\":1,"; }) + "\"a\":1}\n" +
                           repeated("{}\n", n));
       }},
      {"NulBytes", "table", 100'000, [](std::size_t n) { return '\x01' + std::string(n, '\0') + "\n"; }},
      {"LinesThatAreNotUtf8", "table", 10'000, [](std::size_t n) { return '\x02' + repeated("\xFF\n", n); }},
      {"LinesWithNul", "table", 10'000, [](std::size_t n) { return '\x02' + repeated(std::string("\0\n", 2), n); }},
      {"Delimiters", "table", 100'000, [](std::size_t n) { return '\x04' + std::string(n, ',') + "\n"; }},
      {"EmptyQuotes", "table", 50'000, [](std::size_t n) { return '\x04' + repeated("\"\",", n) + "\n"; }},
      {"LineEnds", "table", 100'000,
       [](std::size_t n) { return std::string(1, '\0') + "a\tb\n" + repeated("a\n", n); }},
      {"WordsWithTags", "tagged_texts", 20'000,
       [](std::size_t n) { return std::string(1, '\0') + repeated("a O\n\n", n); }},
      {"TagsOfTheirOwn", "tagged_texts", 10'000,
       [](std::size_t n) { return "\x20" + lines(n, [](const auto& i) { return "a " + i + "\n\n"; }); }},
      {"Gzip", "gzip", 1 << 20, [](std::size_t n) { return harnesses::packed(std::string(n, 'a') + "\tb\n"); }},
      {"VocabularyTokens", "vocab_txt", 5000,
       [](std::size_t n) { return vocab_txt({}) + lines(n, [](const auto& i) { return i + "\n"; }); }},
      {"AddedTokens", "tokenizer_json", 2000,
       [=](std::size_t n) { return with_added_tokens(n, [=](std::size_t i) { return token(i, false); }); }},
      {"NormalizedTokens", "tokenizer_json", 2000,
       [=](std::size_t n) { return with_added_tokens(n, [=](std::size_t i) { return token(i, true); }); }},
      {"TokensThatBeginAlike", "tokenizer_json", 100,
       [](std::size_t n) {
         return with_added_tokens(n, [](std::size_t i) {
           return Json{{"id", 100 + i}, {"content", std::string(1 + i, 'a')}};
         });
       }},
      {"NormalizerSteps", "tokenizer_json", 2000,
       [](std::size_t n) {
         Json document = harnesses::every_part_json();
         for (std::size_t i = 0; i < n; ++i)
           document["normalizer"]["normalizers"].push_back(
               {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}});
         return document.dump();
       }},
      {"DecoderTokens", "tokenizer_config", 500,
       [](std::size_t n) {
         Json config = {{"tokenizer_class", "BertTokenizer"}};
         for (std::size_t i = 0; i < n; ++i)
           config["added_tokens_decoder"][std::to_string(100 + i)] = {{"content", "<" + std::to_string(i) + ">"}};
         return config.dump();
       }},
      {"TokensWithFarIds", "tokenizer_config", 100,
       [](std::size_t n) {
         Json config = {{"tokenizer_class", "BertTokenizer"}};
         for (std::size_t i = 0; i < n; ++i)
           config["added_tokens_decoder"][std::to_string(60000 * (i + 1))] = {
               {"content", "<" + std::to_string(i) + ">"}};
         return config.dump();
       }},
      {"Labels", "model_config", 2000,
       [](std::size_t n) {
         Json config = Json::parse(seed_of("model_config"));
         config["id2label"].clear();
         for (std::size_t i = 0; i < n; ++i) config["id2label"][std::to_string(i)] = "label " + std::to_string(i);
         return config.dump();
       }},
      {"UnknownKeys", "model_config", 3000, [](std::size_t n) { return with_members("model_config", "", n); }},
      {"UnknownOptions", "training_options", 3000,
       [](std::size_t n) { return with_members("training_options", "", n); }},
      {"UnknownSettings", "run_settings", 500,
       [](std::size_t n) { return with_members("run_settings", "/options", n); }},
      {"Tensors", "safetensors_header", 2000,
       [](std::size_t n) {
         return "{" +
                lines(n,
                      [](const auto& i) {
                        return "\"" + i + "\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},";
                      }) +
                R"("a":{"dtype":"U8","shape":[16],"data_offsets":[0,16]}})";
       }},
      {"PickledTuples", "torch_pickle", 100'000, [](std::size_t n) { return "\x80\x02" + std::string(n, ')') + "."; }},
      {"PickledMarks", "torch_pickle", 100'000, [](std::size_t n) { return "\x80\x02" + std::string(n, '(') + "."; }},
      {"MarksInReverseOrder", "text", 4000,
       [](std::size_t n) { return "a" + repeated("\u0301", n) + repeated("\u0323", n); }},
      {"MarksThatAlternate", "text", 4000, [](std::size_t n) { return "a" + repeated("\u0301\u0323", n); }},
      {"TibetanVowels", "text", 4000, [](std::size_t n) { return "\u0F40" + repeated("\u0F73", n); }},
      {"Flags", "text", 4000, [](std::size_t n) { return repeated("\U0001F1E9", n); }},
      {"OneLongWord", "text", 20'000, [](std::size_t n) { return std::string(n, 'a'); }},
      {"Spaces", "text", 20'000, [](std::size_t n) { return std::string(n, ' '); }},
      {"Ideographs", "text", 8000, [](std::size_t n) { return repeated("日", n); }},
      {"TextThatBeginsTokens", "text", 20'000, [](std::size_t n) { return std::string(n, '<'); }},
  };
}

double processor_seconds() {
  timespec now = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

const Harness& named(const std::string& name) {
  static const std::vector<Harness> all = harnesses::all();
  return *std::ranges::find(all, name, &Harness::name);
}

double seconds_of(const Harness& harness, const std::string& input, int repeats) {
  double least = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const double begin = processor_seconds();
    EXPECT_EQ(problem_of(harness, input), "");
    least = std::min(least, processor_seconds() - begin);
  }
  return least;
}

class CostOfInput : public ::testing::TestWithParam<Growing> {};

TEST_P(CostOfInput, TimeGrowsAsTheInput) {
  const Harness& harness = named(GetParam().harness);
  const double small = seconds_of(harness, GetParam().input(GetParam().size), 3);
  const double large = seconds_of(harness, GetParam().input(8 * GetParam().size), 2);
  // Eight times as much, of which the square would be 64. What takes less than a moment is not measured.
  EXPECT_LT(large, 24 * std::max(small, 0.002)) << small << " s and " << large << " s";
}

TEST_P(CostOfInput, MemoryIsAtMost64TimesTheInputAnd32Megabytes) {
  const Harness& harness = named(GetParam().harness);
  EXPECT_EQ(problem_of(harness, GetParam().input(1)), "") << "makes what stays: tokenizers, ICU's tables";
  const std::string input = GetParam().input(8 * GetParam().size);
  const std::size_t before = bytes_now;
  bytes_most = before;
  EXPECT_EQ(problem_of(harness, input), "");
  const std::size_t most = bytes_most - before;
  EXPECT_LE(most, 64 * input.size() + (32 << 20)) << "for " << input.size() << " bytes of input";
}

/// Sizes that the weights do not have are refused before memory is taken for them.
TEST(CostOfModel, SizesThatTheCheckpointDoesNotHaveTakeNoMemory) {
  const Harness& harness = named("model_folder");
  const Scratch scratch;
  harness.read(seed_of("model_folder"), scratch);
  for (const auto& [key, value] : {std::pair("max_position_embeddings", 20'000'000),
                                   {"vocab_size", 20'000'000},
                                   {"num_labels", 1'000'000},
                                   {"num_hidden_layers", 65'536},
                                   {"intermediate_size", 20'000'000}}) {
    Json config = Json::parse(seed_of("model_folder"));
    config.erase("id2label");
    config[key] = value;
    const std::size_t before = bytes_now;
    bytes_most = before;
    EXPECT_THROW(harness.read(config.dump(), scratch), Error) << key;
    EXPECT_LE(bytes_most - before, std::size_t{8} << 20) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(Of, CostOfInput, ::testing::ValuesIn(growing()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace sharcs::internal
