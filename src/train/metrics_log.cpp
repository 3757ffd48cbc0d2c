#include "train/metrics_log.hpp"

#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "core/quote.hpp"
#include "eval/evaluation_json.hpp"
#include "io/file.hpp"
#include "io/json_cursor.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

WidthTraining read_width_training(const JsonCursor& fields) {
  return {.width = fields["width"].number_or_nan(),
          .samples = read_count(fields["samples"]),
          .labelled = read_count(fields["labelled"]),
          .loss_task = fields["loss_task"].number_or_nan(),
          .loss_router = fields["loss_router"].number_or_nan()};
}

/// A row of counts for each width, or no rows.
std::vector<std::vector<std::int64_t>> read_transitions(const JsonCursor& rows, std::size_t widths) {
  if (!rows.list().empty() && rows.list().size() != widths)
    rows.fail(std::to_string(widths) + " rows of " + std::to_string(widths) + " integers ≥ 0, or none");
  return rows.each([&](const JsonCursor& row) { return row.of_size(widths).each(read_count); });
}

struct Line {
  std::string_view text;  // with its line end
  EpochRecord record;
};

std::vector<Line> lines_of(std::string_view text, const std::string& name) {
  std::vector<Line> lines;
  int number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    const bool torn = end == std::string_view::npos;
    const std::string_view line = text.substr(0, torn ? text.size() : end + 1);
    text.remove_prefix(line.size());
    // A line that a crash has cut off ends inside its object, so it does not parse. A whole object that only lacks its
    // line end counts.
    if (torn && !json::accept(line)) break;
    const std::string place = name + ":" + std::to_string(number);
    lines.push_back({line, parse_epoch_record(line, place)});
    if (lines.size() > 1 && lines.back().record.epoch <= lines[lines.size() - 2].record.epoch)
      throw DataError(place + ": \"epoch\" is " + std::to_string(lines.back().record.epoch) + " after " +
                      std::to_string(lines[lines.size() - 2].record.epoch) + "; expected ascending epochs");
  }
  return lines;
}

/// Cuts off what follows the line of epoch `finished_epochs`. Returns the file.
const std::filesystem::path& cut_after(const std::filesystem::path& file, int finished_epochs) {
  std::error_code unknown;  // when not even this can be asked, opening the file fails and says why
  if (!std::filesystem::exists(file, unknown)) return file;
  const std::string text = finished_epochs > 0 ? read_text_file(file) : "";
  std::string kept;
  for (const Line& line : lines_of(text, file.string())) {
    if (line.record.epoch > finished_epochs) break;
    kept += line.text;
    if (kept.back() != '\n') kept += '\n';
  }
  if (finished_epochs <= 0 || kept != text) write_file_atomically(file, kept);
  return file;
}

}  // namespace

std::string to_json_line(const EpochRecord& record) {
  std::int64_t trained = 0;
  for (const WidthTraining& width : record.widths) trained += width.samples;
  ordered_json train_widths = ordered_json::array();
  for (const WidthTraining& width : record.widths)
    train_widths.push_back({{"width", width.width},
                            {"samples", width.samples},
                            {"share", finite_or_null(share_of(width.samples, trained))},
                            {"labelled", width.labelled},
                            {"loss_task", finite_or_null(width.loss_task)},
                            {"loss_router", finite_or_null(width.loss_router)}});
  ordered_json evaluation_list = ordered_json::array();
  for (const Evaluation& evaluation : record.evaluations) evaluation_list.push_back(evaluation_json(evaluation));
  const ordered_json line = {
      {"schema", metrics_schema},
      {"epoch", record.epoch},
      {"settings", record.settings},
      {"full_width_only", record.full_width_only},
      {"steps", record.steps},
      {"total_steps", record.total_steps},
      {"samples", record.samples},
      {"tokens", record.tokens},
      {"seconds", finite_or_null(record.seconds)},
      {"samples_per_second", finite_or_null(record.samples_per_second())},
      {"tokens_per_second", finite_or_null(record.tokens_per_second())},
      {"learning_rate", finite_or_null(record.learning_rate)},
      {"score", finite_or_null(record.score)},
      {"best", record.best},
      {"train",
       {{"loss_task", finite_or_null(record.loss_task)},
        {"loss_router", finite_or_null(record.loss_router)},
        {"widths", std::move(train_widths)}}},
      {"transitions", record.transitions},
      {"evaluations", std::move(evaluation_list)},
  };
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

EpochRecord parse_epoch_record(std::string_view line, const std::string& place) {
  const bool too_deep = find_too_deep(line) != std::string_view::npos;
  json parsed = too_deep ? json() : json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (too_deep || parsed.is_discarded())
    throw DataError(place + ": not valid JSON: " + quote(line.substr(0, line.find('\n'))));
  const JsonCursor fields(std::move(parsed), place, JsonKind::data);
  if (const int found = fields["schema"].get<int>({.least = 0}); found != metrics_schema)
    fields["schema"].refuse("is " + std::to_string(found) + "; this program reads schema " +
                            std::to_string(metrics_schema));
  EpochRecord record;
  record.epoch = fields["epoch"].get<int>({.least = 1});
  record.settings = fields["settings"].get<std::string>();
  record.full_width_only = fields["full_width_only"].get<bool>();
  record.steps = read_count(fields["steps"]);
  record.total_steps = read_count(fields["total_steps"]);
  record.samples = read_count(fields["samples"]);
  record.tokens = read_count(fields["tokens"]);
  record.seconds = fields["seconds"].number_or_nan();
  record.learning_rate = fields["learning_rate"].number_or_nan();
  record.score = fields["score"].number_or_nan();
  record.best = fields["best"].get<bool>();
  const JsonCursor train = fields["train"];
  train.object();
  record.loss_task = train["loss_task"].number_or_nan();
  record.loss_router = train["loss_router"].number_or_nan();
  record.widths = train["widths"].each(read_width_training);
  record.transitions = read_transitions(fields["transitions"], record.widths.size());
  record.evaluations = fields["evaluations"].each(read_evaluation);
  return record;
}

std::vector<EpochRecord> read_metrics(const std::filesystem::path& file) {
  const std::string text = read_text_file(file);
  std::vector<EpochRecord> records;
  for (Line& line : lines_of(text, file.string())) records.push_back(std::move(line.record));
  return records;
}

MetricsLog::MetricsLog(const std::filesystem::path& file, int finished_epochs)
    : file_(cut_after(file, finished_epochs)) {}

void MetricsLog::append(const EpochRecord& record) {
  file_.append(to_json_line(record) + "\n");
  file_.flush_to_disk();
}

}  // namespace sharcs::internal
