#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "sharcs/trainer.hpp"

namespace sharcs::internal {

struct ProgressOptions {
  /// On a terminal one line is redrawn in place. Otherwise, in a log file for example, a new line is written from time
  /// to time.
  bool is_terminal = false;
  /// Width of the terminal. What does not fit is left out, the least important first.
  int columns = 80;
  /// Least time between two drawings on a terminal, and between two lines elsewhere.
  double seconds_between_drawings = 0.1;
  double seconds_between_lines = 30;

  /// Whether the file descriptor is a terminal that understands control sequences (TERM is not "dumb"), and how wide it
  /// is now.
  static ProgressOptions of_descriptor(int descriptor);
};

/// Shows the user how training goes:
///
///     epoch 3/10  ████▎       145/340  812 samples/s  1:23 left  loss 0.412  router 0.231  0.25: 41 %  1: 59 %
class Progress {
 public:
  /// `out` must outlive this.
  Progress(std::ostream& out, const ProgressOptions& options, Clock clock = steady_seconds);
  /// Leaves the cursor at the start of an empty line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Call after every step. Draws only when enough time has passed, but always after the last step of an epoch.
  void update(const TrainingProgress& progress);
  /// Writes a line that stays, such as the result of an epoch. `text` without line end.
  void say(std::string_view text);

 private:
  void erase();

  std::ostream& out_;
  ProgressOptions options_;
  Clock clock_;
  double next_;
  bool drawn_ = false;
};

/// The line itself, at most `columns` columns wide; with_bar for terminals.
std::string progress_line(const TrainingProgress& progress, int columns, bool with_bar);

/// "0:07", "12:34", "1:02:03", "3 d 4 h"; "?" for NaN.
std::string duration_text(double seconds);

}  // namespace sharcs::internal
