#include "fuzz/harness.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "core/quote.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

Scratch::Scratch() {
  std::error_code unknown;
  const std::filesystem::path memory = "/dev/shm";
  const bool has_memory = std::filesystem::is_directory(memory, unknown) && ::access(memory.c_str(), W_OK) == 0;
  std::string name = ((has_memory ? memory : std::filesystem::temp_directory_path()) / "sharcs_fuzz_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder like " + name);
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path Scratch::write(const std::string& name, std::string_view bytes) const {
  const std::filesystem::path file = path_ / name;
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) throw std::runtime_error("cannot write " + file.string());
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written <= 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  ::close(descriptor);
  if (!bytes.empty()) throw std::runtime_error("cannot write " + file.string());
  return file;
}

std::string problem_of(const Harness& harness, std::string_view input) {
  static const Scratch scratch;
  // Of a call with a text, not of a file.
  constexpr std::array<std::string_view, 2> of_calls = {"encode: ", "the tokenizer's normalizer "};
  try {
    harness.read(input, scratch);
  } catch (const Error& error) {
    const std::string message = error.what();
    if (message.empty()) return "an error without a message";
    if (message != one_line(message)) return "an error of several lines: " + quote(message);
    const bool is_of_call =
        std::ranges::any_of(of_calls, [&](std::string_view begin) { return message.starts_with(begin); });
    if (!is_of_call && message.find(harness.file) == std::string::npos)
      return "an error that does not name " + harness.file + ": " + message;
  } catch (const std::exception& error) {
    return std::string("another exception than sharcs::Error: ") + error.what();
  }
  return {};
}

}  // namespace sharcs::internal
