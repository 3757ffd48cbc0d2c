#include "io/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view what, int reason) {
  throw IoError(path.string() + ": cannot " + std::string(what) + ": " + std::generic_category().message(reason));
}

/// Repeats a system call that a signal has interrupted.
template <class Call>
auto uninterrupted(const Call& call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

Descriptor open_file(const std::filesystem::path& path, int flags) {
  return Descriptor(uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); }));
}

/// Opens the temporary file empty and locked. The lock keeps two processes from writing into one file.
Descriptor open_temporary(const std::filesystem::path& path, const std::filesystem::path& temporary) {
  for (;;) {
    Descriptor file = open_file(temporary, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
    if (file.get() < 0) fail(path, "create " + temporary.filename().string() + " beside it", errno);
    if (uninterrupted([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno == EWOULDBLOCK) throw IoError(path.string() + ": cannot write: another process is writing it");
      // Some network file systems have no locks; one writer at a time is then the caller's affair.
    }
    struct stat opened, named;
    if (::fstat(file.get(), &opened) != 0) fail(path, "write", errno);
    // Another writer may have renamed or removed the file between our open and our lock.
    if (::stat(temporary.c_str(), &named) != 0 || opened.st_ino != named.st_ino || opened.st_dev != named.st_dev)
      continue;
    if (uninterrupted([&] { return ::ftruncate(file.get(), 0); }) != 0) {
      const int reason = errno;
      ::unlink(temporary.c_str());
      fail(path, "write", reason);
    }
    struct stat before;
    if (::stat(path.c_str(), &before) == 0 && S_ISREG(before.st_mode) && opened.st_mode != before.st_mode)
      (void)!::fchmod(file.get(), before.st_mode & 07777);  // the new file keeps the old one's permissions if it may
    return file;
  }
}

/// What the chain of symbolic links that begins at `path` ends at, whether or not something is there.
std::filesystem::path end_of_links(const std::filesystem::path& path) {
  constexpr int most_links = 40;  // as many as the kernel follows
  std::filesystem::path end = path;
  for (int links = 0; links < most_links; ++links) {
    std::error_code not_a_link;
    const std::filesystem::path next = std::filesystem::read_symlink(end, not_a_link);
    if (not_a_link) return end;
    end = end.parent_path() / next;
  }
  fail(path, "write", ELOOP);
}

/// A device or a pipe cannot be replaced, only written to.
bool is_stream(const std::filesystem::path& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

/// Makes the rename itself survive a power cut.
void flush_folder(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor file = open_file(folder, O_RDONLY | O_DIRECTORY);
  // EINVAL: the file system does not flush folders. EACCES: a folder that may be written but not listed.
  const bool flushed = file.get() >= 0 && uninterrupted([&] { return ::fsync(file.get()); }) == 0;
  if (!flushed && errno != EINVAL && errno != EACCES) fail(folder, "flush the folder", errno);
}

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, int reason) {
  throw IoError(path.string() + ": cannot " + what + ": " + std::generic_category().message(reason));
}

}  // namespace

MappedFile::MappedFile(std::filesystem::path path) : path_(std::move(path)) {
  const Descriptor file = open_file(path_, O_RDONLY | O_NONBLOCK);  // O_NONBLOCK: a named pipe must not hang us
  if (file.get() < 0) fail(path_, "open", errno);
  struct stat status;
  if (::fstat(file.get(), &status) != 0) fail(path_, "open", errno);
  if (!S_ISREG(status.st_mode))
    throw IoError(path_.string() + ": is " + (S_ISDIR(status.st_mode) ? "a folder" : "not a regular file") +
                  "; expected a file");
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapped == MAP_FAILED) fail(path_, "map", errno);
  data_ = static_cast<const std::byte*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::expect_sequential_reading() const {
  if (data_ != nullptr) ::madvise(const_cast<std::byte*>(data_), size_, MADV_SEQUENTIAL);
}

void MappedFile::drop(std::span<const std::byte> part) const {
  // Pages that the part shares with its neighbours go too; if they are still wanted, they come back.
  if (part.empty()) return;
  static const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t first = static_cast<std::size_t>(part.data() - data_) / page * page;
  const std::size_t last = static_cast<std::size_t>(part.data() - data_) + part.size();
  ::madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

bool is_there(const std::filesystem::path& path) noexcept {
  std::error_code unseen;
  return std::filesystem::exists(path, unseen);
}

bool is_folder(const std::filesystem::path& path) noexcept {
  std::error_code unseen;
  return std::filesystem::is_directory(path, unseen);
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw IoError(folder.string() + ": cannot make the folder: " + error.message());
}

std::string read_text_file(const std::filesystem::path& path) {
  const Descriptor file = open_file(path, O_RDONLY);
  if (file.get() < 0) fail(path, "open", errno);
  std::string text;
  struct stat status;
  if (::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode))
    text.reserve(static_cast<std::size_t>(status.st_size));
  char piece[1 << 16];
  for (;;) {
    const ssize_t count = uninterrupted([&] { return ::read(file.get(), piece, sizeof piece); });
    if (count < 0) fail(path, "read", errno);
    if (count == 0) return text;
    text.append(piece, static_cast<std::size_t>(count));
  }
}

void FileWriter::write(std::span<const std::byte> bytes) {
  constexpr std::size_t piece = 1 << 18;  // small writes are gathered, large ones are checksummed while in the cache
  size_ += bytes.size();
  if (buffer_.size() + bytes.size() > piece) flush();
  if (bytes.size() < piece) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return;
  }
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    write_through(bytes.subspan(at, std::min(piece, bytes.size() - at)));
}

