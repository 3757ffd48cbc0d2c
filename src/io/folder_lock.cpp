#include "io/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "sharcs/error.hpp"

namespace sharcs::internal {

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
