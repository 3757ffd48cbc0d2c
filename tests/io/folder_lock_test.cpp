#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::folder_lock_test {
namespace {

using ::testing::HasSubstr;

TEST(FolderLock, KeepsOthersOutWhileItLives) {
  const TemporaryFolder folder;
  std::optional<FolderLock> lock(folder.path());
  EXPECT_THAT(message_of<IoError>([&] { FolderLock second(folder.path()); }), HasSubstr("another process"));
  lock.reset();
  EXPECT_NO_THROW(FolderLock third(folder.path()));
}

TEST(FolderLock, NeedsAFolder) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<IoError>([&] { FolderLock lock(folder / "absent"); }), HasSubstr("cannot open the folder"));
}

}  // namespace
}  // namespace sharcs::internal::folder_lock_test
