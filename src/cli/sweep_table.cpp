#include "cli/sweep_table.hpp"

#include <algorithm>
#include <limits>
#include <ostream>
#include <set>

#include "cli/comparison_report.hpp"
#include "cli/sweep_cells.hpp"
#include "core/number_range.hpp"
#include "core/number_text.hpp"
#include "eval/pareto_front.hpp"
#include "report/terminal/text_table.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

std::string shares_text(const SweepResult& result) {
  std::string text;
  for (std::size_t i = 0; i < result.widths.size(); ++i)
    text += (i == 0 ? "" : ", ") + short_number(result.widths[i]) + ": " + percent(result.shares[i]);
  return text;
}

}  // namespace

void mark_front(std::vector<SweepRun>& runs) {
  std::vector<SweepRun*> finished;
  std::vector<CostAndScore> points;
  for (SweepRun& run : runs) {
    run.on_front = false;
    if (!run.result) continue;
    finished.push_back(&run);
    points.push_back({run.result->cost_fraction, run.result->score.value});
  }
  for (const std::size_t i : pareto_front(points)) finished[i]->on_front = true;
}

void print(const std::vector<SweepRun>& runs, std::ostream& out) {
  std::vector<const SweepRun*> order;
  for (const SweepRun& run : runs) order.push_back(&run);
  std::ranges::stable_sort(order, std::greater<>(), [](const SweepRun* run) {
    return run->result ? run->result->score.value : -std::numeric_limits<double>::infinity();
  });
  const std::vector<std::string> keys = varied_keys(runs);
  std::vector<std::string> header = {""};
  for (const std::string& key : keys) header.push_back(column_name(key));
  for (const char* column : {"score [95 % interval]", "over full width", "cost", "time", "epoch", "shares"})
    header.emplace_back(column);
  TextTable table(header);
  for (const SweepRun* run : order) {
    std::vector<std::string> cells = {run->on_front ? "*" : ""};
    for (const std::string& key : keys) cells.push_back(setting_text(run->point, key));
    if (const auto& result = run->result)
      for (std::string text :
           {estimate_text(result->score), estimate_text(result->lead), decimal(result->cost_fraction, 3),
            decimal(result->time_fraction, 3), std::to_string(result->best_epoch), shares_text(*result)})
        cells.push_back(std::move(text));
    else
      for (const char* text : {run->error.empty() ? "-" : "failed", "-", "-", "-", "-", "-"}) cells.emplace_back(text);
    table.add(std::move(cells));
  }
  table.print(out);
}

Json json_of(const std::vector<SweepRun>& runs) {
  Json list = Json::array();
  for (const SweepRun& run : runs) {
    Json entry = {{"name", run.point.name}, {"folder", run.folder}, {"settings", Json::object()}};
    for (const auto& [key, value] : run.point.settings) entry["settings"][key] = value;
    entry["on_front"] = run.on_front;
    entry["error"] = run.error.empty() ? Json() : Json(run.error);
    entry["result"] = run.result ? run.result->json() : Json();
    list.push_back(std::move(entry));
  }
  return list;
}

std::string tsv_of(const std::vector<SweepRun>& runs) {
  const std::vector<std::string> keys = setting_keys(runs);
  std::set<std::string> metrics;
  for (const SweepRun& run : runs)
    if (run.result)
      for (const auto& [metric, value] : run.result->full) metrics.insert(metric);

  std::vector<std::string> header = {"name"};
  header.insert(header.end(), keys.begin(), keys.end());
  for (const std::string kind : {"routed_", "full_"})
    for (const std::string& metric : metrics) header.push_back(kind + metric);
  for (const char* column : {"score", "score_low", "score_high", "lead_over_full", "lead_low", "lead_high",
                             "cost_fraction", "time_fraction", "widths", "shares", "best_epoch", "training_seconds"})
    header.emplace_back(column);
  const std::size_t of_result = header.size();
  for (const char* column : {"on_front", "error"}) header.emplace_back(column);
  std::string text = tsv_line(header);
  for (const SweepRun& run : runs) {
    std::vector<std::string> cells = {run.point.name};
    for (const std::string& key : keys) cells.push_back(setting_text(run.point, key));
    if (run.result) {
      const SweepResult& result = *run.result;
      for (const MetricMap* map : {&result.routed, &result.full})
        for (const std::string& metric : metrics)
          cells.push_back(map->contains(metric) ? number_cell(map->at(metric)) : "");
      for (const Estimate& estimate : {result.score, result.lead})
        for (const double value : {estimate.value, estimate.interval.low, estimate.interval.high})
          cells.push_back(number_cell(value));
      for (const double value : {result.cost_fraction, result.time_fraction}) cells.push_back(number_cell(value));
      for (const std::vector<double>& list : {result.widths, result.shares}) cells.push_back(Json(list).dump());
      cells.push_back(std::to_string(result.best_epoch));
      cells.push_back(number_cell(result.training_seconds));
    }
    cells.resize(of_result);
    cells.emplace_back(run.on_front ? "yes" : "no");
    cells.push_back(run.error);
    text += tsv_line(cells);
  }
  return text;
}

}  // namespace sharcs::internal