void FileWriter::flush() {
  write_through(buffer_);
  buffer_.clear();
}

std::uint64_t FileWriter::checksum() {
  flush();
  return checksum_.value();
}

void FileWriter::write_through(std::span<const std::byte> bytes) {
  checksum_.add(bytes);
  while (!bytes.empty()) {
    const ssize_t count = uninterrupted([&] { return ::write(descriptor_, bytes.data(), bytes.size()); });
    if (count < 0) fail(path_, "write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

WrittenFile write_file_atomically(const std::filesystem::path& name, const std::function<void(FileWriter&)>& fill) {
  if (name.filename().empty()) throw IoError(name.string() + ": cannot write: expected the name of a file");
  if (is_stream(name)) {
    Descriptor file = open_file(name, O_WRONLY | O_NOCTTY);
    if (file.get() < 0) fail(name, "open", errno);
    FileWriter writer(file.get(), name);
    fill(writer);
    writer.flush();
    // The descriptor is gone even where close() says that a signal interrupted it.
    if (::close(file.release()) != 0 && errno != EINTR) fail(name, "write", errno);
    return {writer.size(), writer.checksum()};
  }
  const std::filesystem::path path = end_of_links(name);
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  WrittenFile written{};
  {
    const Descriptor file = open_temporary(path, temporary);
    try {
      FileWriter writer(file.get(), path);
      fill(writer);
      writer.flush();
      written = {writer.size(), writer.checksum()};
      if (uninterrupted([&] { return ::fsync(file.get()); }) != 0) fail(path, "flush to the disk", errno);
      if (::rename(temporary.c_str(), path.c_str()) != 0) fail(path, "replace", errno);
    } catch (...) {
      ::unlink(temporary.c_str());
      throw;
    }
  }
  flush_folder(path);
  return written;
}

WrittenFile write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  return write_file_atomically(path, [&](FileWriter& writer) { writer.write(text); });
}

AppendFile::AppendFile(std::filesystem::path path)
    : path_(std::move(path)),
      descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) fail(path_, "open for appending", errno);
}

AppendFile::~AppendFile() { ::close(descriptor_); }

void AppendFile::append(std::string_view record) {
  struct stat before;
  if (::fstat(descriptor_, &before) != 0) fail(path_, "append", errno);
  while (!record.empty()) {
    const ssize_t count = ::write(descriptor_, record.data(), record.size());
    if (count >= 0) {
      record.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      const int reason = errno;
      (void)!::ftruncate(descriptor_, before.st_size);  // if it cannot be cut, readers still recognise a torn record
      fail(path_, "append", reason);
    }
  }
}

void AppendFile::flush_to_disk() {
  // EINVAL: not something that has a disk behind it (a pipe, /dev/stdout).
  while (::fsync(descriptor_) != 0) {
    if (errno == EINVAL) return;
    if (errno != EINTR) fail(path_, "flush to the disk", errno);
  }
}

FolderLock::FolderLock(const std::filesystem::path& folder)
    : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ < 0)
    throw IoError(folder.string() + ": cannot open the folder: " + std::generic_category().message(errno));
  while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) break;
    ::close(descriptor_);
    throw IoError(folder.string() + ": another process is working in this folder");
  }
}

FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace sharcs::internal
