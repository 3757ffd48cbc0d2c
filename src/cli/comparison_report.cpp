#include "cli/comparison_report.hpp"

#include <ostream>

#include "cli/estimate_text.hpp"
#include "core/json_reader.hpp"
#include "core/text_table.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::string& name, const RoutingResult& result) {
  Json json = {{"name", name}, {"shares", result.shares}, {"cost_fraction", result.cost_fraction}};
  for (const MetricValue& metric : result.metrics) json["metrics"][to_string(metric.metric)] = metric.value;
  json["score"] = estimate_json(result.score);
  return json;
}

}  // namespace

void print(const Comparison& comparison, const Task& task, const std::vector<double>& widths, std::ostream& out) {
  const bool one_metric = task.metrics().size() == 1;
  std::vector<std::string> header = {"widths chosen", "cost",
                                     (one_metric ? to_string(task.metrics().front()) : "score") + " [95 % interval]",
                                     "routed leads by"};
  for (const double width : widths) header.push_back("at " + short_number(width));
  TextTable table(header);
  const auto add = [&](const std::string& name, const RoutingResult& result, const std::string& lead) {
    std::vector<std::string> cells = {name, decimal(result.cost_fraction, 3), estimate_text(result.score), lead};
    for (const double share : result.shares) cells.push_back(percent(share));
    table.add(std::move(cells));
  };
  add("routed", comparison.routing, "");
  for (const BaselineResult& baseline : comparison.baselines)
    add(baseline.name, baseline.result, estimate_text(baseline.lead));
  table.print(out);
}

Json json_of(const Comparison& comparison) {
  Json list = {json_of("routed", comparison.routing)};
  for (const BaselineResult& baseline : comparison.baselines) {
    Json entry = json_of(baseline.name, baseline.result);
    entry["baseline"] = to_string(baseline.baseline);
    entry["lead"] = estimate_json(baseline.lead);
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace sharcs::internal
