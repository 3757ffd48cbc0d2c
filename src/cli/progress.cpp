#include "cli/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <utility>
#include <vector>

#include "core/number.hpp"
#include "report/terminal.hpp"

namespace sharcs::internal {
namespace {}  // namespace

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  const auto whole = std::llround(std::clamp(seconds, 0.0, 1e12));
  const auto days = whole / 86400, hours = whole / 3600 % 24, minutes = whole / 60 % 60;
  if (days > 0) return fmt::format("{} d {} h", days, hours);
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
  return fmt::format("{}:{:02}", minutes, whole % 60);
}

std::string progress_line(const TrainingProgress& progress, int columns, bool with_bar) {
  const double fraction =
      progress.steps > 0 ? static_cast<double>(progress.step) / static_cast<double>(progress.steps) : 1;
  struct Part {
    std::string text;
    int importance;  // the part with the lowest goes first
  };
  std::vector<Part> parts = {{"epoch " + std::to_string(progress.epoch) + "/" + std::to_string(progress.epochs), 9}};
  if (with_bar) parts.push_back({bar(fraction, 10), 1});
  parts.push_back(
      {(with_bar ? "" : "step ") + std::to_string(progress.step) + "/" + std::to_string(progress.steps), 8});
  parts.push_back({decimal(progress.samples_per_second, progress.samples_per_second < 10 ? 1 : 0) + " samples/s", 4});
  parts.push_back({duration_text(progress.seconds_left) + " left", 7});
  parts.push_back({"loss " + decimal(progress.loss_task, 3), 6});
  if (std::isfinite(progress.loss_router)) parts.push_back({"router " + decimal(progress.loss_router, 3), 5});
  std::string shares;
  for (std::size_t i = 0; i < std::min(progress.widths.size(), progress.width_shares.size()); ++i)
    shares += (i > 0 ? "  " : "") + short_number(progress.widths[i]) + ": " +
              decimal(100 * progress.width_shares[i], 0) + " %";
  if (!shares.empty()) parts.push_back({shares, 3});
  parts.push_back({fmt::format("lr {:.2g}", progress.learning_rate), 2});

  for (;;) {
    std::string line;
    for (const Part& part : parts) line += (line.empty() ? "" : "  ") + part.text;
    if (columns_of(line) <= columns) return line;
    if (parts.size() == 1) return line.substr(0, static_cast<std::size_t>(std::max(columns, 0)));
    parts.erase(std::min_element(parts.begin(), parts.end(),
                                 [](const Part& a, const Part& b) { return a.importance < b.importance; }));
  }
}

ProgressOptions ProgressOptions::of_descriptor(int descriptor) {
  ProgressOptions options;
  const char* terminal = std::getenv("TERM");
  options.is_terminal = ::isatty(descriptor) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
  winsize size{};
  if (options.is_terminal && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    options.columns = size.ws_col;
  return options;
}

Progress::Progress(std::ostream& out, const ProgressOptions& options, Clock clock)
    : out_(out), options_(options), clock_(std::move(clock)), next_(clock_()) {
  if (!options_.is_terminal) next_ += options_.seconds_between_lines;
}

Progress::~Progress() {
  if (drawn_) out_ << '\n' << std::flush;
}

void Progress::erase() {
  if (!drawn_) return;
  out_ << "\r\x1b[K";
  drawn_ = false;
}

void Progress::update(const TrainingProgress& progress) {
  const double now = clock_();
  if (now < next_ && progress.step < progress.steps) return;
  if (options_.is_terminal) {
    next_ = now + options_.seconds_between_drawings;
    // The last column stays free: writing into it wraps some terminals.
    out_ << '\r' << progress_line(progress, options_.columns - 1, true) << "\x1b[K" << std::flush;
    drawn_ = true;
  } else {
    next_ = now + options_.seconds_between_lines;
    out_ << progress_line(progress, 1000, false) << '\n' << std::flush;
  }
}

void Progress::say(std::string_view text) {
  erase();
  out_ << text << '\n' << std::flush;
}

}  // namespace sharcs::internal
