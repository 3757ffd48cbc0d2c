#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace [[gnu::visibility("default")]] sharcs {

/// Reports are drawn from the output folders of training runs. Read are metrics.jsonl, training.json, config.json and
/// recording.json (or the evaluation.json of an earlier version), each where it is there: a run that goes on and a
/// model that was only evaluated have reports, too. Both functions throw IoError when a folder is absent or is no run,
/// ConfigError when one is given twice, and DataError or ConfigError when a file is damaged, naming it.

struct ReportOptions {
  /// Sentences of each run in the report. Of a larger data set half of them are the easiest and half the hardest.
  std::size_t samples = 2000;
  std::string title = {};  ///< of the page; empty: the names of the runs' folders
};

/// A report on one or several runs for a browser: one HTML file that needs nothing else, neither files nor network.
/// The same runs give the same bytes.
std::string report_html(std::span<const std::filesystem::path> folders, const ReportOptions& options = {});

struct TextReportOptions {
  int columns = 80;
  bool colour = false;     ///< ANSI colours, for terminals
  std::string title = {};  ///< the first line; empty: none of several runs, the folder's name of one
};

/// The essentials of the same report for a terminal, drawn with Unicode's block elements. Ends with a line end.
std::string report_text(std::span<const std::filesystem::path> folders, const TextReportOptions& options = {});

}  // namespace sharcs
