#include "formats/safetensors.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "core/half.hpp"
#include "expect_error.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::safetensors_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The bytes of a safetensors file with this header as it is, whatever it says.
std::string file_text(const std::string& header, const std::string& data = "") {
  const std::uint64_t size = header.size();
  std::string text(sizeof size, '\0');
  std::memcpy(text.data(), &size, sizeof size);
  return text + header + data;
}

template <class T>
std::string bytes_text(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

class Safetensors : public ::testing::Test {
 protected:
  TensorSource open(const std::string& text) {
    write_file_atomically(path, text);
    return open_safetensors(path);
  }
  /// The message, without the path in front, of opening a file with these bytes.
  std::string refusal(const std::string& text) {
    const std::string message = message_of<CheckpointError>([&] { open(text); });
    EXPECT_THAT(message, ::testing::StartsWith(path.string() + ": "));
    return message.substr(std::min(message.size(), path.string().size() + 2));
  }
  std::string refusal(const std::string& header, const std::string& data) { return refusal(file_text(header, data)); }

  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "model.safetensors";
};

TEST_F(Safetensors, WhatIsWrittenIsReadForEveryType) {
  const std::vector<float> floats = {1.5f, -2.25f, 0.0f, 1e-40f, 3e38f, -0.0f};
  const std::vector<double> doubles = {1e300, -1e-300};
  const std::vector<std::int64_t> longs = {INT64_MIN, INT64_MAX, 0};
  const std::vector<std::int32_t> ints = {INT32_MIN, INT32_MAX};
  const std::vector<std::uint64_t> words = {UINT64_MAX};
  const std::vector<std::uint8_t> bytes = {0, 255, 7};
  const std::vector<NamedTensor> tensors = {{.name = "bytes", .shape = {3}, .values = bytes},
                                            {.name = "floats", .shape = {2, 3}, .values = floats},
                                            {.name = "doubles", .shape = {2, 1}, .values = doubles},
                                            {.name = "longs", .shape = {3}, .values = longs},
                                            {.name = "ints", .shape = {1, 2}, .values = ints},
                                            {.name = "words", .shape = {}, .values = words},
                                            {.name = "empty", .shape = {4, 0}, .values = std::span<const float>()}};
  const WrittenFile written = write_safetensors(path, tensors, {.metadata = {{"format", "pt"}, {"step", "12"}}});
  const TensorSource source = open_safetensors(path);
  EXPECT_EQ(written.size, std::filesystem::file_size(path));
  EXPECT_EQ(source.tensors().size(), tensors.size());
  EXPECT_EQ(source.metadata().at("format"), "pt");
  EXPECT_EQ(source.metadata().at("step"), "12");
  EXPECT_EQ(bytes_text(source.read<float>("floats")), bytes_text(floats));
  EXPECT_EQ(source.read<double>("doubles"), doubles);
  EXPECT_EQ(source.read<std::int64_t>("longs"), longs);
  EXPECT_EQ(source.read<std::int32_t>("ints"), ints);
  EXPECT_EQ(source.read<std::uint64_t>("words"), words);
  EXPECT_EQ(source.read<std::uint8_t>("bytes"), bytes);
  EXPECT_TRUE(source.read<float>("empty").empty());
  EXPECT_THAT(source.find("floats")->shape, ElementsAre(2, 3));
  EXPECT_EQ(source.find("floats")->dtype, DType::f32);
  EXPECT_TRUE(source.find("words")->shape.empty());
  EXPECT_EQ(source.find("absent"), nullptr);
}

TEST_F(Safetensors, AFileIsLaidOutAsHuggingFaceLaysItOut) {
  const std::vector<float> one = {1.0f};
  const std::vector<std::int64_t> two = {2};
  write_safetensors(path, std::vector<NamedTensor>{{.name = "a", .shape = {1}, .values = one},
                                                   {.name = "b", .shape = {1}, .values = two}});
  std::string header = R"({"__metadata__":{"format":"pt"},"b":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
                       R"("a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  EXPECT_EQ(read_text_file(path), file_text(header, bytes_text(two) + bytes_text(one)));
}

TEST_F(Safetensors, HalfFloatsAreRoundedWhenWrittenAndWidenedWhenRead) {
  std::vector<float> values(40'000);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::sin(static_cast<float>(i)) * std::exp2(static_cast<float>(i % 30) - 15);
  const std::vector<NamedTensor> tensors = {{.name = "w", .shape = {200, 200}, .values = values}};
  write_safetensors(path, tensors, {.float_dtype = DType::f16});
  EXPECT_EQ(open_safetensors(path).find("w")->dtype, DType::f16);
  std::vector<float> expected = values;
  for (float& value : expected) value = float_of_f16(f16_of_float(value));
  EXPECT_EQ(open_safetensors(path).read<float>("w"), expected);
  EXPECT_EQ(open_safetensors(path).read<double>("w"), std::vector<double>(expected.begin(), expected.end()));

  write_safetensors(path, tensors, {.float_dtype = DType::bf16});
  EXPECT_EQ(open_safetensors(path).find("w")->dtype, DType::bf16);
  for (std::size_t i = 0; i < values.size(); ++i) expected[i] = float_of_bf16(bf16_of_float(values[i]));
  EXPECT_EQ(open_safetensors(path).read<float>("w"), expected);
}

TEST_F(Safetensors, LargeTensorsAreReadWholeByAnyNumberOfThreads) {
  std::vector<float> values((1 << 20) + 12345);
  std::iota(values.begin(), values.end(), 0.0f);
  write_safetensors(path, std::vector<NamedTensor>{{.name = "w", .shape = {std::ssize(values)}, .values = values}});
  const TensorSource source = open_safetensors(path);
  EXPECT_TRUE(source.read<float>("w") == values);
  EXPECT_TRUE(source.read<float>("w") == values);  // its pages were given back in between
  EXPECT_TRUE(source.read<double>("w") == std::vector<double>(values.begin(), values.end()));
}

TEST_F(Safetensors, TensorsNeedNotBeAligned) {
  const std::string header =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]},)"
      R"("c":{"dtype":"F16","shape":[1],"data_offsets":[9,11]},"d":{"dtype":"BOOL","shape":[1],"data_offsets":[11,12]}})";
  const TensorSource source = open(file_text(
      header, std::string("\x07") + bytes_text<float>({1.0f, 2.0f}) + bytes_text<std::uint16_t>({0x3C00}) + "\x01"));
  EXPECT_EQ(source.read<std::int64_t>("a"), std::vector<std::int64_t>{7});
  EXPECT_EQ(source.read<float>("b"), (std::vector<float>{1.0f, 2.0f}));
  EXPECT_EQ(source.read<float>("c"), std::vector<float>{1.0f});
  EXPECT_EQ(source.read<std::int32_t>("d"), std::vector<std::int32_t>{1});
}

