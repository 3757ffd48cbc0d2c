#include "serve/server_metrics.hpp"

#include <algorithm>

#include "core/number.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

/// A label's value: backslash, quote and line end are escaped.
std::string label(const std::string& name, const std::string& value) {
  std::string text = name + "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return text + "\"";
}

/// Lines of one metric after the other.
class MetricText {
 public:
  /// The lines that add() writes from here on are of this metric.
  void begin(const std::string& name, const std::string& kind, const std::string& meaning) {
    name_ = name;
    text_ += "# HELP " + name + " " + meaning + "\n# TYPE " + name + " " + kind + "\n";
  }
  void add(const std::string& labels, double value, const std::string& suffix = "") {
    text_ += name_ + suffix + (labels.empty() ? "" : "{" + labels + "}") + " " + short_number(value) + "\n";
  }
  void add(const std::string& labels, std::uint64_t value, const std::string& suffix = "") {
    text_ += name_ + suffix + (labels.empty() ? "" : "{" + labels + "}") + " " + std::to_string(value) + "\n";
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_, text_;
};

}  // namespace

void ServerMetrics::add_request(const std::string& endpoint, int status, double seconds) {
  const std::lock_guard lock(mutex_);
  ++requests_[{endpoint, status}];
  Times& times = times_[endpoint];
  ++times.counts[static_cast<std::size_t>(std::ranges::lower_bound(bounds, seconds) - bounds.begin())];
  ++times.count;
  times.seconds += seconds;
}

void ServerMetrics::add_answers(const std::string& model, std::span<const CountedAnswer> answers) {
  const std::lock_guard lock(mutex_);
  OfModel& of_model = models_[model];
  for (const CountedAnswer& each : answers) {
    ++of_model.answers[each.answer];
    of_model.cost += each.cost;
    of_model.truncated += each.truncated ? 1 : 0;
  }
}

void ServerMetrics::add_embeddings(const std::string& model, std::size_t inputs) {
  const std::lock_guard lock(mutex_);
  models_[model].embeddings += inputs;
}

void ServerMetrics::add_reload(const std::string& model, bool worked) {
  const std::lock_guard lock(mutex_);
  ++reloads_[{model, worked}];
}

void ServerMetrics::set_connections(std::size_t open) {
  const std::lock_guard lock(mutex_);
  connections_ = open;
}

std::string ServerMetrics::text(std::span<const Gauge> gauges) const {
  const std::lock_guard lock(mutex_);
  MetricText text;
  text.begin("sharcs_info", "gauge", "The program's version.");
  text.add(label("version", version()), std::uint64_t{1});
  text.begin("sharcs_connections", "gauge", "Connections that are open.");
  text.add("", std::uint64_t{connections_});
  text.begin("sharcs_requests_total", "counter", "Requests by endpoint and status of the response.");
  for (const auto& [key, count] : requests_)
    text.add(label("endpoint", key.first) + "," + label("status", std::to_string(key.second)), count);
  text.begin("sharcs_request_seconds", "histogram", "Time from a whole request to its response.");
  for (const auto& [endpoint, times] : times_) {
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i)
      text.add(label("endpoint", endpoint) + "," + label("le", short_number(bounds[i])), so_far += times.counts[i],
               "_bucket");
    text.add(label("endpoint", endpoint) + "," + label("le", "+Inf"), times.count, "_bucket");
    text.add(label("endpoint", endpoint), times.seconds, "_sum");
    text.add(label("endpoint", endpoint), times.count, "_count");
  }
  text.begin("sharcs_answers_total", "counter", "Inputs by the answer that they took.");
  for (const auto& [model, counts] : models_)
    for (const auto& [answer, count] : counts.answers)
      text.add(label("model", model) + "," + label("answer", answer), count);
  text.begin("sharcs_cost_total", "counter",
             "Sum of the inputs' costs, each as a share of full width's multiply-adds.");
  for (const auto& [model, counts] : models_) text.add(label("model", model), counts.cost);
  text.begin("sharcs_truncated_total", "counter", "Inputs that were longer than the model reads.");
  for (const auto& [model, counts] : models_) text.add(label("model", model), counts.truncated);
  text.begin("sharcs_embeddings_total", "counter", "Inputs that got their vector.");
  for (const auto& [model, counts] : models_) text.add(label("model", model), counts.embeddings);
  text.begin("sharcs_reloads_total", "counter", "Times that a model was read again, and whether it could be.");
  for (const auto& [key, count] : reloads_)
    text.add(label("model", key.first) + "," + label("worked", key.second ? "yes" : "no"), count);
  std::string last;
  for (const Gauge& gauge : gauges) {
    if (gauge.name != last) text.begin(gauge.name, gauge.only_grows ? "counter" : "gauge", gauge.meaning);
    last = gauge.name;
    text.add(label("model", gauge.model), gauge.value);
  }
  return text.take();
}

}  // namespace sharcs::internal
