#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "core/number.hpp"
#include "data/metrics.hpp"
#include "eval/class_quality.hpp"
#include "eval/difficulty.hpp"
#include "eval/recorded_evaluation.hpp"
#include "eval/recording_metrics.hpp"
#include "eval/router_knowledge.hpp"
#include "report/findings.hpp"
#include "report/run_folder.hpp"
#include "report/terminal.hpp"

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
    // Halves, because the difference of two finite numbers may be infinite.
    const double place = high > low ? (value / 2 - low / 2) / (high / 2 - low / 2) : 0.5;
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

/// All points, but of the curves of kinds of policy only what no other point beats: they have dozens.
std::vector<OperatingPoint> telling_points(const RunFolder& run, const Headline& headline) {
  const std::vector<OperatingPoint> all = points_of(run, headline);
  const std::vector<bool> is_on_front = on_front(all);
  const std::string series(calibrated_series);
  std::vector<OperatingPoint> points;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool is_of_kind = all[i].series.starts_with(series) && all[i].series != series;
    if (is_of_kind && !is_on_front[i]) continue;
    points.push_back(all[i]);
    if (is_of_kind) points.back().name = all[i].series.substr(series.size() + 1) + ", " + all[i].name;
  }
  return points;
}

void write_points(Screen& screen, const RunFolder& run, const Headline& headline) {
  std::vector<OperatingPoint> points = telling_points(run, headline);
  std::ranges::stable_sort(points, {}, &OperatingPoint::cost_fraction);
  double low = std::numeric_limits<double>::infinity(), high = -low;
  std::vector<std::string> names, scores;
  for (const OperatingPoint& point : points) {
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
  const bool timed = std::ranges::any_of(
      points, [](const OperatingPoint& point) { return std::isfinite(point.time_fraction.value_or(nan)); });
  const int room = std::max(8, screen.columns() - name - score - (timed ? 33 : 19));
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool own = points[i].name == "routed";
    screen.line({{"  " + padded_right(names[i], name), own ? Style::strong : Style::plain},
                 {"  cost " + padded_left(percent(points[i].cost_fraction), 7), Style::soft},
                 {timed ? "  time " + padded_left(percent(points[i].time_fraction.value_or(nan)), 7) : "", Style::soft},
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
  const auto as_score = [is_share](double value) { return score_text(value, is_share); };
  const auto loss = [](double value) { return decimal(value, 3); };
  curve("routed", evaluated([](const Evaluation& evaluation) { return score(evaluation.routed); }), as_score);
  curve("full width", evaluated([](const Evaluation& evaluation) { return score(evaluation.full); }), as_score);
  curve("cost", evaluated([](const Evaluation& evaluation) { return evaluation.cost_fraction; }), percent);
  curve(
      "task's loss", [](const EpochRecord& epoch) { return epoch.loss_task; }, loss);
  curve(
      "router's loss", [](const EpochRecord& epoch) { return epoch.loss_router; }, loss);
  curve(
      "learning rate", [](const EpochRecord& epoch) { return epoch.learning_rate; },
      [](double value) { return fmt::format("{:.2g}", value); });
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
    screen.line({{"  best epoch    " + std::to_string(best->epoch) + ", score " + as_score(best->score), Style::soft}});
}

void write_widths(Screen& screen, const Evaluation& evaluation, const Headline& headline) {
  screen.heading("Answers", "where the samples are answered, and how well");
  const int room = std::max(8, screen.columns() - 60);
  for (std::size_t w = 0; w < evaluation.answers.size(); ++w) {
    const AnswerMetrics& width = evaluation.answers[w];
    const double share =
        evaluation.samples > 0 ? static_cast<double>(width.samples) / static_cast<double>(evaluation.samples) : nan;
    screen.line({{"  " + padded_right(width.name, 7)},
                 {bar(share, room), Style::width, place_of(w, evaluation.answers.size())},
                 {" " + padded_left(percent(share), 7)},
                 {"  " + padded_left(score_text(score(width.routed), headline.is_share), 7) + " there, " +
                      padded_left(score_text(score(width.all), headline.is_share), 7) + " if all were here",
                  Style::soft}});
  }
}

void write_difficulty(Screen& screen, const RecordedEvaluation& recorded) {
  const Recording& recording = recorded.recording;
  const std::optional<Difficulty> difficulty = difficulty_of(recording, recorded.answer_of_sample);
  if (!difficulty) return;
  static constexpr const char* fills[] = {"░", "▒", "▓", "█"};
  const std::size_t widths = recording.answers.size();
  const auto fill_of = [&](std::size_t w) { return fills[std::lround(place_of(w, widths) * 3)]; };
  std::string legend;
  for (std::size_t w = 0; w < widths; ++w)
    legend += (w > 0 ? "  " : "") + std::string(fill_of(w)) + " " + recording.answers[w].name;
  screen.heading("Levels of difficulty", "width chosen: " + legend);
  const int room = std::max(8, screen.columns() - 48);
  for (const DifficultyLevel& level : difficulty->levels) {
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
    const auto quality = [&](double value) { return recording.is_regression() ? decimal(value, 3) : percent(value); };
    parts.push_back({"  " + padded_left(quality(level.routed), 7)});
    parts.push_back({", at full width " + padded_left(quality(level.at_width.back()), 7), Style::soft});
    screen.line(parts);
  }
}

void write_router(Screen& screen, const RecordedEvaluation& recorded) {
  const std::vector<RouterKnowledge> widths = router_knowledge(recorded.recording);
  if (widths.empty()) return;
  screen.heading("Who knows which samples a width answers right", "right before wrong");
  for (const RouterKnowledge& known : widths)
    screen.line({{"  width " + padded_right(short_number(known.width), 6)},
                 {"  router " + percent(known.router.value), Style::strong},
                 {"  chance 50 %  length " + percent(known.length) + "  its own confidence " +
                  percent(known.confidence.value)}});
}

/// Precision and recall of each class that occurs, and what classes are taken for each other.
void write_classes(Screen& screen, const RecordedEvaluation& recorded) {
  constexpr std::size_t most_columns = 8;
  const Recording& recording = recorded.recording;
  const std::vector<ClassQuality> classes = class_qualities(recording, recorded.answer_of_sample);
  if (classes.empty() || recording.size() == 0) return;
  const std::vector<std::string> names = quality_names(recording);
  const int name = std::min(std::max(5, widest_of(names)), screen.columns() / 3);
  const auto named = [&](std::size_t c) { return padded_right(cut_to_columns(names[c], name), name); };
  screen.heading(recording.is_multi_label() ? "Labels" : recording.labels_words() ? "Tags" : "Classes");
  screen.line({{"  " + padded_right("", name) + "  samples  predicted  precision   recall       F1", Style::soft}});
  for (std::size_t c = 0; c < classes.size(); ++c) {
    if (classes[c].samples + classes[c].predicted == 0) continue;
    screen.line(
        {{"  " + named(c) + padded_left(std::to_string(classes[c].samples), 9) +
          padded_left(std::to_string(classes[c].predicted), 11) + padded_left(percent(classes[c].precision()), 11) +
          padded_left(percent(classes[c].recall()), 9) + padded_left(percent(classes[c].f1()), 9)}});
  }
  const auto confusion = confusion_matrix(recording, recorded.answer_of_sample);
  if (confusion.empty() || confusion.size() > most_columns) return;
  screen.heading("True class, and the predicted one", "what is right stands on the diagonal");
  std::string head = "  " + padded_right("", name);
  for (const std::string& each : recording.classes) head += "  " + padded_left(cut_to_columns(each, 8), 8);
  screen.line({{head, Style::soft}});
  for (std::size_t c = 0; c < confusion.size(); ++c) {
    std::string row = "  " + named(c);
    for (const std::size_t count : confusion[c]) row += "  " + padded_left(std::to_string(count), 8);
    screen.line({{row}});
  }
}

void write_latency(Screen& screen, const RecordedEvaluation& recorded) {
  const std::vector<double> widths = recorded.recording.widths();
  std::vector<Latency> latencies;
  for (const Latency& latency : recorded.latency)
    if (latency.batch == recorded.latency.front().batch) latencies.push_back(latency);
  if (latencies.empty()) return;
  screen.heading("Time of a call", counted(static_cast<std::size_t>(latencies.front().batch), "input") +
                                       ", everything at one width, median");
  double longest = 0;
  for (const Latency& latency : latencies) longest = std::max(longest, latency.seconds);
  const int room = std::max(8, screen.columns() - 36);
  int tokens = -1;
  for (const Latency& latency : latencies) {
    const auto w = static_cast<std::size_t>(std::ranges::find(widths, latency.width) - widths.begin());
    const std::string length =
        latency.tokens == tokens ? "" : padded_left(std::to_string(latency.tokens), 4) + " tokens";
    tokens = latency.tokens;
    screen.line({{"  " + padded_right(length, 12) + padded_right(short_number(latency.width), 5)},
                 {bar(latency.seconds / longest, room), Style::width, place_of(w, widths.size())},
                 {" " + padded_left(seconds_text(latency.seconds), 9), Style::soft}});
  }
}

void write_calls(Screen& screen, const RecordedEvaluation& recorded) {
  if (recorded.calls.empty()) return;
  screen.heading("Calls of the data's samples", "median and slowest of a hundred; share of full width's time");
  for (const CallTimes& times : recorded.calls)
    screen.line({{"  " + padded_right(counted(static_cast<std::size_t>(times.batch), "sample"), 12)},
                 {seconds_text(times.policy.p50) + " (" + seconds_text(times.policy.p99) + ")", Style::strong},
                 {"  full width " + seconds_text(times.full.p50) + " (" + seconds_text(times.full.p99) + ")  " +
                  percent(times.time_fraction)}});
}

void write_sentences(Screen& screen, const RecordedEvaluation& recorded) {
  constexpr std::size_t shown = 3;
  const Recording& recording = recorded.recording;
  if (recording.size() == 0) return;
  std::vector<std::size_t> order(recording.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t i) { return router_margin(recording, i); });
  const auto said = [&](std::size_t i, int answer) {
    if (recording.is_regression()) return decimals(recording.logits_of(i, answer), 2) + "  ";
    const std::string names = said_of(recording, i, answer, ",");
    return (names.empty() ? "none" : names) + "  ";
  };
  const auto write = [&](const std::string& title, const std::vector<std::size_t>& samples) {
    screen.heading(title, "the answer that was kept, and the predicted label");
    for (const std::size_t i : samples) {
      const Sample& sample = recording.samples[i];
      const int chosen = recorded.answer_of_sample[i];
      const auto w = static_cast<std::size_t>(chosen);
      const std::string mark = recording.is_regression() ? " " : is_right(recording, i, chosen) ? "✓" : "✗";
      const std::string text = sample.pair ? sample.text + " | " + *sample.pair : sample.text;
      screen.line(
          {{"  " + padded_right(recording.answers[w].name, 5), Style::width, place_of(w, recording.answers.size())},
           {mark + " " + said(i, chosen) + text}});
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
                     (headline->policy.empty() ? "." : "; policy: " + headline->policy + "."));
    write_points(screen, run, *headline);
    write_widths(screen, *best_evaluation(run), *headline);
  }
  if (run.recorded) {
    write_classes(screen, *run.recorded);
    write_router(screen, *run.recorded);
    write_difficulty(screen, *run.recorded);
    write_latency(screen, *run.recorded);
    write_calls(screen, *run.recorded);
  }
  write_training(screen, run, headline && headline->is_share);
  if (run.recorded) write_sentences(screen, *run.recorded);
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

std::string internal::text_of(std::span<const RunFolder> runs, const TextReportOptions& options) {
  Screen screen(options);
  if (!options.title.empty()) {
    screen.line({{options.title, Style::strong}});
    screen.blank();
  }
  if (runs.size() > 1) write_comparison(screen, runs);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i > 0) screen.blank();
    write_run(screen, runs[i]);
  }
  return screen.take();
}

std::string report_text(std::span<const std::filesystem::path> folders, const TextReportOptions& options) {
  return internal::text_of(read_runs(folders), options);
}

}  // namespace sharcs
