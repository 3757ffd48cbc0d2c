#include "formats/pytorch_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/half.hpp"
#include "core/threads.hpp"
#include "expect_error.hpp"
#include "formats/torch_files.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::pytorch_file_test {
namespace {

using namespace torch_files;
using ::testing::HasSubstr;
using namespace std::string_literals;

const std::vector<float> six = {0, 1, 2, 3, 4, 5};

class PytorchFile : public ::testing::Test {
 protected:
  TensorSource open(const std::string& bytes) {
    std::filesystem::remove(path);  // some file systems wait for the disk when a file is written over
    std::ofstream(path, std::ios::binary) << bytes;
    return open_pytorch(path);
  }
  /// The message, without the path in front, of opening a file with these bytes.
  std::string refusal(const std::string& bytes) {
    const std::string message = message_of<CheckpointError>([&] { open(bytes); });
    EXPECT_THAT(message, ::testing::StartsWith(path.string() + ": "));
    return message.substr(std::min(message.size(), path.string().size() + 2));
  }
  /// Of a file whose only tensor, "w", is this value, over a storage "0" of six floats.
  std::string refusal_of(const std::string& value) {
    return refusal(saved(state_dict({{"w", value}}), {bytes_of(six)}));
  }

  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "pytorch_model.bin";
};

struct Example {
  std::string pickle;
  std::vector<std::string> storages;
};
Example example_of_every_type() {
  const std::vector<std::pair<std::string, std::string>> types = {
      {"FloatStorage", bytes_of(std::vector<float>{1.5f, -2})},
      {"DoubleStorage", bytes_of(std::vector<double>{1e300, -2})},
      {"HalfStorage", bytes_of(std::vector<std::uint16_t>{f16_of_float(0.5f), f16_of_float(-3)})},
      {"BFloat16Storage", bytes_of(std::vector<std::uint16_t>{bf16_of_float(0.5f), bf16_of_float(-3)})},
      {"LongStorage", bytes_of(std::vector<std::int64_t>{INT64_MAX, -1})},
      {"IntStorage", bytes_of(std::vector<std::int32_t>{7, -1})},
      {"ShortStorage", bytes_of(std::vector<std::int16_t>{7, -1})},
      {"CharStorage", bytes_of(std::vector<std::int8_t>{7, -1})},
      {"ByteStorage", bytes_of(std::vector<std::uint8_t>{7, 255})},
      {"BoolStorage", bytes_of(std::vector<std::uint8_t>{1, 0})}};
  Example example;
  std::vector<std::pair<std::string, std::string>> items;
  for (const auto& [type, bytes] : types) {
    items.emplace_back(type, tensor(storage(type, std::to_string(items.size()), 2), 0, {2}, {1}));
    example.storages.push_back(bytes);
  }
  example.pickle = state_dict(items);
  return example;
}

void expect_example(const TensorSource& source) {
  ASSERT_EQ(source.tensors().size(), 10u);
  EXPECT_EQ(source.read<float>("FloatStorage"), (std::vector<float>{1.5f, -2}));
  EXPECT_EQ(source.read<double>("DoubleStorage"), (std::vector<double>{1e300, -2}));
  EXPECT_EQ(source.read<float>("HalfStorage"), (std::vector<float>{0.5f, -3}));
  EXPECT_EQ(source.read<float>("BFloat16Storage"), (std::vector<float>{0.5f, -3}));
  EXPECT_EQ(source.read<std::int64_t>("LongStorage"), (std::vector<std::int64_t>{INT64_MAX, -1}));
  EXPECT_EQ(source.read<std::int64_t>("IntStorage"), (std::vector<std::int64_t>{7, -1}));
  EXPECT_EQ(source.read<std::int64_t>("ShortStorage"), (std::vector<std::int64_t>{7, -1}));
  EXPECT_EQ(source.read<std::int64_t>("CharStorage"), (std::vector<std::int64_t>{7, -1}));
  EXPECT_EQ(source.read<std::int64_t>("ByteStorage"), (std::vector<std::int64_t>{7, 255}));
  EXPECT_EQ(source.read<std::int64_t>("BoolStorage"), (std::vector<std::int64_t>{1, 0}));
}

TEST_F(PytorchFile, TensorsOfEveryTypeAreRead) {
  const Example example = example_of_every_type();
  expect_example(open(saved(example.pickle, example.storages)));
  expect_example(open(saved(example.pickle, example.storages, {.zip64 = true})));
}

TEST_F(PytorchFile, TensorsOfEveryTypeAreReadFromTheFormatBefore16) {
  const Example example = example_of_every_type();
  std::vector<LegacyStorage> storages;
  for (std::size_t i = 0; i < example.storages.size(); ++i)
    storages.push_back({std::to_string(i), 2, example.storages[i]});
  std::swap(storages[0], storages[3]);  // any order
  expect_example(open(saved_before_1_6(example.pickle, storages)));
}

TEST_F(PytorchFile, TensorsMayShareAStorageAndLieInItInAnyWay) {
  const std::string six_floats = storage("FloatStorage", "0", 6);
  const TensorSource source = open(saved(state_dict({{"whole", tensor(six_floats, 0, {2, 3}, {3, 1})},
                                                     {"transposed", tensor(six_floats, 0, {3, 2}, {1, 3})},
                                                     {"row", tensor(six_floats, 3, {3}, {1})},
                                                     {"column", tensor(six_floats, 1, {2, 1}, {3, 1})},
                                                     {"scalar", tensor(six_floats, 5, {}, {})},
                                                     {"empty", tensor(six_floats, 6, {0, 4}, {4, 1})}}),
                                         {bytes_of(six)}));
  EXPECT_EQ(source.read<float>("whole"), six);
  EXPECT_EQ(source.read<float>("transposed"), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(source.read<float>("row"), (std::vector<float>{3, 4, 5}));
  EXPECT_EQ(source.read<float>("column"), (std::vector<float>{1, 4}));
  EXPECT_EQ(source.read<float>("scalar"), std::vector<float>{5});
  EXPECT_TRUE(source.read<float>("empty").empty());
  EXPECT_THAT(source.find("transposed")->shape, ::testing::ElementsAre(3, 2));
}

TEST_F(PytorchFile, OldViewsOfAStorageAreRead) {
  const std::string view = storage("FloatStorage", "94", 6, tuple({text("95"), integer(2), integer(3)}));
  const std::string whole = storage("FloatStorage", "94", 6, "N");
  const std::string pickle = state_dict({{"view", tensor(view, 1, {2}, {1})},
                                         {"old", call(global("torch._utils", "_rebuild_tensor"),
                                                      {whole, integer(4), integers({1, 2}), integers({2, 1})})}});
  const TensorSource source = open(saved_before_1_6(pickle, {{"94", 6, bytes_of(six)}}));
  EXPECT_EQ(source.read<float>("view"), (std::vector<float>{3, 4}));
  EXPECT_EQ(source.read<float>("old"), (std::vector<float>{4, 5}));
  EXPECT_THAT(refusal(saved_before_1_6(state_dict({{"view", tensor(view, 2, {2}, {1})}}), {{"94", 6, bytes_of(six)}})),
              HasSubstr("tensor \"view\" of shape [2], strides [1] from element 2 reaches beyond storage \"94\" of 3"));
}

TEST_F(PytorchFile, ParametersPlainDictionariesAndLaterProtocolsAreRead) {
  const std::string of_parameter = call(global("torch._utils", "_rebuild_parameter"),
                                        {tensor(storage("FloatStorage", "0", 6), 0, {6}, {1}), "\x88", ordered_dict});
  const std::string pickle = "\x80\x02}q\0"s + text("w") + of_parameter + "q\x01s" + text("again") + "h\x01r" +
                             bytes_of(300u) + "s" + text("once more") + "j" + bytes_of(300u) + "s.";
  const TensorSource source = open(saved(pickle, {bytes_of(six)}));
  for (const char* name : {"w", "again", "once more"}) EXPECT_EQ(source.read<float>(name), six);

  const auto name = [](const std::string& value) {
    return "\x8c"s + bytes_of(static_cast<std::uint8_t>(value.size())) + value;
  };
  const auto stacked = [&](const std::string& module, const std::string& function) {
    return name(module) + "\x94" + name(function) + "\x94\x93\x94";
  };
  const std::string protocol4 = "\x80\x04\x95"s + bytes_of(std::uint64_t{0}) + "}\x94" + name("w") + "\x94" +
                                stacked("torch._utils", "_rebuild_tensor_v2") + "((" + name("storage") + "\x94" +
                                stacked("torch", "FloatStorage") + name("0") + name("cpu") +
                                "K\x06t\x94QK\0K\x06\x85K\x01\x85\x89}t\x94Rs."s;
  EXPECT_EQ(open(saved(protocol4, {bytes_of(six)})).read<float>("w"), six);
}

TEST_F(PytorchFile, WhatIsNotOfTensorsIsRefusedByName) {
  const std::string expected = "; expected only what torch.save writes for a dictionary of tensors";
  EXPECT_EQ(refusal(saved("\x80\x02"s + global("posix", "system") + text("touch /tmp/owned") + "\x85R.", {})),
            "data.pkl: refuses global \"posix.system\" at byte 2" + expected);
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"builtins", "eval"},
                                                        {"__builtin__", "getattr"},
                                                        {"torch", "load"},
                                                        {"torch._utils", "_rebuild_qtensor"},
                                                        {"collections", "OrderedDict.__init__"},
                                                        {"torch", "FloatStorage "},
                                                        {"transformers.modeling_bert", "BertModel"}})
    EXPECT_THAT(refusal(saved("\x80\x02"s + global(module, name) + ".", {})),
                HasSubstr("refuses global \"" + module + "." + name + "\""));
  EXPECT_THAT(refusal(saved("\x80\x04\x8c\x05posix\x8c\x06system\x93.", {})),
              HasSubstr("refuses global \"posix.system\""));
  EXPECT_THAT(refusal(saved("\x80\x04K\x05\x8c\x06system\x93.", {})), HasSubstr("refuses global \".system\""));
  EXPECT_EQ(refusal(saved_before_1_6("\x80\x02" + global("os", "system") + ".", {})),
            "refuses global \"os.system\" at byte 2" + expected);
  EXPECT_THAT(refusal(saved("\x80\x02"s + global("a\"\x01", "b") + ".", {})), HasSubstr("refuses global"));
}

