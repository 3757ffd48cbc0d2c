#include "cli/comparison_report.hpp"

#include <ostream>

#include "core/number.hpp"
#include "eval/evaluation_json.hpp"
#include "report/terminal.hpp"

namespace sharcs::internal {

std::string estimate_text(const Estimate& estimate) {
  return decimal(estimate.value, 3) + " [" + decimal(estimate.interval.low, 3) + ", " +
         decimal(estimate.interval.high, 3) + "]";
}

void print_comparison(const std::vector<OperatingPoint>& points, const Recording& recording, std::ostream& out) {
  const std::string score_name = recording.metrics.size() == 1 ? to_string(recording.metrics.front()) : "score";
  std::vector<std::string> header = {"widths chosen", "cost", score_name + " [95 % interval]", "routed leads by"};
  for (const RecordedAnswer& answer : recording.answers) header.push_back("at " + answer.name);
  TextTable table(header);
  for (const OperatingPoint& point : points) {
    std::vector<std::string> cells = {point.name, decimal(point.cost_fraction, 3), estimate_text(point.score),
                                      point.lead ? estimate_text(*point.lead) : ""};
    for (const double share : point.shares) cells.push_back(percent(share));
    table.add(std::move(cells));
  }
  table.print(out);
}

nlohmann::ordered_json comparison_json(const std::vector<OperatingPoint>& points) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const OperatingPoint& point : points) {
    nlohmann::ordered_json entry = {{"name", point.name},
                                    {"shares", point.shares},
                                    {"cost_fraction", point.cost_fraction},
                                    {"metrics", metric_map_json(point.metrics)},
                                    {"score", estimate_json(point.score)}};
    if (point.lead) {
      entry["baseline"] = point.series;
      entry["lead"] = estimate_json(*point.lead);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace sharcs::internal
