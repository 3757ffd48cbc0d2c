#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/block_elements.hpp"
#include "core/json_reader.hpp"
#include "core/nan.hpp"
#include "core/text_table.hpp"
#include "report/findings.hpp"
#include "report/settings.hpp"
#include "sharcs/report.hpp"

namespace sharcs {
using namespace internal;
namespace {

enum class Style { plain, strong, soft, width };

/// A part of a line. `width` says which width's colour it has, from 0 (the narrowest) to 1.
struct Part {
  std::string text;
  Style style = Style::plain;
  double width = 0;
};

/// Lines of at most so many columns.
class Screen {
 public:
  explicit Screen(const TextReportOptions& options)
      : columns_(std::max(20, options.columns)), colour_(options.colour) {}

  int columns() const { return columns_; }
  std::string take() { return std::move(text_); }

  void blank() { text_ += '\n'; }
  void line(const std::vector<Part>& parts) {
    int left = columns_;
    std::string written;
    for (const Part& part : parts) {
      const std::string fits = cut_to_columns(printable(part.text), left);
      left -= columns_of(fits);
      written += colour_ && !fits.empty() ? coloured(fits, part) : fits;
    }
    if (!colour_) written.erase(written.find_last_not_of(' ') + 1);
    text_ += written + '\n';
  }
  void heading(const std::string& text, const std::string& about = "") {
    blank();
    line({{text, Style::strong}, {about.empty() ? "" : "  " + about, Style::soft}});
  }
  /// Breaks lines between words.
  void paragraph(const std::string& text) {
    std::string row;
    for (std::size_t from = 0; from <= text.size();) {
      const std::size_t end = std::min(text.find(' ', from), text.size());
      const std::string word = text.substr(from, end - from);
      if (!row.empty() && columns_of(row) + 1 + columns_of(word) > columns_) {
        line({{row}});
        row.clear();
      }
      row += (row.empty() ? "" : " ") + word;
      from = end + 1;
    }
    line({{row}});
  }

 private:
  static std::string coloured(const std::string& text, const Part& part) {
    switch (part.style) {
      case Style::strong:
        return "\x1b[1m" + text + "\x1b[0m";
      case Style::soft:
        return "\x1b[2m" + text + "\x1b[0m";
      case Style::width: {  // green, cyan, blue, magenta: what every terminal has and keeps readable
        constexpr const char* colours[] = {"32", "36", "34", "35"};
        return std::string("\x1b[") + colours[std::lround(part.width * 3)] + "m" + text + "\x1b[0m";
      }
      case Style::plain:
        break;
    }
    return text;
  }

  int columns_;
  bool colour_;
  std::string text_;
};

std::string padded_right(const std::string& text, int columns) {
  return text + std::string(static_cast<std::size_t>(std::max(0, columns - columns_of(text))), ' ');
}
std::string padded_left(const std::string& text, int columns) {
  return std::string(static_cast<std::size_t>(std::max(0, columns - columns_of(text))), ' ') + text;
}

int widest_of(const std::vector<std::string>& texts) {
  int columns = 0;
  for (const std::string& text : texts) columns = std::max(columns, columns_of(text));
  return columns;
}

/// A width's place among `count`, for its colour.
double place_of(std::size_t width, std::size_t count) {
  return count > 1 ? static_cast<double>(width) / static_cast<double>(count - 1) : 1;
}

/// A value and its interval on a scale of `columns` columns: ···├──●─┤···
std::string strip(const Estimate& estimate, double low, double high, int columns) {
  const auto column = [&](double value) {
    const double place = high > low ? (value - low) / (high - low) : 0.5;
    return std::clamp(static_cast<int>(std::lround(place * (columns - 1))), 0, columns - 1);
  };
  std::vector<std::string> cells(static_cast<std::size_t>(columns), "·");
  const auto at = [&](int i) -> std::string& { return cells[static_cast<std::size_t>(i)]; };
  if (std::isfinite(estimate.interval.low) && std::isfinite(estimate.interval.high)) {
    const int from = column(estimate.interval.low), to = column(estimate.interval.high);
    for (int i = from; i <= to; ++i) at(i) = "─";
    at(from) = "├";
    at(to) = "┤";
  }
  if (std::isfinite(estimate.value)) at(column(estimate.value)) = "●";
  std::string text;
  for (const std::string& cell : cells) text += cell;
  return text;
}

struct Point {
  std::string name;
  double cost;
  double time;  ///< over that at full width; NaN where it was not measured
  Estimate score;
};

std::vector<Point> points_of(const RunFolder& run, const Headline& headline) {
  std::vector<Point> points;
  if (run.evaluation)
    for (const OperatingPoint& point : run.evaluation->points)
      points.push_back({point.name, point.cost_fraction, point.time_fraction.value_or(nan), point.score});
  if (points.empty()) {
    points.push_back(
        {"routed", headline.cost_fraction, headline.seconds_routed / headline.seconds_full, headline.routed});
    for (const WidthEvaluation& width : best_record(run)->widths)
      points.push_back(
          {"fixed " + short_number(width.width), width.cost_fraction, nan, {score_of(width.all), {nan, nan}}});
  }
  std::stable_sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.cost < b.cost; });
  return points;
}

