#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/checksum.hpp"

namespace sharcs::internal {

/// The bytes of a file, read-only, brought in by the system as they are looked at.
///
/// The file must not be shortened by anyone while it is mapped: the system kills a process that looks at bytes which
/// are gone. Files written by write_file_atomically() are replaced, never shortened.
class MappedFile {
 public:
  /// Throws IoError when the file cannot be opened or is not a regular file.
  explicit MappedFile(std::filesystem::path path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::size_t size() const { return size_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

  /// Says that the file will be read from front to back, so that the system reads ahead further.
  void expect_sequential_reading() const;
  /// Gives the memory of `part` of bytes() back, so that reading a large file piece by piece takes little memory. The
  /// bytes stay readable: the system reads them from the disk again.
  void drop(std::span<const std::byte> part) const;

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Whether a file or folder of this name is there and can be seen. Never throws, as for a name that is too long.
bool is_there(const std::filesystem::path& path) noexcept;
bool is_folder(const std::filesystem::path& path) noexcept;

/// Makes a folder and those that it stands in, where they are absent. Throws IoError.
void make_folder(const std::filesystem::path& folder);

/// The whole content of a file. Throws IoError.
std::string read_text_file(const std::filesystem::path& path);

class FileWriter;

struct WrittenFile {
  std::uint64_t size;
  std::uint64_t checksum;
};

/// Writes a file so that, whatever happens, `path` holds the old content or the whole new one.
///
/// `fill` writes into `path`.tmp beside it, which is flushed to the disk, renamed to `path`, and the folder flushed.
/// When anything fails, `fill` included, the temporary file is removed, `path` is as it was, and the exception goes on:
/// IoError for what the system refuses (folder absent or unwritable, disk full, another process writing the same file),
/// with the system's reason. A process killed in between leaves a `path`.tmp, which the next write reuses.
///
/// Symbolic links are followed: what they lead to is `path`. A device or a pipe is written to as the bytes come, and
/// what has gone into it when something fails cannot be taken back.
WrittenFile write_file_atomically(const std::filesystem::path& path, const std::function<void(FileWriter&)>& fill);

/// What write_file_atomically() hands to the code that fills the file.
class FileWriter {
 public:
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  /// Appends. Throws IoError.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// The file's name when it is finished, for messages.
  const std::filesystem::path& path() const { return path_; }
  /// Bytes written so far, and their checksum.
  std::uint64_t size() const { return size_; }
  std::uint64_t checksum();

 private:
  friend WrittenFile write_file_atomically(const std::filesystem::path&, const std::function<void(FileWriter&)>&);
  FileWriter(int descriptor, const std::filesystem::path& path) : descriptor_(descriptor), path_(path) {}
  void flush();
  void write_through(std::span<const std::byte> bytes);

  int descriptor_;
  const std::filesystem::path& path_;
  std::vector<std::byte> buffer_;
  std::uint64_t size_ = 0;
  Checksum checksum_;
};

/// The same for a text at hand.
WrittenFile write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// A file that grows by whole records. An append that fails leaves the file as it was before.
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

/// Locks a folder against other processes that ask for the same lock, until the object is destroyed or the process
/// ends, killed or not.
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
