#include "io/input_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "io/gzip.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::input_file_test {
namespace {

class InputOfFile : public ::testing::Test {
 protected:
  std::string read(const std::string& content) const {
    write_file_atomically(folder_ / "a", content);
    return read_input(folder_ / "a");
  }
  TemporaryFolder folder_;
};

std::string long_text() {
  std::string text;
  for (int i = 0; i < 60000; ++i) text += "line " + std::to_string(i * 7919 % 100003) + "\n";
  return text;
}

TEST_F(InputOfFile, IsItsBytes) {
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("\x1f"), "\x1f");  // half of gzip's mark
  EXPECT_EQ(read(long_text()), long_text());
}

TEST_F(InputOfFile, IsUnpackedWhereItIsCompressed) {
  EXPECT_EQ(read(gzipped("a gem\n")), "a gem\n");
  EXPECT_EQ(read(gzipped("")), "");
  EXPECT_EQ(read(gzipped(long_text())), long_text());
}

TEST_F(InputOfFile, MayHaveSeveralMembersAndZerosBehindThem) {
  EXPECT_EQ(read(gzipped("a ") + gzipped(long_text()) + gzipped("gem")), "a " + long_text() + "gem");
  EXPECT_EQ(read(gzipped("a gem") + std::string(512, '\0')), "a gem");
}

TEST_F(InputOfFile, BrokenGzipIsRefused) {
  const std::string file = folder_ / "a";
  const std::string packed = gzipped(long_text());
  EXPECT_THAT(message_of<DataError>([&] { read(packed.substr(0, packed.size() / 2)); }),
              ::testing::HasSubstr(file + ": ends in the middle of its gzip data; expected the rest of it"));
  EXPECT_THAT(message_of<DataError>([&] { read(packed.substr(0, 5)); }),
              ::testing::HasSubstr("ends in the middle of its gzip data"));
  EXPECT_THAT(message_of<DataError>([&] { read(packed + "and more"); }),
              ::testing::HasSubstr(file + ": is not whole gzip data (incorrect header check)"));
  std::string flipped = packed;
  flipped[flipped.size() - 6] = static_cast<char>(~flipped[flipped.size() - 6]);
  EXPECT_THAT(message_of<DataError>([&] { read(flipped); }),
              ::testing::HasSubstr(file + ": is not whole gzip data (incorrect data check)"));
  EXPECT_THAT(message_of<IoError>([&] { read_input(folder_ / "none"); }),
              ::testing::HasSubstr("cannot open: No such file or directory"));
}

}  // namespace
}  // namespace sharcs::internal::input_file_test