void write_points(Screen& screen, const RunFolder& run, const Headline& headline) {
  const std::vector<Point> points = points_of(run, headline);
  double low = std::numeric_limits<double>::infinity(), high = -low;
  std::vector<std::string> names, scores;
  for (const Point& point : points) {
    for (const double value : {point.score.value, point.score.interval.low, point.score.interval.high}) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
    names.push_back(point.name);
    scores.push_back(score_text(point.score.value, headline.is_share));
  }
  screen.heading("Score against cost", headline.score + " with 95 % intervals");
  screen.line({{"  scale from " + score_text(low, headline.is_share) + " to " + score_text(high, headline.is_share),
                Style::soft}});
  const int name = widest_of(names), score = widest_of(scores);
  const bool timed = std::ranges::any_of(points, [](const Point& point) { return std::isfinite(point.time); });
  const int room = std::max(8, screen.columns() - name - score - (timed ? 33 : 19));
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool own = points[i].name == "routed";
    screen.line({{"  " + padded_right(names[i], name), own ? Style::strong : Style::plain},
                 {"  cost " + padded_left(percent(points[i].cost), 7), Style::soft},
                 {timed ? "  time " + padded_left(percent(points[i].time), 7) : "", Style::soft},
                 {"  " + padded_left(scores[i], score), own ? Style::strong : Style::plain},
                 {" " + strip(points[i].score, low, high, room)}});
  }
}

/// The last values that fit.
std::vector<double> last_of(std::vector<double> values, int most) {
  if (static_cast<int>(values.size()) > most) values.erase(values.begin(), values.end() - most);
  return values;
}

