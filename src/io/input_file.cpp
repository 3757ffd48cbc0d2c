#include "io/input_file.hpp"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdint>
#include <new>
#include <system_error>

#include "sharcs/error.hpp"

namespace sharcs::internal {

// A gzip file can unpack to a thousand times its size. Text takes a tenth to a fiftieth of its size when it is packed.
constexpr std::uint64_t most_times = 100, free_bytes = 64 << 20;

struct InputFile::Inflater {
  std::uint64_t packed = 0, unpacked = 0;  // bytes so far
  z_stream stream = {};
  bool at_member_end = false;  // a file may have several members, one after the other (RFC 1952, section 2.2)

  Inflater() {
    constexpr int gzip_only = 16;
    if (::inflateInit2(&stream, MAX_WBITS + gzip_only) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { ::inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

std::string input_name(const std::filesystem::path& path) { return path == "-" ? "standard input" : path.string(); }

InputFile::InputFile(const std::filesystem::path& path)
    : name_(input_name(path)), descriptor_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) throw IoError(name_ + ": cannot open: " + std::generic_category().message(errno));
}

InputFile::~InputFile() {
  if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
}

std::size_t InputFile::read_bytes(char* buffer, std::size_t size) {
  for (;;) {
    const ssize_t count = ::read(descriptor_, buffer, size);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) throw IoError(name_ + ": cannot read: " + std::generic_category().message(errno));
  }
}

bool InputFile::read(std::string& text) {
  char buffer[1 << 16];
  std::size_t size = read_bytes(buffer, sizeof buffer);
  if (is_first_) {
    is_first_ = false;
    if (size == 1) size += read_bytes(buffer + 1, sizeof buffer - 1);  // a pipe may bring a single byte
    if (size >= 2 && buffer[0] == '\x1f' && buffer[1] == '\x8b') inflater_ = std::make_unique<Inflater>();
  }
  if (inflater_ == nullptr) {
    text.append(buffer, size);
    return size > 0;
  }
  if (size == 0 && !inflater_->at_member_end)
    throw DataError(name_ + ": ends in the middle of its gzip data; expected the rest of it");
  inflate(buffer, size, text);
  return size > 0;
}

void InputFile::inflate(const char* bytes, std::size_t size, std::string& text) {
  z_stream& stream = inflater_->stream;
  inflater_->packed += size;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes));  // zlib's interface is older than const
  stream.avail_in = static_cast<uInt>(size);
  char unpacked[1 << 16];
  for (;;) {
    if (inflater_->at_member_end) {
      // Zeros may pad the end of a file, as on tapes.
      while (stream.avail_in > 0 && *stream.next_in == 0) ++stream.next_in, --stream.avail_in;
      if (stream.avail_in == 0) return;
      ::inflateReset(&stream);
      inflater_->at_member_end = false;
    }
    stream.next_out = reinterpret_cast<Bytef*>(unpacked);
    stream.avail_out = sizeof unpacked;
    const int result = ::inflate(&stream, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      throw DataError(name_ + ": is not whole gzip data" +
                      (stream.msg != nullptr ? " (" + std::string(stream.msg) + ")" : ""));
    const std::size_t count = sizeof unpacked - stream.avail_out;
    text.append(unpacked, count);
    inflater_->unpacked += count;
    if (inflater_->unpacked > free_bytes + most_times * inflater_->packed)
      throw DataError(name_ + ": unpacks to more than " + std::to_string(most_times) +
                      " times its size; expected ordinary text (unpack it with gunzip first)");
    inflater_->at_member_end = result == Z_STREAM_END;
    if (stream.avail_in == 0 && stream.avail_out > 0) return;
  }
}

std::string read_input(const std::filesystem::path& path) {
  InputFile input(path);
  std::string text;
  while (input.read(text)) continue;
  return text;
}

}  // namespace sharcs::internal
