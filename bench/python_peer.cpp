#include "python_peer.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace sharcs::internal::bench {

std::unique_ptr<PythonPeer> PythonPeer::start(const std::string& script, const std::vector<std::string>& arguments) {
  const char* named = std::getenv("SHARCS_BENCH_PYTHON");
  std::vector<std::string> words = {named != nullptr ? named : "python3", SHARCS_BENCH_DIR "/" + script};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> command;
  for (std::string& word : words) command.push_back(word.data());
  command.push_back(nullptr);
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
    execvp(command[0], command.data());
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  std::signal(SIGPIPE, SIG_IGN);
  std::unique_ptr<PythonPeer> peer(new PythonPeer());
  peer->process_ = process;
  peer->to_ = fdopen(to[1], "w");
  peer->from_ = fdopen(from[0], "r");
  const std::string ready = peer->read_line();
  if (!ready.starts_with("ready ")) return nullptr;
  peer->name_ = ready.substr(6);
  return peer;
}

PythonPeer::~PythonPeer() {
  std::fclose(to_);  // ends its loop
  std::fclose(from_);
  waitpid(process_, nullptr, 0);
}

std::string PythonPeer::read_line() {
  std::string line;
  for (int c = std::fgetc(from_); c != EOF && c != '\n'; c = std::fgetc(from_)) line += static_cast<char>(c);
  return line;
}

void PythonPeer::run(const std::string& work) {
  std::fprintf(to_, "%s\n", work.c_str());
  std::fflush(to_);
  if (read_line() != "done") throw std::runtime_error("the process of " + name_ + " ended");
}

}  // namespace sharcs::internal::bench
