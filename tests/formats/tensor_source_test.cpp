#include "formats/tensor_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.hpp"
#include "formats/safetensors.hpp"
#include "golden_folder.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::tensor_source_test {
namespace {

using ::testing::HasSubstr;

/// A safetensors file with one-element tensors of these names, the n-th holding n.
void write_scalars(const std::filesystem::path& path, const std::vector<std::string>& names) {
  std::vector<float> values;
  for (std::size_t i = 0; i < names.size(); ++i) values.push_back(static_cast<float>(i));
  std::vector<NamedTensor> tensors;
  for (std::size_t i = 0; i < names.size(); ++i)
    tensors.push_back({.name = names[i], .shape = {1}, .values = std::span<const float>(values).subspan(i, 1)});
  write_safetensors(path, tensors);
}

TEST(OpenCheckpoint, NamesWhatItLookedFor) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<CheckpointError>([&] { open_checkpoint(folder.path()); }),
              ::testing::StartsWith(
                  folder.path().string() +
                  ": the folder has no weights; expected one of model.safetensors, model.safetensors.index.json, "
                  "pytorch_model.bin, pytorch_model.bin.index.json"));
  EXPECT_EQ(message_of<IoError>([&] { open_checkpoint(folder / "absent"); }),
            (folder / "absent").string() + ": cannot open: No such file or directory");
}

TEST(OpenCheckpoint, OpensAFolderOrAFile) {
  const TemporaryFolder folder;
  write_scalars(folder / "model.safetensors", {"a", "b"});
  EXPECT_EQ(open_checkpoint(folder.path()).read<float>("b"), std::vector<float>{1});
  EXPECT_EQ(open_checkpoint(folder / "model.safetensors").read<float>("b"), std::vector<float>{1});
}

class Shards : public ::testing::Test {
 protected:
  void SetUp() override {
    write_scalars(folder / "model-00001-of-00002.safetensors", {"a", "b"});
    write_scalars(folder / "model-00002-of-00002.safetensors", {"x", "y", "c"});
  }
  void write_index(const std::string& text) { write_file_atomically(index, text); }
  std::string refusal(const std::string& text) {
    write_index(text);
    return message_of<CheckpointError>([&] { open_checkpoint(folder.path()); });
  }

  const TemporaryFolder folder;
  const std::filesystem::path index = folder / "model.safetensors.index.json";
  const std::string one = R"("model-00001-of-00002.safetensors")", two = R"("model-00002-of-00002.safetensors")";
};

TEST_F(Shards, AreReadAsOneCheckpoint) {
  write_index(R"({"metadata":{"total_size":20},"weight_map":{"a":)" + one + R"(,"b":)" + one + R"(,"c":)" + two +
              R"(,"x":)" + two + R"(,"y":)" + two + "}}");
  for (const auto& path : {folder.path(), index}) {
    const TensorSource source = open_checkpoint(path);
    EXPECT_EQ(source.tensors().size(), 5u);
    EXPECT_EQ(source.read<float>("b"), std::vector<float>{1});
    EXPECT_EQ(source.read<float>("c"), std::vector<float>{2});
    EXPECT_EQ(source.metadata().at("format"), "pt");
    EXPECT_EQ(source.path(), index);
  }
}

TEST_F(Shards, ASingleFileIsPreferredAsHuggingFaceDoes) {
  write_index("{}");
  write_scalars(folder / "model.safetensors", {"only"});
  EXPECT_NE(open_checkpoint(folder.path()).find("only"), nullptr);
}

TEST_F(Shards, AMissingShardIsNamed) {
  EXPECT_EQ(
      refusal(R"({"weight_map":{"a":)" + one + R"(,"b":)" + one + R"(,"z":"model-00003-of-00003.safetensors"}})"),
      index.string() +
          ": lists tensor \"z\" in \"model-00003-of-00003.safetensors\", but there is no such file in the folder");
}

TEST_F(Shards, ATensorInAnotherShardThanListedIsNamed) {
  const std::string rest = R"(,"x":)" + two + R"(,"y":)" + two + R"(,"c":)" + two + "}}";
  EXPECT_EQ(
      refusal(R"({"weight_map":{"a":)" + one + R"(,"b":)" + two + rest),
      (folder / "model-00001-of-00002.safetensors").string() +
          ": holds tensor \"b\", which model.safetensors.index.json lists in \"model-00002-of-00002.safetensors\"");
  EXPECT_EQ(refusal(R"({"weight_map":{"a":)" + one + rest),
            (folder / "model-00001-of-00002.safetensors").string() +
                ": holds tensor \"b\", which model.safetensors.index.json does not list");
  EXPECT_EQ(refusal(R"({"weight_map":{"a":)" + one + R"(,"b":)" + one + R"(,"z":)" + one + "}}"),
            index.string() + ": lists tensor \"z\" in \"model-00001-of-00002.safetensors\", which does not hold it");
}