TEST_F(Safetensors, TensorsAreListedInTheOrderOfTheirData) {
  const TensorSource source = open(file_text(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
      "xy"));
  EXPECT_EQ(source.tensors()[0].name, "b");
  EXPECT_EQ(source.tensors()[1].name, "a");
}

TEST_F(Safetensors, ATruncatedFileIsRefused) {
  EXPECT_EQ(refusal(""), "found 0 bytes; expected a safetensors file, which begins with 8 bytes of header length");
  EXPECT_THAT(refusal("PK\3\4"), HasSubstr("found 4 bytes; expected a safetensors file"));
  const std::string whole = file_text(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "12345678");
  EXPECT_EQ(refusal(whole.substr(0, 20)),
            "the header's length is 54 but only 12 bytes follow; expected a whole safetensors file");
  EXPECT_EQ(refusal(whole.substr(0, whole.size() - 1)),
            "tensor \"a\" ends at byte 8 of the data, but the file has only 7 bytes of data");
  EXPECT_EQ(refusal(whole + "x"), "the tensors end at byte 8 of the data, but the file has 9 bytes of data");
}

TEST_F(Safetensors, AnotherKindOfFileIsRefused) {
  EXPECT_THAT(refusal("{\"hidden_size\": 768, \"num_hidden_layers\": 12}"),
              HasSubstr("bytes follow; expected a whole safetensors file"));
  EXPECT_EQ(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 440473133\n"),
            "is a Git LFS pointer, not the file it points to; expected safetensors (run git lfs pull)");
}

