#pragma once

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace sharcs::internal::bench {

/// Lines for a person, records for a program, or nothing from a process that another one speaks for.
enum class Output { lines, json, nothing };

/// What the parts have to say.
class Report {
 public:
  explicit Report(Output output) : output_(output) {}
  ~Report() {
    if (output_ == Output::json) std::printf("%s\n", records_.dump(1).c_str());
  }
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  /// Stands above the next line; never shown when there is none.
  void heading(const std::string& text) { heading_ = text; }
  void line(const std::string& text) {
    if (output_ != Output::lines) return;
    if (!heading_.empty()) std::printf("%s\n", std::exchange(heading_, "").c_str());
    std::printf("%s\n", text.c_str());
    std::fflush(stdout);
  }
  void record(nlohmann::json record) { records_.push_back(std::move(record)); }

 private:
  Output output_;
  std::string heading_ = {};
  nlohmann::json records_ = nlohmann::json::array();
};

/// printf into a string.
template <class... Args>
std::string format(const char* pattern, Args... args) {
  char buffer[256];
  std::snprintf(buffer, sizeof buffer, pattern, args...);
  return buffer;
}

/// "1 thread", "2 threads".
inline std::string count_of_threads(int threads) { return format("%d thread%s", threads, threads == 1 ? "" : "s"); }

}  // namespace sharcs::internal::bench