void write_training(Screen& screen, const RunFolder& run, bool is_share) {
  if (run.epochs.empty()) return;
  const EpochRecord& last = run.epochs.back();
  screen.heading("Training", counted(static_cast<std::size_t>(last.epoch), "epoch") + ", " +
                                 grouped(static_cast<long long>(last.total_steps)) + " steps");
  const auto curve = [&](const std::string& name, const auto& value_of, const auto& text_of,
                         bool is_share_of_all = false) {
    std::vector<double> values;
    for (const EpochRecord& epoch : run.epochs) values.push_back(value_of(epoch));
    const auto first_known = std::find_if(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
    if (first_known == values.end()) return;
    const std::vector<double> shown = last_of(values, std::max(8, screen.columns() - 44));
    screen.line({{"  " + padded_right(name, 14)},
                 {is_share_of_all ? sparkline(shown, 0, 1) : sparkline(shown), Style::width, 0.5},
                 {"  " + text_of(*first_known) + " → " + text_of(values.back()), Style::soft}});
  };
  const auto evaluated = [](const auto& value_of) {
    return [value_of](const EpochRecord& epoch) {
      return epoch.evaluations.empty() ? nan : value_of(epoch.evaluations.front());
    };
  };
  const auto score = [is_share](double value) { return score_text(value, is_share); };
  const auto loss = [](double value) { return decimal(value, 3); };
  curve("routed", evaluated([](const EvaluationRecord& record) { return score_of(record.routed); }), score);
  curve("full width", evaluated([](const EvaluationRecord& record) { return score_of(record.full); }), score);
  curve("cost", evaluated([](const EvaluationRecord& record) { return record.cost_fraction; }), percent);
  curve(
      "task's loss", [](const EpochRecord& epoch) { return epoch.loss_task; }, loss);
  curve(
      "router's loss", [](const EpochRecord& epoch) { return epoch.loss_router; }, loss);
  curve(
      "learning rate", [](const EpochRecord& epoch) { return epoch.learning_rate; },
      [](double value) {
        char text[32];
        std::snprintf(text, sizeof text, "%.2g", value);
        return std::string(text);
      });
  for (std::size_t w = 0; w < last.widths.size(); ++w)
    curve(
        "share at " + short_number(last.widths[w].width),
        [w](const EpochRecord& epoch) {
          if (w >= epoch.widths.size()) return nan;
          std::int64_t all = 0;
          for (const WidthTraining& width : epoch.widths) all += width.samples;
          return all > 0 ? static_cast<double>(epoch.widths[w].samples) / static_cast<double>(all) : nan;
        },
        percent);
  if (const EpochRecord* best = best_epoch(run); best != nullptr && best->best)
    screen.line({{"  best epoch    " + std::to_string(best->epoch) + ", score " + score(best->score), Style::soft}});
}

void write_widths(Screen& screen, const EvaluationRecord& record, const Headline& headline) {
  screen.heading("Widths", "where the samples are answered, and how well");
  const int room = std::max(8, screen.columns() - 58);
  for (std::size_t w = 0; w < record.widths.size(); ++w) {
    const WidthEvaluation& width = record.widths[w];
    const double share =
        record.samples > 0 ? static_cast<double>(width.samples) / static_cast<double>(record.samples) : nan;
    screen.line({{"  " + padded_right(short_number(width.width), 5)},
                 {bar(share, room), Style::width, place_of(w, record.widths.size())},
                 {" " + padded_left(percent(share), 7)},
                 {"  " + padded_left(score_text(score_of(width.routed), headline.is_share), 7) + " there, " +
                      padded_left(score_text(score_of(width.all), headline.is_share), 7) + " if all were here",
                  Style::soft}});
  }
}

void write_difficulty(Screen& screen, const EvaluationFile& evaluation) {
  const std::vector<DifficultyLevel> levels = difficulty_levels_of(evaluation);
  if (levels.empty()) return;
  static constexpr const char* fills[] = {"░", "▒", "▓", "█"};
  const std::size_t widths = evaluation.widths.size();
  const auto fill_of = [&](std::size_t w) { return fills[std::lround(place_of(w, widths) * 3)]; };
  std::string legend;
  for (std::size_t w = 0; w < widths; ++w)
    legend += (w > 0 ? "  " : "") + std::string(fill_of(w)) + " " + short_number(evaluation.widths[w]);
  screen.heading("Levels of difficulty", "width chosen: " + legend);
  const int room = std::max(8, screen.columns() - 48);
  for (const DifficultyLevel& level : levels) {
    std::vector<Part> parts = {{"  level " + padded_right(std::to_string(level.level), 4)}};
    double before = 0;
    int drawn = 0;
    for (std::size_t w = 0; w < widths; ++w) {
      before += level.shares[w];
      const int end = w + 1 == widths ? room : static_cast<int>(std::lround(before * room));
      std::string cells;
      for (; drawn < end; ++drawn) cells += fill_of(w);
      parts.push_back({std::move(cells), Style::width, place_of(w, widths)});
    }
    const auto quality = [&](double value) { return evaluation.is_regression() ? decimal(value, 3) : percent(value); };
    parts.push_back({"  " + padded_left(quality(level.routed), 7)});
    parts.push_back({", at full width " + padded_left(quality(level.at_width.back()), 7), Style::soft});
    screen.line(parts);
  }
}

void write_latency(Screen& screen, const EvaluationFile& evaluation) {
  std::vector<LatencyRecord> records;
  for (const LatencyRecord& record : evaluation.latency)
    if (record.batch == evaluation.latency.front().batch) records.push_back(record);
  if (records.empty()) return;
  screen.heading("Time of a call", counted(static_cast<std::size_t>(records.front().batch), "input") +
                                       ", everything at one width, median");
  double longest = 0;
  for (const LatencyRecord& record : records) longest = std::max(longest, record.seconds);
  const int room = std::max(8, screen.columns() - 36);
  int tokens = -1;
  for (const LatencyRecord& record : records) {
    const auto at = std::find(evaluation.widths.begin(), evaluation.widths.end(), record.width);
    const auto w = static_cast<std::size_t>(at - evaluation.widths.begin());
    const std::string length = record.tokens == tokens ? "" : padded_left(std::to_string(record.tokens), 4) + " tokens";
    tokens = record.tokens;
    screen.line({{"  " + padded_right(length, 12) + padded_right(short_number(record.width), 5)},
                 {bar(record.seconds / longest, room), Style::width, place_of(w, evaluation.widths.size())},
                 {" " + padded_left(seconds_text(record.seconds), 9), Style::soft}});
  }
}

void write_sentences(Screen& screen, const EvaluationFile& evaluation) {
  constexpr std::size_t shown = 3;
  if (evaluation.samples.empty()) return;
  std::vector<std::size_t> order(evaluation.samples.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return hardness(evaluation.samples[a], evaluation.is_regression()) >
           hardness(evaluation.samples[b], evaluation.is_regression());
  });
  const auto write = [&](const std::string& title, const std::vector<std::size_t>& samples) {
    screen.heading(title);
    for (const std::size_t i : samples) {
      const SampleResult& sample = evaluation.samples[i];
      const auto width = static_cast<std::size_t>(sample.width);
      const std::string mark = evaluation.is_regression() ? " " : sample.right(width) ? "✓" : "✗";
      const std::string text = sample.pair ? sample.text + " | " + *sample.pair : sample.text;
      screen.line({{"  " + padded_right(short_number(evaluation.widths[width]), 5), Style::width,
                    place_of(width, evaluation.widths.size())},
                   {mark + " " + text}});
    }
  };
  const std::size_t count = std::min(shown, order.size());
  write("Hardest sentences", {order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count)});
  write("Easiest sentences", {order.rbegin(), order.rbegin() + static_cast<std::ptrdiff_t>(count)});
}

