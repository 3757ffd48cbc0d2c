#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace sharcs::internal {

/// Text that comes in: a file, a pipe, or standard input. What gzip has compressed is unpacked on the way; its first
/// two bytes tell it, so that the name does not matter.
class InputFile {
 public:
  /// `path`: a file, or "-" for standard input. Throws IoError.
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Appends what has arrived to `text`; waits for the first byte. False at the end. Throws IoError; DataError for gzip
  /// that is broken, ends too early, or unpacks to more than 64 MB and 100 times its size.
  bool read(std::string& text);

  /// For messages: the path, or "standard input".
  const std::string& name() const { return name_; }

 private:
  struct Inflater;
  std::size_t read_bytes(char* buffer, std::size_t size);
  void inflate(const char* bytes, std::size_t size, std::string& text);

  std::string name_;
  int descriptor_;
  bool is_first_ = true;
  std::unique_ptr<Inflater> inflater_;  // null: not compressed
};

/// The whole text. `path` and errors as InputFile.
std::string read_input(const std::filesystem::path& path);

/// What messages call the input at `path`: "standard input" for "-".
std::string input_name(const std::filesystem::path& path);

}  // namespace sharcs::internal
