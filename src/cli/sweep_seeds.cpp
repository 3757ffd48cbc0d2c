#include "cli/sweep_seeds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>

#include "cli/sweep_cells.hpp"
#include "core/nan.hpp"
#include "core/number_text.hpp"
#include "data/metrics.hpp"
#include "eval/pareto_front.hpp"
#include "io/json_cursor.hpp"
#include "report/terminal/text_table.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

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