TEST_F(PytorchFile, OtherInstructionsAreRefused) {
  // INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, PERSID, INT, STRING, POP, DUP, an unassigned one.
  for (const char* instruction : {"(iposix\nsystem\n.", "(cposix\nsystem\no.", ")\x81.", "\x92.", "\x82\x01.", "P1\n.",
                                  "I1\n.", "S'a'\n.", "0.", "2.", "\xff."})
    EXPECT_THAT(refusal(saved("\x80\x02"s + std::string(instruction), {})),
                ::testing::AnyOf(HasSubstr("the pickle has the instruction 0x"), HasSubstr("refuses global")))
        << instruction;
  EXPECT_EQ(
      refusal(saved("\x80\x02)\x81.", {})),
      "data.pkl: at byte 3 the pickle has the instruction 0x81; expected only what torch.save writes for tensors");
  EXPECT_THAT(refusal(saved("\x80\x09N.", {})), HasSubstr("is of protocol 9; expected 2 to 5"));
}

TEST_F(PytorchFile, NonsenseOfTheKnownInstructionsIsRefused) {
  for (const auto& [pickle, message] : std::vector<std::pair<std::string, std::string>>{
           {"", "ends within an instruction"},
           {"X\xff\xff\xff\xff", "ends within an instruction"},
           {"c", "ends within a name"},
           {".", "takes a value that is not there"},
           {"NN.", "leaves more than one value"},
           {"t.", "has no mark"},
           {"K\x01(\x85.", "takes a value that is not there"},
           {"h\x07.", "recalls value 7, which it did not keep"},
           {"q\x07.", "takes a value that is not there"},
           {"K\x01K\x02"
            "a.",
            "adds to an integer what it cannot hold"},
           {"](K\x01u.", "adds to a list what it cannot hold"},
           {"}(K\x01u.", "adds a key without a value"},
           {"K\x01)R.", "calls an integer"},
           {global("torch", "FloatStorage") + ")R.", "calls a storage type"},
           {global("collections", "OrderedDict") + "NR.", "without a tuple of arguments"},
           {call(global("collections", "OrderedDict"), {"]"}) + ".",
            "calls OrderedDict(a list), which torch.save does not"},
           {call(global("torch._utils", "_rebuild_tensor_v2"), {"N"}) + ".", "calls _rebuild_tensor_v2(None)"},
           {call(global("torch._utils", "_rebuild_parameter"), {"N", "N", "N"}) + ".",
            "_rebuild_parameter(None, None, None)"},
           {"K\x01}b.", "sets attributes of an integer"},
           {"K\x01Q.", "asks for the object an integer; expected a storage"},
           {tuple({text("module"), "N", "N", "N", "N"}) + "Q.", "expected a storage"},
           {"\x8a\x09" + std::string(9, 'x') + ".", "has an integer of 9 bytes"}})
    EXPECT_THAT(refusal(saved(pickle, {})), HasSubstr(message)) << message;
}

