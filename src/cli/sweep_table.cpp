#include "cli/sweep_table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <set>

#include "cli/comparison_report.hpp"
#include "core/number.hpp"
#include "data/metrics.hpp"
#include "eval/pareto_front.hpp"
#include "io/json_cursor.hpp"
#include "report/terminal.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

// A line of a table is a SweepRun or a SeedGroup; both have a `point` of the grid.

/// As JSON, or empty where the point does not set it; texts without quotes.
std::string setting_text(const GridPoint& point, const std::string& key) {
  for (const auto& [own, value] : point.settings)
    if (own == key)
      return value.is_string() ? value.get<std::string>()
                               : value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return {};
}

/// "window" of "training.window".
std::string column_name(const std::string& key) { return key.substr(key.rfind('.') + 1); }

/// Cells as a line of TSV. Tabs and line ends within them become blanks.
std::string tsv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& text : cells) {
    for (const char c : text) line += c == '\t' || c == '\n' || c == '\r' ? ' ' : c;
    line += '\t';
  }
  line.back() = '\n';
  return line;
}

/// Empty where the number is not known.
std::string number_cell(double value) { return std::isfinite(value) ? short_number(value) : ""; }

/// The keys of all lines, in the order in which they come up.
template <typename Line>
std::vector<std::string> setting_keys(const std::vector<Line>& lines) {
  std::vector<std::string> keys;
  for (const Line& line : lines)
    for (const auto& [key, value] : line.point.settings)
      if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  return keys;
}

/// Those that are not the same in every line.
template <typename Line>
std::vector<std::string> varied_keys(const std::vector<Line>& lines) {
  std::vector<std::string> keys = setting_keys(lines);
  std::erase_if(keys, [&](const std::string& key) {
    std::set<std::string> values;
    for (const Line& line : lines) values.insert(setting_text(line.point, key));
    return lines.size() > 1 && values.size() == 1;
  });
  return keys;
}

std::string shares_text(const SweepResult& result) {
  std::string text;
  for (std::size_t i = 0; i < result.widths.size(); ++i)
    text += (i == 0 ? "" : ", ") + short_number(result.widths[i]) + ": " + percent(result.shares[i]);
  return text;
}

constexpr const char* seed_key = "training.seed";

struct Figure {
  const char* name;
  Spread SeedGroup::*of_group;
  double (*of_result)(const SweepResult&);
};

constexpr Figure figures[] = {
    {"score", &SeedGroup::score, [](const SweepResult& result) { return result.score.value; }},
    {"full_score", &SeedGroup::full, [](const SweepResult& result) { return score(result.full); }},
    {"lead_over_full", &SeedGroup::lead, [](const SweepResult& result) { return result.lead.value; }},
    {"cost_fraction", &SeedGroup::cost_fraction, [](const SweepResult& result) { return result.cost_fraction; }},
    {"time_fraction", &SeedGroup::time_fraction, [](const SweepResult& result) { return result.time_fraction; }}};

Spread spread_of(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = values.empty() ? nan : sum / count;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, values.size() < 2 ? nan : std::sqrt(squares / (count - 1))};
}

std::string spread_text(const Spread& spread) { return decimal(spread.mean, 3) + " ± " + decimal(spread.deviation, 3); }

GridPoint without_seed(GridPoint point) {
  std::erase_if(point.settings, [](const auto& setting) { return setting.first == seed_key; });
  point.name.clear();
  return point;
}

