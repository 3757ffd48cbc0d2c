#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sharcs::internal {

/// A number that is looked up when somebody asks, such as the length of a queue.
struct Gauge {
  std::string name;     ///< "sharcs_queue_waiting"
  std::string meaning;  ///< for # HELP
  std::string model;
  double value;
  bool only_grows = false;  ///< a counter in Prometheus' words
};

/// What came of an input.
struct CountedAnswer {
  std::string answer;
  double cost;  ///< of full width's multiply-adds
  bool truncated;
};

/// What a server did so far, for `/metrics`. All functions may be called from many threads at once.
class ServerMetrics {
 public:
  /// `endpoint`: one of a few, since each gets numbers of its own.
  void add_request(const std::string& endpoint, int status, double seconds);
  void add_answers(const std::string& model, std::span<const CountedAnswer> answers);
  void add_embeddings(const std::string& model, std::size_t inputs);
  void add_reload(const std::string& model, bool worked);
  void set_connections(std::size_t open);

  /// In Prometheus' text format, version 0.0.4.
  std::string text(std::span<const Gauge> gauges) const;

 private:
  static constexpr std::array bounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                        0.1,    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};
  struct Times {
    std::array<std::uint64_t, bounds.size() + 1> counts = {};  ///< up to each bound, and above the last
    std::uint64_t count = 0;
    double seconds = 0;
  };
  struct OfModel {
    std::map<std::string, std::uint64_t> answers;
    std::uint64_t truncated = 0, embeddings = 0;
    double cost = 0;
  };

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::uint64_t> requests_;  // by endpoint and status
  std::map<std::string, Times> times_;                             // by endpoint
  std::map<std::string, OfModel> models_;
  std::map<std::pair<std::string, bool>, std::uint64_t> reloads_;
  std::size_t connections_ = 0;
};

}  // namespace sharcs::internal
