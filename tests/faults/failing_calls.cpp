// A library that is loaded before the C library (LD_PRELOAD). It counts the calls of a program that change files below
// a folder, and makes one of them fail, or kills the program there. What it does stands in the environment:
//
//   SHARCS_FAULT_FOLDER  files below this folder are meant
//   SHARCS_FAULT_AT      the call that fails, the first is 1; 0: none
//   SHARCS_FAULT         an error number, such as 5 (EIO) or 28 (ENOSPC); 0: the process is killed instead
//   SHARCS_FAULT_STAYS   1: all later calls fail, too, but those that remove something: a disk that is full stays full
//   SHARCS_FAULT_COUNT   a file that gets the number of calls when the program ends
//   SHARCS_FAULT_CLOCK   1: the time of day jumps by days, forth and back, from one look at it to the next
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

long number(const char* variable) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::atol(text) : 0;
}

std::atomic<long> calls{0};

struct Count {
  ~Count() {
    const char* file = std::getenv("SHARCS_FAULT_COUNT");
    if (file == nullptr) return;
    char text[32];
    const int length = std::snprintf(text, sizeof text, "%ld", calls.load());
    const int out = next<int(const char*, int, ...)>("open")(file, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    (void)!next<ssize_t(int, const void*, size_t)>("write")(out, text, static_cast<size_t>(length));
    close(out);
  }
} count_at_the_end;

bool is_meant(const char* path) {
  const char* folder = std::getenv("SHARCS_FAULT_FOLDER");
  return folder != nullptr && path != nullptr && std::strncmp(path, folder, std::strlen(folder)) == 0;
}

bool is_meant(int descriptor) {
  char link[64], path[PATH_MAX];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return false;
  path[length] = 0;
  return is_meant(path);
}

/// Whether this call, which changes something, has to fail; errno is set.
template <class File>
bool fails(File file, bool frees_space = false) {
  const int before = errno;
  if (!is_meant(file)) {
    errno = before;
    return false;
  }
  errno = before;
  const long call = ++calls, at = number("SHARCS_FAULT_AT");
  if (at == 0 || call < at) return false;
  if (call > at && (number("SHARCS_FAULT_STAYS") == 0 || frees_space)) return false;
  const int error = static_cast<int>(number("SHARCS_FAULT"));
  if (error == 0) raise(SIGKILL);
  errno = error;
  return true;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if ((flags & O_CREAT) != 0 && fails(path)) return -1;
  return next<int(const char*, int, ...)>("open")(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if ((flags & O_CREAT) != 0 && fails(path)) return -1;
  return next<int(const char*, int, ...)>("open64")(path, flags, mode);
}

ssize_t write(int file, const void* data, size_t size) {
  if (fails(file)) return -1;
  return next<ssize_t(int, const void*, size_t)>("write")(file, data, size);
}

int fsync(int file) {
  if (fails(file)) return -1;
  return next<int(int)>("fsync")(file);
}

int ftruncate(int file, off_t size) noexcept {
  if (fails(file, true)) return -1;
  return next<int(int, off_t)>("ftruncate")(file, size);
}

int rename(const char* from, const char* to) noexcept {
  if (fails(to)) return -1;
  return next<int(const char*, const char*)>("rename")(from, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  if (fails(to)) return -1;
  return next<int(int, const char*, int, const char*, unsigned)>("renameat2")(from_folder, from, to_folder, to, flags);
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (fails(path)) return -1;
  return next<int(const char*, mode_t)>("mkdir")(path, mode);
}

int unlink(const char* path) noexcept {
  if (fails(path, true)) return -1;
  return next<int(const char*)>("unlink")(path);
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const int result = next<int(clockid_t, timespec*)>("clock_gettime")(clock, time);
  static std::atomic<long> looks{0};
  if (clock == CLOCK_REALTIME && number("SHARCS_FAULT_CLOCK") != 0)
    time->tv_sec += (++looks % 2 == 0 ? 10 : -10) * 24 * 3600 + looks;
  return result;
}

}  // extern "C"