TEST_F(Shards, AnIndexThatMakesNoSenseIsRefused) {
  EXPECT_EQ(refusal("{\"weight_map\""),
            index.string() + ": the index is not valid JSON at byte 14; expected a JSON object");
  EXPECT_EQ(refusal("{}"), index.string() + ": \"weight_map\" is absent; expected an object from tensor to file");
  EXPECT_EQ(refusal(R"({"weight_map":["a"]})"),
            index.string() + ": \"weight_map\" is array; expected an object from tensor to file");
  EXPECT_THAT(refusal(R"({"weight_map":{"a":3}})"),
              HasSubstr("the file of tensor \"a\" is \"3\"; expected the name of a file beside the index"));
  for (const char* file :
       {"\"\"", "\"..\"", "\"../other.safetensors\"", "\"/etc/passwd\"", "\"sub/model.safetensors\""})
    EXPECT_THAT(refusal(R"({"weight_map":{"a":)" + std::string(file) + "}}"),
                HasSubstr("expected the name of a file beside the index"))
        << file;
  EXPECT_EQ(refusal(R"({"weight_map":{"a":)" + one + R"(,"a":)" + two + "}}"),
            index.string() + ": the index has the key \"a\" twice");
}

TEST_F(Shards, ADamagedShardIsNamed) {
  write_file_atomically(folder / "model-00002-of-00002.safetensors", "short");
  EXPECT_THAT(
      refusal(R"({"weight_map":{"a":)" + one + R"(,"b":)" + one + R"(,"c":)" + two + "}}"),
      ::testing::StartsWith((folder / "model-00002-of-00002.safetensors").string() + ": found 5 bytes; expected"));
}

TEST(TensorSource, ReadsTensorsThatAreNotInRowMajorOrder) {
  const TemporaryFolder folder;
  std::vector<float> values(24);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  write_file_atomically(folder / "raw",
                        std::string_view(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
  const auto file = std::make_shared<const MappedFile>(folder / "raw");
  TensorSource source(folder / "raw");
  source.add({.name = "transposed", .dtype = DType::f32, .shape = {3, 2}},
             {.file = file, .bytes = file->bytes(), .strides = {1, 3}});
  source.add({.name = "expanded", .dtype = DType::f32, .shape = {2, 2}},
             {.file = file, .bytes = file->bytes(), .strides = {0, 1}});
  source.add({.name = "permuted", .dtype = DType::f32, .shape = {4, 2, 3}},
             {.file = file, .bytes = file->bytes(), .strides = {1, 12, 4}});
  source.add({.name = "plain", .dtype = DType::f32, .shape = {2, 1, 3}},
             {.file = file, .bytes = file->bytes(), .strides = {3, 99, 1}});
  EXPECT_EQ(source.read<float>("transposed"), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(source.read<float>("expanded"), (std::vector<float>{0, 1, 0, 1}));
  std::vector<double> permuted;
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 2; ++j)
      for (int k = 0; k < 3; ++k) permuted.push_back(i + 12 * j + 4 * k);
  EXPECT_EQ(source.read<double>("permuted"), permuted);
  EXPECT_EQ(source.read<float>("plain"), (std::vector<float>{0, 1, 2, 3, 4, 5}));
}

TEST(TensorSource, ReadsALargeTransposedTensorAcrossPieces) {
  const TemporaryFolder folder;
  const Index rows = 700, cols = 900;
  std::vector<float> values(static_cast<std::size_t>(rows * cols));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  write_file_atomically(folder / "raw",
                        std::string_view(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
  const auto file = std::make_shared<const MappedFile>(folder / "raw");
  TensorSource source(folder / "raw");
  source.add({.name = "w", .dtype = DType::f32, .shape = {rows, cols}},
             {.file = file, .bytes = file->bytes(), .strides = {1, rows}});
  const std::vector<float> read = source.read<float>("w");
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < cols; ++c)
      ASSERT_EQ(read[static_cast<std::size_t>(r * cols + c)], values[static_cast<std::size_t>(r + c * rows)]);
}

TEST(DType, NamesAreThoseOfSafetensors) {
  EXPECT_EQ(known_dtypes(), "F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, BOOL");
  EXPECT_EQ(find_dtype("BF16"), DType::bf16);
  EXPECT_EQ(dtype_name(DType::boolean), "BOOL");
  EXPECT_EQ(find_dtype("bf16"), std::nullopt);
}

class GoldenTensorFiles : public testing::GoldenTest {};
SHARCS_FOR_EACH_GOLDEN_SET(GoldenTensorFiles);

TEST_P(GoldenTensorFiles, OpenAndCanBeReadWhole) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(GetParam().folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    const TensorSource source = open_safetensors(entry.path());
    for (const TensorInfo& info : source.tensors()) {
      if (info.dtype == DType::i64)
        EXPECT_EQ(std::ssize(source.read<std::int64_t>(info.name)), info.size());
      else
        EXPECT_EQ(std::ssize(source.read<float>(info.name)), info.size());
    }
    ++files;
  }
  EXPECT_GT(files, 0u);
}

}  // namespace
}  // namespace sharcs::internal::tensor_source_test