TEST_F(PytorchFile, WhatIsNotADictionaryOfTensorsIsRefused) {
  EXPECT_EQ(refusal(saved("\x80\x02K\x01.", {})), "holds an integer; expected a dictionary of tensors");
  EXPECT_EQ(refusal(saved("\x80\x02].", {})), "holds a list; expected a dictionary of tensors");
  EXPECT_EQ(refusal(saved(state_dict({{"epoch", integer(3)}}), {})),
            "tensor \"epoch\" is an integer; expected a tensor");
  EXPECT_EQ(refusal(saved("\x80\x02}K\x01Ns.", {})), "has an integer for a key; expected the name of a tensor");
  const std::string w = tensor(storage("FloatStorage", "0", 6), 0, {6}, {1});
  EXPECT_THAT(refusal(saved(state_dict({{"w", w}, {"w", w}}), {bytes_of(six)})),
              HasSubstr("tensor \"w\" occurs twice"));
}

TEST_F(PytorchFile, TensorsBeyondTheirStorageAreRefused) {
  const std::string six_floats = storage("FloatStorage", "0", 6);
  EXPECT_EQ(refusal_of(tensor(six_floats, 1, {2, 3}, {3, 1})),
            "tensor \"w\" of shape [2, 3], strides [3, 1] from element 1 reaches beyond storage \"0\" of 6 elements");
  const std::int64_t huge = INT64_MAX;
  for (const std::string& value :
       {tensor(six_floats, 0, {7}, {1}), tensor(six_floats, 0, {2}, {6}), tensor(six_floats, huge, {1}, {1}),
        tensor(six_floats, 7, {0}, {1}), tensor(six_floats, 0, {huge}, {huge}),
        tensor(six_floats, 0, {2, huge}, {huge, 1}), tensor(six_floats, 0, {huge, huge}, {0, 0}),
        tensor(six_floats, 0, {7}, {0}), tensor(six_floats, 0, {huge, 2, 0x100000000, 0x100000000}, {1, 1, 1, 1})})
    EXPECT_THAT(refusal_of(value), HasSubstr("reaches beyond storage \"0\" of 6 elements"));
  for (const std::string& value : {tensor(six_floats, -1, {1}, {1}), tensor(six_floats, 0, {-1}, {1}),
                                   tensor(six_floats, 0, {2}, {-1}), tensor(six_floats, 0, {2}, {1, 1})})
    EXPECT_THAT(refusal_of(value), HasSubstr("which torch.save does not"));
  EXPECT_EQ(refusal_of(tensor(storage("FloatStorage", "0", 5), 0, {5}, {1})),
            "tensor \"w\": storage \"0\" has 24 bytes; expected 5 elements of F32");
  EXPECT_EQ(refusal_of(tensor(storage("FloatStorage", "0", huge), 0, {5}, {1})),
            "tensor \"w\": storage \"0\" has 24 bytes; expected 9223372036854775807 elements of F32");
  EXPECT_EQ(refusal_of(tensor(storage("FloatStorage", "../0", 6), 0, {6}, {1})),
            "tensor \"w\": there is no storage \"../0\"");
}

