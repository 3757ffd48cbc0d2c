#include "onnxruntime_peer.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace sharcs::internal::bench {

std::unique_ptr<OnnxRuntime> OnnxRuntime::start(const std::filesystem::path& model, int threads) {
  const char* named = std::getenv("SHARCS_BENCH_PYTHON");
  const std::string python = named != nullptr ? named : "python3", count = std::to_string(threads);
  int to[2], from[2];
  if (pipe(to) != 0 || pipe(from) != 0) return nullptr;
  const pid_t process = fork();
  if (process < 0) return nullptr;
  if (process == 0) {
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    for (const int descriptor : {to[0], to[1], from[0], from[1]}) close(descriptor);
    // Its own complaints are not the bench's; where a package is missing, start() finds that nothing comes.
    if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(1);
    execlp(python.c_str(), python.c_str(), SHARCS_BENCH_DIR "/onnxruntime_peer.py", model.c_str(), count.c_str(),
           nullptr);
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  std::signal(SIGPIPE, SIG_IGN);
  std::unique_ptr<OnnxRuntime> peer(new OnnxRuntime());
  peer->process_ = process;
  peer->to_ = fdopen(to[1], "w");
  peer->from_ = fdopen(from[0], "r");
  const std::string ready = peer->read_line();
  if (!ready.starts_with("ready ")) return nullptr;
  peer->name_ = "onnxruntime " + ready.substr(6) + (model.extension() == ".onnx" ? "" : " int8");
  return peer;
}

OnnxRuntime::~OnnxRuntime() {
  std::fclose(to_);  // ends its loop
  std::fclose(from_);
  waitpid(process_, nullptr, 0);
}

std::string OnnxRuntime::read_line() {
  std::string line;
  for (int c = std::fgetc(from_); c != EOF && c != '\n'; c = std::fgetc(from_)) line += static_cast<char>(c);
  return line;
}

void OnnxRuntime::run(int sentences, int tokens) {
  std::fprintf(to_, "%d %d\n", sentences, tokens);
  std::fflush(to_);
  if (read_line() != "done") throw std::runtime_error("ONNX Runtime's process ended");
}

}  // namespace sharcs::internal::bench