void write_run(Screen& screen, const RunFolder& run) {
  screen.line({{run.name, Style::strong}, {"  " + run.folder, Style::soft}});
  const std::optional<Headline> headline = headline_of(run);
  if (headline) {
    screen.paragraph(in_words(*headline));
    screen.paragraph("Measured on " + headline->data +
                     (headline->policy.empty() ? "." : "; widths chosen by: " + headline->policy + "."));
    write_points(screen, run, *headline);
    write_widths(screen, *best_record(run), *headline);
  }
  if (run.evaluation) {
    write_difficulty(screen, *run.evaluation);
    write_latency(screen, *run.evaluation);
  }
  write_training(screen, run, headline && headline->is_share);
  if (run.evaluation) write_sentences(screen, *run.evaluation);
}

void write_comparison(Screen& screen, std::span<const RunFolder> runs) {
  std::vector<std::string> names;
  for (const RunFolder& run : runs) names.push_back(run.name);
  const int name = std::min(widest_of(names), screen.columns() / 2);
  screen.line({{padded_right("Run", name) + "     routed  full width     cost  times as fast", Style::strong}});
  for (const RunFolder& run : runs) {
    const std::optional<Headline> headline = headline_of(run);
    if (!headline) continue;
    screen.line({{padded_right(cut_to_columns(run.name, name), name)},
                 {"  " + padded_left(score_text(headline->routed.value, headline->is_share), 9) + "  " +
                  padded_left(score_text(headline->full.value, headline->is_share), 10) + "  " +
                  padded_left(percent(headline->cost_fraction), 7) + "  " +
                  padded_left(decimal(headline->seconds_full / headline->seconds_routed, 2), 13)}});
  }
  std::vector<ComparedSetting> settings = training_settings(runs);
  for (ComparedSetting& setting : model_settings(runs)) settings.push_back(std::move(setting));
  std::erase_if(settings, [](const ComparedSetting& setting) { return !setting.differs; });
  if (!settings.empty()) screen.heading("Settings that differ");
  for (const ComparedSetting& setting : settings) {
    std::string values;
    for (const std::string& value : setting.values)
      values += (values.empty() ? "" : " | ") + (value.empty() ? "-" : value);
    screen.line({{"  " + padded_right(setting.key, 28)}, {" " + values}});
  }
  screen.blank();
}

}  // namespace

std::string report_text(std::span<const RunFolder> runs, const TextReportOptions& options) {
  Screen screen(options);
  if (runs.size() > 1) write_comparison(screen, runs);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i > 0) screen.blank();
    write_run(screen, runs[i]);
  }
  return screen.take();
}

}  // namespace sharcs
