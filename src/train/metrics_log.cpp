#include "sharcs/metrics_log.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/json_fields.hpp"
#include "core/quote.hpp"
#include "eval/evaluation_record_json.hpp"
#include "io/append_file.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

WidthTraining read_width_training(const JsonFields& fields) {
  return {.width = fields.number("width"),
          .samples = fields.count("samples"),
          .labelled = fields.count("labelled"),
          .loss_task = fields.number("loss_task"),
          .loss_router = fields.number("loss_router")};
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
    // What a crash cuts off is cut inside the object, so it does not parse; a whole object that only lacks its line end
    // counts.
    if (torn && !json::accept(line)) break;
    const std::string place = name + ":" + std::to_string(number);
    lines.push_back({line, EpochRecord::from_json(line, place)});
    if (lines.size() > 1 && lines.back().record.epoch <= lines[lines.size() - 2].record.epoch)
      throw DataError(place + ": \"epoch\" is " + std::to_string(lines.back().record.epoch) + " after " +
                      std::to_string(lines[lines.size() - 2].record.epoch) + "; expected ascending epochs");
  }
  return lines;
}

}  // namespace

std::string EpochRecord::to_json() const {
  std::int64_t trained = 0;
  for (const WidthTraining& width : widths) trained += width.samples;
  ordered_json train_widths = ordered_json::array();
  for (const WidthTraining& width : widths)
    train_widths.push_back({{"width", width.width},
                            {"samples", width.samples},
                            {"share", finite_or_null(share_of(width.samples, trained))},
                            {"labelled", width.labelled},
                            {"loss_task", finite_or_null(width.loss_task)},
                            {"loss_router", finite_or_null(width.loss_router)}});
  ordered_json evaluation_list = ordered_json::array();
  for (const EvaluationRecord& evaluation : evaluations) evaluation_list.push_back(evaluation_record_json(evaluation));
  const ordered_json line = {
      {"schema", schema},
      {"epoch", epoch},
      {"settings", settings},
      {"full_width_only", full_width_only},
      {"steps", steps},
      {"total_steps", total_steps},
      {"samples", samples},
      {"tokens", tokens},
      {"seconds", finite_or_null(seconds)},
      {"samples_per_second", finite_or_null(samples_per_second())},
      {"tokens_per_second", finite_or_null(tokens_per_second())},
      {"learning_rate", finite_or_null(learning_rate)},
      {"score", finite_or_null(score)},
      {"best", best},
      {"train",
       {{"loss_task", finite_or_null(loss_task)},
        {"loss_router", finite_or_null(loss_router)},
        {"widths", std::move(train_widths)}}},
      {"transitions", transitions},
      {"evaluations", std::move(evaluation_list)},
  };
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

EpochRecord EpochRecord::from_json(std::string_view line, const std::string& place) {
  const json parsed = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) throw DataError(place + ": not valid JSON: " + quote(line.substr(0, line.find('\n'))));
  const JsonFields fields(parsed, place);
  if (const std::int64_t found = fields.count("schema"); found != schema)
    throw DataError(place + ": \"schema\" is " + std::to_string(found) + "; this program reads schema " +
                    std::to_string(schema));
  EpochRecord record;
  const std::int64_t number = fields.count("epoch");
  if (number < 1 || number > std::numeric_limits<int>::max())
    throw DataError(place + ": \"epoch\" is " + std::to_string(number) + "; expected an epoch from 1");
  record.epoch = static_cast<int>(number);
  record.settings = fields.text("settings");
  record.full_width_only = fields.flag("full_width_only");
  record.steps = fields.count("steps");
  record.total_steps = fields.count("total_steps");
  record.samples = fields.count("samples");
  record.tokens = fields.count("tokens");
  record.seconds = fields.number("seconds");
  record.learning_rate = fields.number("learning_rate");
  record.score = fields.number("score");
  record.best = fields.flag("best");
  const JsonFields train = fields.object("train");
  record.loss_task = train.number("loss_task");
  record.loss_router = train.number("loss_router");
  record.widths = train.each("widths", read_width_training);
  record.transitions = fields.square("transitions", record.widths.size());
  record.evaluations = fields.each("evaluations", read_evaluation_record);
  return record;
}

std::vector<EpochRecord> read_metrics(const std::filesystem::path& file) {
  const std::string text = read_text_file(file);
  std::vector<EpochRecord> records;
  for (Line& line : lines_of(text, file.string())) records.push_back(std::move(line.record));
  return records;
}

MetricsLog::MetricsLog(const std::filesystem::path& file, int finished_epochs) {
  std::error_code unknown;  // what cannot even be asked for fails below, with its reason
  if (std::filesystem::exists(file, unknown)) {
    const std::string text = finished_epochs > 0 ? read_text_file(file) : "";
    std::string kept;
    for (const Line& line : lines_of(text, file.string())) {
      if (line.record.epoch > finished_epochs) break;
      kept += line.text;
      if (kept.back() != '\n') kept += '\n';
    }
    if (finished_epochs <= 0 || kept != text) write_file_atomically(file, kept);
  }
  file_ = std::make_unique<AppendFile>(file);
}

MetricsLog::~MetricsLog() = default;
MetricsLog::MetricsLog(MetricsLog&&) noexcept = default;
MetricsLog& MetricsLog::operator=(MetricsLog&&) noexcept = default;

void MetricsLog::append(const EpochRecord& record) {
  file_->append(record.to_json() + "\n");
  file_->flush_to_disk();
}

}  // namespace sharcs
