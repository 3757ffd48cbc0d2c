#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sharcs::internal {

/// A folder for the files that a harness reads, in memory where the system has such a place.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Writes a file and returns its path. Faster than a file that is replaced atomically.
  std::filesystem::path write(const std::string& name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

/// A parser of ours, fed with bytes that anyone may have made.
struct Harness {
  std::string name;
  std::string file;                     ///< that the input stands for: every error has to name it
  bool is_json = false;                 ///< whether the seeds are JSON documents, which the tests change value by value
  std::vector<std::string> words = {};  ///< that a fuzzer puts into the input
  std::vector<std::string> (*seeds)();  ///< inputs to begin with, most of them good
  /// Reads the input in every way that the library has. May throw sharcs::Error.
  void (*read)(std::string_view input, const Scratch& scratch);
};

/// Each file NAME.cpp of tests/fuzz/harnesses defines `std::vector<Harness> NAME()`.
namespace harnesses {
std::vector<Harness> all();
}

/// Why the input is a finding; empty when the parser has taken or refused it as it should: with a sharcs::Error of one
/// line that names the file.
std::string problem_of(const Harness& harness, std::string_view input);

}  // namespace sharcs::internal
