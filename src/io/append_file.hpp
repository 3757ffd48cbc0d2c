#pragma once

#include <filesystem>
#include <string_view>

namespace sharcs::internal {

/// A file that grows by whole records: after a failed append it is as it was before.
class AppendFile {
 public:
  /// Opens for appending; creates the file when it is absent. Throws IoError.
  explicit AppendFile(std::filesystem::path path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// Appends `record`. Throws IoError with the system's reason (disk full, …); what the failed call had written is cut
  /// off again.
  void append(std::string_view record);
  /// Waits until the disk has everything. Throws IoError.
  void flush_to_disk();

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_;
};

}  // namespace sharcs::internal
