#include "eval/recorded_evaluation.hpp"
#include "fuzz/harness.hpp"
#include "report/run_folder.hpp"
#include "report/synthetic_run.hpp"
#include "sharcs/report.hpp"

namespace sharcs::internal::harnesses {
namespace {

RunFolder small_run() { return testing::synthetic_run({.epochs = 2, .samples = 4}); }

void draw(const std::filesystem::path& folder) {
  const std::vector<std::filesystem::path> folders = {folder};
  report_text(folders, {.columns = 100, .colour = true});
  report_html(folders);
}

std::vector<std::string> recording_seeds() { return {small_run().recorded->to_json()}; }

void read_recording(std::string_view input, const Scratch& scratch) {
  std::filesystem::create_directory(scratch.path() / "recorded");
  const std::filesystem::path file = scratch.write("recorded/recording.json", input);
  const RecordedEvaluation recorded = RecordedEvaluation::load(file);
  RecordedEvaluation::parse(recorded.to_json(), file.string());
  draw(scratch.path() / "recorded");
}

std::vector<std::string> metrics_seeds() {
  std::string lines;
  for (const EpochRecord& epoch : small_run().epochs) lines += to_json_line(epoch) + "\n";
  return {lines};
}

void read_metrics(std::string_view input, const Scratch& scratch) {
  std::filesystem::create_directory(scratch.path() / "logged");
  scratch.write("logged/metrics.jsonl", input);
  draw(scratch.path() / "logged");
}

/// One line, which the tests change value by value.
std::vector<std::string> epoch_seeds() { return {to_json_line(small_run().epochs.back())}; }

std::vector<std::string> settings_seeds() {
  return {
      R"({"sharcs_version": "1", "task": "sst-2", "train": {"file": "a.tsv", "samples": 3}, "options": {"epochs": 2}})"};
}

void read_settings(std::string_view input, const Scratch& scratch) {
  static const std::string metrics = epoch_seeds().front();
  std::filesystem::create_directory(scratch.path() / "settings");
  scratch.write("settings/metrics.jsonl", metrics);
  scratch.write("settings/training.json", input);
  draw(scratch.path() / "settings");
}

const std::vector<std::string> words = {"\"latency\"",   "\"answers\"", "\"logits\"",     "\"points\"",
                                        "null",          "1e308",       "\"exit_layer\"", "\"router_logits\"",
                                        "\"schema\": 1", "\"widths\""};

}  // namespace

std::vector<Harness> recording() {
  return {{.name = "recording",
           .file = "recording.json",
           .is_json = true,
           .words = words,
           .seeds = recording_seeds,
           .read = read_recording},
          {.name = "metrics", .file = "metrics.jsonl", .words = words, .seeds = metrics_seeds, .read = read_metrics},
          {.name = "epoch_record",
           .file = "metrics.jsonl",
           .is_json = true,
           .words = words,
           .seeds = epoch_seeds,
           .read = read_metrics},
          {.name = "run_settings",
           .file = "training.json",
           .is_json = true,
           .words = {"\"options\""},
           .seeds = settings_seeds,
           .read = read_settings}};
}

}  // namespace sharcs::internal::harnesses
