#pragma once

#include <filesystem>

namespace sharcs::internal {

/// Keeps other processes that ask for the same lock out of a folder, until it is destroyed or the process ends, however
/// that happens.
class FolderLock {
 public:
  /// The folder must exist. Throws IoError when another process has the lock, or when the folder cannot be opened.
  /// Where the file system has no locks, nobody is kept out.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace sharcs::internal