TEST_F(PytorchFile, DepthAndCirclesOfValuesDoNoHarm) {
  const std::string nested(1 << 20, '\x85');
  EXPECT_EQ(refusal(saved("\x80\x02N" + nested + ".", {})), "holds a tuple; expected a dictionary of tensors");
  EXPECT_EQ(refusal(saved("\x80\x02]q\x01h\x01"
                          "a.",
                          {})),
            "holds a list; expected a dictionary of tensors");
  EXPECT_EQ(refusal(saved("\x80\x02}q\x01" + text("w") + "h\x01s.", {})),
            "tensor \"w\" is a dictionary; expected a tensor");
  EXPECT_THAT(refusal(saved("\x80\x02"s + std::string(9 << 20, ')'), {})),
              HasSubstr("data.pkl has 9437186 bytes; expected at most 8388608"));
}

TEST_F(PytorchFile, DamagedArchivesAreRefused) {
  const std::string pickle = state_dict({{"w", tensor(storage("FloatStorage", "0", 6), 0, {6}, {1})}});
  const std::string good = saved(pickle, {bytes_of(six)});
  EXPECT_EQ(open(good).read<float>("w"), six);

  std::string damaged = good;
  damaged[damaged.find(bytes_of(six)) + 5] ^= 1;
  EXPECT_EQ(refusal(damaged), "\"model/data/0\" is damaged: its CRC-32 is not the one that the archive says");
  EXPECT_THAT(refusal(good.substr(0, good.size() - 1)), HasSubstr("has no directory at its end (truncated?)"));
  EXPECT_THAT(refusal(good.substr(0, good.size() / 2)), HasSubstr("has no directory at its end (truncated?)"));
  EXPECT_EQ(refusal(zip({{"model/other", "x"}})), "the zip archive has no data.pkl; expected what torch.save writes");
  EXPECT_EQ(refusal(zip({{"m/data.pkl", pickle}, {"m/data/0", bytes_of(six)}, {"m/byteorder", "big"}})),
            "the byte order is \"big\"; expected \"little\"");
  EXPECT_EQ(refusal(zip({{"m/data.pkl", pickle}, {"m/data/0", "a"}, {"m/data/0", "b"}})),
            "the zip archive lists \"m/data/0\" twice");

  /// The message when bytes at `at` of the directory entry of data/0 become these.
  const auto with_entry = [&](std::size_t at, const std::string& bytes) {
    const auto change = [&](std::string& entry, std::string&) {
      if (entry.find("data/0") != std::string::npos) entry.replace(at, bytes.size(), bytes);
    };
    return refusal(saved(pickle, {bytes_of(six)}, {.change = change}));
  };
  EXPECT_EQ(with_entry(8, "\x01"), "the zip archive has \"model/data/0\" encrypted");
  EXPECT_EQ(with_entry(10, "\x08"),
            "the zip archive has \"model/data/0\" compressed (method 8); expected it stored, as torch.save does");
  EXPECT_EQ(with_entry(20, "\x05"), "the zip archive has \"model/data/0\" stored in 5 bytes but of size 24");
  EXPECT_THAT(with_entry(20, "\xff\xff\xff\x7f\xff\xff\xff\x7f"s), HasSubstr("reach beyond the data"));
  EXPECT_THAT(with_entry(42, "\0\0\0\0"s), HasSubstr("calls \"model/data/0\" otherwise beside its data"));
  EXPECT_THAT(with_entry(42, "\1\0\0\0"s), HasSubstr("has no data of \"model/data/0\" where it says"));
  EXPECT_THAT(with_entry(42, "\xff\xff\xff\x7f"s), HasSubstr("has no data of \"model/data/0\" where it says"));
  EXPECT_THAT(with_entry(42, "\xff\xff\xff\xff"s), HasSubstr("has no data of \"model/data/0\" where it says"));
  EXPECT_THAT(with_entry(28, "\xff\xff"), HasSubstr("has a directory that ends within file"));
  EXPECT_THAT(with_entry(0, "XX"), HasSubstr("has no entry for file 2"));
}