void mark_front(std::vector<SeedGroup>& groups) {
  std::vector<SeedGroup*> whole;
  std::vector<CostAndScore> points;
  for (SeedGroup& group : groups) {
    if (group.finished < group.runs) continue;
    whole.push_back(&group);
    points.push_back({group.cost_fraction.mean, group.score.mean});
  }
  for (const std::size_t i : pareto_front(points)) whole[i]->on_front = true;
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

std::vector<SeedGroup> group_by_seed(const std::vector<SweepRun>& runs) {
  std::vector<SeedGroup> groups;
  std::vector<std::vector<const SweepResult*>> results;
  for (const SweepRun& run : runs) {
    GridPoint point = without_seed(run.point);
    const auto same =
        std::ranges::find_if(groups, [&](const SeedGroup& group) { return group.point.settings == point.settings; });
    const auto at = static_cast<std::size_t>(same - groups.begin());
    if (same == groups.end()) {
      groups.push_back({.point = std::move(point)});
      results.emplace_back();
    }
    ++groups[at].runs;
    if (run.result) results[at].push_back(&*run.result);
  }
  if (std::ranges::all_of(groups, [](const SeedGroup& group) { return group.runs == 1; })) return {};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i].finished = results[i].size();
    for (const Figure& figure : figures) {
      std::vector<double> values;
      for (const SweepResult* result : results[i]) values.push_back(figure.of_result(*result));
      groups[i].*figure.of_group = spread_of(values);
    }
  }
  mark_front(groups);
  return groups;
}

void print(const std::vector<SeedGroup>& groups, std::ostream& out) {
  std::vector<const SeedGroup*> order;
  for (const SeedGroup& group : groups) order.push_back(&group);
  std::ranges::stable_sort(order, std::greater<>(), [](const SeedGroup* group) {
    return group->finished > 0 ? group->score.mean : -std::numeric_limits<double>::infinity();
  });
  const std::vector<std::string> keys = varied_keys(groups);
  std::vector<std::string> header = {""};
  for (const std::string& key : keys) header.push_back(column_name(key));
  for (const char* column : {"seeds", "score, mean ± deviation", "over full width", "cost", "time"})
    header.emplace_back(column);
  TextTable table(header);
  for (const SeedGroup* group : order) {
    std::vector<std::string> cells = {group->on_front ? "*" : ""};
    for (const std::string& key : keys) cells.push_back(setting_text(group->point, key));
    cells.push_back(std::to_string(group->finished) +
                    (group->finished < group->runs ? " of " + std::to_string(group->runs) : ""));
    for (const Spread& spread : {group->score, group->lead, group->cost_fraction, group->time_fraction})
      cells.push_back(spread_text(spread));
    table.add(std::move(cells));
  }
  table.print(out);
}

Json json_of(const std::vector<SeedGroup>& groups) {
  Json list = Json::array();
  for (const SeedGroup& group : groups) {
    Json entry = {{"settings", Json::object()}, {"runs", group.runs}, {"finished", group.finished}};
    for (const auto& [key, value] : group.point.settings) entry["settings"][key] = value;
    entry["on_front"] = group.on_front;
    for (const Figure& figure : figures) {
      const Spread& spread = group.*figure.of_group;
      entry[figure.name] = {{"mean", finite_or_null(spread.mean)}, {"deviation", finite_or_null(spread.deviation)}};
    }
    list.push_back(std::move(entry));
  }
  return list;
}

std::string tsv_of(const std::vector<SeedGroup>& groups) {
  const std::vector<std::string> keys = setting_keys(groups);
  std::vector<std::string> header = keys;
  for (const char* column : {"runs", "finished"}) header.emplace_back(column);
  for (const Figure& figure : figures)
    for (const char* part : {"", "_deviation"}) header.push_back(std::string(figure.name) + part);
  header.emplace_back("on_front");
  std::string text = tsv_line(header);
  for (const SeedGroup& group : groups) {
    std::vector<std::string> cells;
    for (const std::string& key : keys) cells.push_back(setting_text(group.point, key));
    for (const std::size_t count : {group.runs, group.finished}) cells.push_back(std::to_string(count));
    for (const Figure& figure : figures)
      for (const double value : {(group.*figure.of_group).mean, (group.*figure.of_group).deviation})
        cells.push_back(number_cell(value));
    cells.emplace_back(group.on_front ? "yes" : "no");
    text += tsv_line(cells);
  }
  return text;
}

}  // namespace sharcs::internal
