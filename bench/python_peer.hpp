#pragma once

#include <sys/types.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace sharcs::internal::bench {

/// Another library, run by a Python script of this folder in a process of its own each time that it is asked. What
/// asking costs, some 50 µs, counts as its time.
class PythonPeer {
 public:
  /// Starts script ARGUMENTS…. None where the script says that it cannot run: a package is missing, say. The Python is
  /// that of the environment variable SHARCS_BENCH_PYTHON, or python3.
  static std::unique_ptr<PythonPeer> start(const std::string& script, const std::vector<std::string>& arguments);
  ~PythonPeer();
  PythonPeer(const PythonPeer&) = delete;
  PythonPeer& operator=(const PythonPeer&) = delete;

  /// What the script says that it runs: "onnxruntime 1.32.0 int8".
  const std::string& name() const { return name_; }
  /// Has the script run a piece of work of this name once.
  void run(const std::string& work);

 private:
  PythonPeer() = default;
  /// A line without its end; empty when the process has gone.
  std::string read_line();

  std::string name_;
  pid_t process_ = -1;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

/// What to say where a script cannot run.
inline std::string not_timed(const std::string& library, const std::string& packages) {
  return library + " is not timed: python3, or $SHARCS_BENCH_PYTHON, needs " + packages;
}

}  // namespace sharcs::internal::bench
