#include "io/append_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, int reason) {
  throw IoError(path.string() + ": cannot " + what + ": " + std::generic_category().message(reason));
}

}  // namespace

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
      (void)!::ftruncate(descriptor_, before.st_size);  // where it cannot be cut, readers still know a torn record
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

}  // namespace sharcs::internal