TEST_F(Safetensors, AHeaderThatIsNotJsonIsRefused) {
  EXPECT_EQ(refusal("", "1234"), "the header is not valid JSON at byte 1; expected a JSON object");
  EXPECT_EQ(refusal("{\"a\":", "1234"), "the header is not valid JSON at byte 6; expected a JSON object");
  EXPECT_EQ(refusal("{\"\xff\":1}", ""), "the header is not valid JSON at byte 3; expected a JSON object");
  EXPECT_EQ(refusal("[1, 2]", ""), "the header is a JSON array; expected an object");
  EXPECT_THAT(refusal(std::string(100'000, '['), ""), HasSubstr("the header is not valid JSON"));
}

TEST_F(Safetensors, AnEntryThatMakesNoSenseIsNamed) {
  const auto with = [&](const std::string& entry) { return refusal("{\"w\":" + entry + "}", "12345678"); };
  EXPECT_EQ(with("7"), "tensor \"w\" is a JSON number; expected an object");
  EXPECT_EQ(with("{}"), "tensor \"w\" has no \"dtype\"");
  EXPECT_EQ(with(R"({"dtype":"F32","data_offsets":[0,8]})"), "tensor \"w\" has no \"shape\"");
  EXPECT_EQ(with(R"({"dtype":"F32","shape":[2]})"), "tensor \"w\" has no \"data_offsets\"");
  EXPECT_EQ(with(R"({"dtype":"F8","shape":[2],"data_offsets":[0,8]})"),
            "tensor \"w\": dtype is \"\\\"F8\\\"\"; expected one of F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, "
            "U16, U8, BOOL");
  EXPECT_THAT(with(R"({"dtype":3,"shape":[2],"data_offsets":[0,8]})"), HasSubstr("dtype is \"3\"; expected one of"));
  for (const char* shape : {"2", "[-2]", "[2.5]", "[\"2\"]", "null", "{\"a\":2}", "[18446744073709551616]"})
    EXPECT_THAT(with(R"({"dtype":"F32","data_offsets":[0,8],"shape":)" + std::string(shape) + "}"),
                HasSubstr("; expected a list of non-negative integers"))
        << shape;
  for (const char* shape :
       {"[4294967296,4294967296,4]", "[18446744073709551615]", "[9223372036854775807,0,9223372036854775807]"})
    EXPECT_THAT(with(R"({"dtype":"F32","data_offsets":[0,8],"shape":)" + std::string(shape) + "}"),
                HasSubstr("which is more elements than can be addressed"))
        << shape;
  for (const char* offsets : {"[0]", "[0,8,9]", "[-8,0]", "8", "[0,\"8\"]", "{\"begin\":0,\"end\":8}"})
    EXPECT_THAT(with(R"({"dtype":"F32","shape":[2],"data_offsets":)" + std::string(offsets) + "}"),
                HasSubstr("; expected [begin, end]"))
        << offsets;
  EXPECT_EQ(with(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"),
            "tensor \"w\": data_offsets is \"[0,8]\"; expected 12 bytes for F32 of shape [3]");
  EXPECT_THAT(with(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"),
              HasSubstr("expected 8 bytes for F32 of shape [2]"));
  EXPECT_EQ(with(R"({"dtype":"F32","shape":[1],"data_offsets":[18446744073709551608,18446744073709551612]})"),
            "tensor \"w\" ends at byte 18446744073709551612 of the data, but the file has only 8 bytes of data");
}

TEST_F(Safetensors, OverlapsGapsAndRepeatedNamesAreRefused) {
  const auto two = [&](const std::string& a, const std::string& b) {
    return refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + a +
                       R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + b + "}}",
                   "12345678");
  };
  EXPECT_EQ(two("[0,4]", "[3,7]"),
            "tensor \"b\" begins at byte 3 of the data, which overlaps the tensor before it; expected 4");
  EXPECT_EQ(two("[4,8]", "[4,8]"),
            "tensor \"a\" begins at byte 4 of the data, which leaves bytes unused before it; expected 0");
  EXPECT_EQ(two("[0,4]", "[0,4]"),
            "tensor \"b\" begins at byte 0 of the data, which overlaps the tensor before it; expected 4");
  EXPECT_EQ(
      refusal(
          R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
          "12345678"),
      "the header has the key \"a\" twice");
}

TEST_F(Safetensors, MetadataThatIsNotTextIsRefused) {
  EXPECT_EQ(refusal(R"({"__metadata__":{"step":12}})", ""),
            "__metadata__ is \"{\\\"step\\\":12}\"; expected an object of strings");
  EXPECT_EQ(refusal(R"({"__metadata__":["pt"]})", ""),
            "__metadata__ is \"[\\\"pt\\\"]\"; expected an object of strings");
}

TEST_F(Safetensors, NanAndInfinityAreRefusedWithTheirPlaceUnlessAccepted) {
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<float> values(1'000'000, 1.0f);
  values[777'777] = std::nanf("");
  values[999'999] = -inf;
  write_safetensors(path, std::vector<NamedTensor>{{.name = "w", .shape = {1000, 1000}, .values = values}});
  const auto message = [&](auto type) {
    return message_of<CheckpointError>([&] { open_safetensors(path).read<decltype(type)>("w"); });
  };
  EXPECT_EQ(message(0.0f),
            path.string() + ": tensor \"w\" [1000, 1000]: element [777, 777] is nan; expected finite numbers");
  EXPECT_EQ(message(0.0),
            path.string() + ": tensor \"w\" [1000, 1000]: element [777, 777] is nan; expected finite numbers");
  values[777'777] = 0.0f;
  write_safetensors(path, std::vector<NamedTensor>{{.name = "w", .shape = {1000, 1000}, .values = values}});
  EXPECT_THAT(message(0.0f), HasSubstr("element [999, 999] is -inf; expected finite numbers"));
  EXPECT_EQ(open_safetensors(path).read<float>("w", NonFinite::accept).back(), -inf);
}

TEST_F(Safetensors, ADoubleTooLargeForAFloatIsRefused) {
  const std::vector<double> values = {1.0, 1e300};
  write_safetensors(path, std::vector<NamedTensor>{{.name = "w", .shape = {2}, .values = values}});
  EXPECT_EQ(open_safetensors(path).read<double>("w"), values);
  EXPECT_THAT(message_of<CheckpointError>([&] { open_safetensors(path).read<float>("w"); }),
              HasSubstr("element [1] is inf"));
}

TEST_F(Safetensors, ReadingIntoTheWrongTypeOrSizeIsRefused) {
  const std::vector<std::int64_t> longs = {1, 2};
  const std::vector<float> floats = {1, 2, 3};
  write_safetensors(path, std::vector<NamedTensor>{{.name = "longs", .shape = {2}, .values = longs},
                                                   {.name = "floats", .shape = {3}, .values = floats}});
  const TensorSource source = open_safetensors(path);
  EXPECT_EQ(message_of<CheckpointError>([&] { source.read<float>("longs"); }),
            path.string() + ": tensor \"longs\" holds I64; expected one of F64, F32, F16, BF16");
  EXPECT_EQ(message_of<CheckpointError>([&] { source.read<std::int32_t>("longs"); }),
            path.string() + ": tensor \"longs\" holds I64; expected one of I32, I16, I8, U16, U8, BOOL");
  EXPECT_THAT(message_of<CheckpointError>([&] { source.read<std::int64_t>("floats"); }),
              HasSubstr("tensor \"floats\" holds F32; expected one of I64"));
  std::vector<float> four(4);
  EXPECT_EQ(message_of<CheckpointError>([&] { source.read<float>("floats", four); }),
            path.string() + ": tensor \"floats\" has shape [3], which is 3 elements; expected 4");
  EXPECT_EQ(message_of<CheckpointError>([&] { source.read<float>("absent"); }),
            path.string() + ": tensor \"absent\" is missing");
}

TEST_F(Safetensors, RequireNamesMissingTensorsAndWrongShapes) {
  const std::vector<float> values(6);
  write_safetensors(path, std::vector<NamedTensor>{{.name = "w", .shape = {2, 3}, .values = values}});
  const TensorSource source = open_safetensors(path);
  EXPECT_EQ(source.require("w", std::vector<Index>{2, 3}).name, "w");
  EXPECT_EQ(message_of<CheckpointError>([&] {
              source.require("w", std::vector<Index>{3, 2});
            }),
            path.string() + ": tensor \"w\" has shape [2, 3]; expected [3, 2]");
  EXPECT_EQ(message_of<CheckpointError>([&] { source.require("b", std::vector<Index>{3}); }),
            path.string() + ": tensor \"b\" is missing; expected one of shape [3]");
}

TEST_F(Safetensors, WhatCannotBeWrittenIsRefusedAndTheOldFileStays) {
  const std::vector<float> values = {1.0f, 70000.0f};
  const auto refusal_to_write = [&](const std::vector<NamedTensor>& tensors, const SafetensorsOptions& options = {}) {
    write_file_atomically(path, "old");
    const std::string message = message_of([&] { write_safetensors(path, tensors, options); });
    EXPECT_EQ(read_text_file(path), "old");
    return message;
  };
  const NamedTensor good = {.name = "w", .shape = {2}, .values = values};
  EXPECT_EQ(refusal_to_write({{.name = "w", .shape = {3}, .values = values}}),
            path.string() + ": tensor \"w\" has 2 values; expected 3 for shape [3]");
  EXPECT_EQ(refusal_to_write({good, good}), path.string() + ": tensor \"w\" is to be written twice");
  EXPECT_THAT(refusal_to_write({{.name = "__metadata__", .shape = {2}, .values = values}}),
              HasSubstr("a name that the format reserves"));
  EXPECT_THAT(refusal_to_write({{.name = "\xff", .shape = {2}, .values = values}}), HasSubstr("is not UTF-8"));
  EXPECT_EQ(refusal_to_write({good}, {.float_dtype = DType::f16}),
            path.string() + ": tensor \"w\": element 1 is 70000.000000, too large for F16");
  EXPECT_EQ(refusal_to_write({good}, {.float_dtype = DType::i64}),
            path.string() + ": cannot store weights as I64; expected F32, F16 or BF16");
}

TEST_F(Safetensors, AnyDamagedByteAndAnyTruncationIsReadOrRefused) {
  const std::vector<float> floats = {1, 2, 3, 4, 5, 6};
  const std::vector<std::int64_t> longs = {1, 2};
  write_safetensors(path, std::vector<NamedTensor>{{.name = "w", .shape = {2, 3}, .values = floats},
                                                   {.name = "b", .shape = {2}, .values = longs}});
  const std::string whole = read_text_file(path);
  int loaded = 0, refused = 0;
  const auto read_all = [&] {
    try {
      const TensorSource source = open_safetensors(path);
      for (const TensorInfo& info : source.tensors()) {
        ASSERT_LE(info.size(), std::ssize(whole));
        if (info.dtype == DType::f32) source.read<float>(info.name, NonFinite::accept);
        if (info.dtype == DType::i64) source.read<std::int64_t>(info.name);
      }
      ++loaded;
    } catch (const Error& error) {
      ASSERT_THAT(error.what(), ::testing::StartsWith(path.string()));
      ++refused;
    }
  };
  const int file = ::open(path.c_str(), O_RDWR);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      const char damaged = static_cast<char>(value);
      if (damaged == whole[at]) continue;
      ASSERT_EQ(::pwrite(file, &damaged, 1, static_cast<off_t>(at)), 1);
      read_all();
    }
    ASSERT_EQ(::pwrite(file, &whole[at], 1, static_cast<off_t>(at)), 1);
  }
  EXPECT_GT(loaded, 40 * 255);  // every damage to the 40 bytes of data is a file like any other
  EXPECT_GT(refused, 100 * 255);
  loaded = 0;
  for (std::size_t size = whole.size(); size-- > 0;) {
    ASSERT_EQ(::ftruncate(file, static_cast<off_t>(size)), 0);
    read_all();
  }
  EXPECT_EQ(loaded, 0);
  ::close(file);
}

}  // namespace
}  // namespace sharcs::internal::safetensors_test
