#pragma once

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace sharcs::bench {

/// What the parts have to say: lines for a person, or records for a program.
class Report {
 public:
  /// silent: says nothing.
  Report(bool json, bool silent) : json_(json), silent_(silent) {}
  ~Report() {
    if (json_ && !silent_) std::printf("%s\n", records_.dump(1).c_str());
  }
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  /// Stands above the next line; never shown when there is none.
  void heading(const std::string& text) { heading_ = text; }
  void line(const std::string& text) {
    if (json_ || silent_) return;
    if (!heading_.empty()) std::printf("%s\n", std::exchange(heading_, "").c_str());
    std::printf("%s\n", text.c_str());
    std::fflush(stdout);
  }
  void record(nlohmann::json record) { records_.push_back(std::move(record)); }

 private:
  bool json_, silent_;
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

}  // namespace sharcs::bench