TEST_F(PytorchFile, OverlappingFilesOfAnArchiveAreRefused) {
  // The first file reaches over the second: the directory gives it the size of both.
  const std::string pickle = state_dict({{"w", tensor(storage("FloatStorage", "0", 6), 0, {6}, {1})}});
  const auto change = [&](std::string& entry, std::string&) {
    if (entry.find("data/0") == std::string::npos) return;
    const std::string size = bytes_of(std::uint32_t{100});
    entry.replace(20, 4, size).replace(24, 4, size);
  };
  EXPECT_EQ(refusal(saved(pickle, {bytes_of(six)}, {.change = change})),
            "the zip archive \"model/version\" overlaps \"model/data/0\"");
}

TEST_F(PytorchFile, DamagedFilesOfTheFormatBefore16AreRefused) {
  const std::string pickle = state_dict({{"w", tensor(storage("FloatStorage", "0", 6, "N"), 0, {6}, {1})}});
  const LegacyStorage good = {"0", 6, bytes_of(six)};
  EXPECT_EQ(open(saved_before_1_6(pickle, {good})).read<float>("w"), six);
  EXPECT_EQ(refusal(saved_before_1_6(pickle, {})), "tensor \"w\": there is no storage \"0\"");
  EXPECT_EQ(refusal(saved_before_1_6(pickle, {{"0", 5, bytes_of(six)}})),
            "tensor \"w\": storage \"0\" has 20 bytes; expected 6 elements of F32");
  EXPECT_EQ(refusal(saved_before_1_6(pickle, {{"0", UINT64_MAX, bytes_of(six)}})),
            "storage \"0\" has 18446744073709551615 elements of F32, but only 24 bytes follow (truncated?)");
  EXPECT_EQ(refusal(saved_before_1_6(pickle, {{"1", 6, bytes_of(six)}})),
            "lists the storage \"1\", which no tensor has");
  EXPECT_EQ(refusal(saved_before_1_6(pickle, {good, good})), "lists the storage \"0\" twice");
  std::string big = saved_before_1_6(pickle, {good});
  big[big.find("little_endian") + 13] = '\x89';
  EXPECT_EQ(refusal(big), "the byte order is big-endian; expected little-endian");
}

TEST_F(PytorchFile, OtherFilesAreRefused) {
  const std::string expected =
      "; expected a file of torch.save (load it with torch.load and save its state_dict() anew)";
  EXPECT_EQ(refusal(""), "begins with \"\"" + expected);
  EXPECT_EQ(refusal("\x80\x02}."), "begins with \"\\x80\\x02}.\"" + expected);
  EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), HasSubstr("is a Git LFS pointer"));
}

/// Whatever becomes of a byte: an error of one line or a result, never a crash. Sanitizers watch.
TEST_F(PytorchFile, NoDamageOfAByteAndNoTruncationDoesHarm) {
  const ThreadScope threads(1);
  const std::string floats = storage("FloatStorage", "0", 6), longs = storage("LongStorage", "1", 2);
  const std::string pickle = state_dict({{"a", tensor(floats, 0, {3, 2}, {1, 3})},
                                         {"b", tensor(floats, 2, {4}, {1})},
                                         {"c", tensor(longs, 0, {2}, {1})}});
  const std::string two = bytes_of(std::vector<std::int64_t>{1, 2});
  const auto try_open = [&](const std::string& bytes) {
    try {
      const TensorSource source = open(bytes);
      for (const TensorInfo& info : source.tensors())
        if (info.dtype == DType::f32) source.read<float>(info.name, NonFinite::accept);
    } catch (const CheckpointError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  };
  for (const std::string& good :
       {saved(pickle, {bytes_of(six), two}), saved(pickle, {bytes_of(six), two}, {.zip64 = true}),
        saved_before_1_6(pickle, {{"0", 6, bytes_of(six)}, {"1", 2, two}})}) {
    EXPECT_EQ(open(good).read<float>("b"), (std::vector<float>{2, 3, 4, 5}));
    for (std::size_t at = 0; at < good.size(); ++at) {
      try_open(good.substr(0, at));
      std::string damaged = good;
      damaged[at] = at % 3 == 0 ? '\xff' : static_cast<char>(good[at] ^ (1 << at % 8));
      try_open(damaged);
    }
  }
  // In the pickle alone, where the archive's checksums would hide it.
  for (std::size_t at = 0; at < pickle.size(); ++at)
    for (const int bit : {0, 2, 5, 7}) {
      std::string damaged = pickle;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      try_open(saved(damaged, {bytes_of(six), two}));
    }
}

TEST_F(PytorchFile, ShardsAreReadAsOneCheckpoint) {
  const std::string value = tensor(storage("FloatStorage", "0", 6), 0, {6}, {1});
  std::ofstream(folder / "pytorch_model-00001-of-00002.bin", std::ios::binary)
      << saved(state_dict({{"a", value}}), {bytes_of(six)});
  std::ofstream(folder / "pytorch_model-00002-of-00002.bin", std::ios::binary)
      << saved(state_dict({{"b", value}}), {bytes_of(six)});
  std::ofstream(folder / "pytorch_model.bin.index.json")
      << R"({"metadata": {"total_size": 48}, "weight_map": {"a": "pytorch_model-00001-of-00002.bin",)"
      << R"("b": "pytorch_model-00002-of-00002.bin"}})";
  for (const auto& from : {folder.path(), folder / "pytorch_model.bin.index.json"}) {
    const TensorSource source = open_checkpoint(from);
    EXPECT_EQ(source.tensors().size(), 2u);
    EXPECT_EQ(source.read<float>("b"), six);
  }
  open(saved(state_dict({{"whole", value}}), {bytes_of(six)}));
  EXPECT_NE(open_checkpoint(folder.path()).find("whole"), nullptr);  // a single file is preferred
  EXPECT_NE(open_checkpoint(path).find("whole"), nullptr);
}

}  // namespace
}  // namespace sharcs::internal::pytorch_file_test
