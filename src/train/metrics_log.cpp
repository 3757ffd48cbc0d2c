#include "sharcs/metrics_log.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/append_file.hpp"
#include "core/file.hpp"
#include "core/json_reader.hpp"
#include "core/quote.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// JSON has neither NaN nor infinity.
ordered_json number(double value) { return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr); }

double share(std::int64_t samples, std::int64_t of) {
  return of > 0 ? static_cast<double>(samples) / static_cast<double>(of) : nan;
}

ordered_json metrics(const MetricMap& values) {
  ordered_json object = ordered_json::object();
  for (const auto& [name, value] : values) object[name] = number(value);
  return object;
}

/// Reads the keys of one object of a line. Every key of the schema must be there.
class Fields {
 public:
  Fields(const json& object, std::string place, std::string path)
      : object_(object), place_(std::move(place)), path_(std::move(path)) {
    if (!object_.is_object()) fail_at(path_.empty() ? path_ : path_.substr(0, path_.size() - 1), object_, "an object");
  }

  double number(const std::string& key) const {
    const json& found = at(key, "a number or null");
    if (found.is_null()) return nan;
    if (!found.is_number()) fail_at(path_ + key, found, "a number or null");
    return found.get<double>();
  }

  std::int64_t count(const std::string& key) const { return count(at(key, "an integer ≥ 0"), path_ + key); }

  bool flag(const std::string& key) const {
    const json& found = at(key, "true or false");
    if (!found.is_boolean()) fail_at(path_ + key, found, "true or false");
    return found.get<bool>();
  }

  std::string text(const std::string& key) const {
    const json& found = at(key, "a text");
    if (!found.is_string()) fail_at(path_ + key, found, "a text");
    return found.get<std::string>();
  }

  Fields object(const std::string& key) const { return {at(key, "an object"), place_, path_ + key + "."}; }

  MetricMap metrics(const std::string& key) const {
    const Fields fields = object(key);
    MetricMap values;
    for (const auto& [name, value] : fields.object_.items()) values[name] = fields.number(name);
    return values;
  }

  /// read(fields of element) for each element of an array of objects.
  template <class Read>
  auto each(const std::string& key, const Read& read) const {
    std::vector<decltype(read(*this))> elements;
    const json& found = array(key);
    for (std::size_t i = 0; i < found.size(); ++i)
      elements.push_back(read(Fields(found[i], place_, path_ + key + "[" + std::to_string(i) + "].")));
    return elements;
  }

  std::vector<std::vector<std::int64_t>> counts(const std::string& key, std::size_t size) const {
    const json& rows = array(key);
    std::vector<std::vector<std::int64_t>> counts;
    const std::string expected = std::to_string(size) + " rows of " + std::to_string(size) + " integers ≥ 0, or none";
    if (!rows.empty() && rows.size() != size) fail_at(path_ + key, rows, expected);
    for (const json& row : rows) {
      if (!row.is_array() || row.size() != size) fail_at(path_ + key, rows, expected);
      counts.emplace_back();
      for (const json& element : row) counts.back().push_back(count(element, path_ + key));
    }
    return counts;
  }

 private:
  const json& at(const std::string& key, const std::string& expected) const {
    const auto found = object_.find(key);
    if (found == object_.end()) throw DataError(place_ + ": \"" + path_ + key + "\" is absent; expected " + expected);
    return *found;
  }

  const json& array(const std::string& key) const {
    const json& found = at(key, "a list");
    if (!found.is_array()) fail_at(path_ + key, found, "a list");
    return found;
  }

  std::int64_t count(const json& found, const std::string& path) const {
    if (!found.is_number_integer() || found < 0 || found > std::numeric_limits<std::int64_t>::max())
      fail_at(path, found, "an integer ≥ 0");
    return found.get<std::int64_t>();
  }

  [[noreturn]] void fail_at(const std::string& path, const json& found, const std::string& expected) const {
    std::string text = found.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() > 60) text = "a long " + std::string(found.type_name());
    throw DataError(place_ + ": " + (path.empty() ? "the line" : "\"" + path + "\"") + " is " + text + "; expected " +
                    expected);
  }

  const json& object_;
  std::string place_;
  std::string path_;
};

CalibrationBin read_bin(const Fields& fields) {
  return {.low = fields.number("low"),
          .high = fields.number("high"),
          .samples = fields.count("samples"),
          .predicted = fields.number("predicted"),
          .right = fields.number("right")};
}

WidthTraining read_width_training(const Fields& fields) {
  return {.width = fields.number("width"),
          .samples = fields.count("samples"),
          .labelled = fields.count("labelled"),
          .loss_task = fields.number("loss_task"),
          .loss_router = fields.number("loss_router")};
}

WidthEvaluation read_width_evaluation(const Fields& fields) {
  return {.width = fields.number("width"),
          .samples = fields.count("samples"),
          .cost_fraction = fields.number("cost_fraction"),
          .routed = fields.metrics("routed"),
          .all = fields.metrics("all"),
          .calibration = fields.each("calibration", read_bin)};
}

EvaluationRecord read_evaluation(const Fields& fields) {
  return {.name = fields.text("name"),
          .samples = fields.count("samples"),
          .routed = fields.metrics("routed"),
          .full = fields.metrics("full"),
          .cost_fraction = fields.number("cost_fraction"),
          .seconds_routed = fields.number("seconds_routed"),
          .seconds_full = fields.number("seconds_full"),
          .widths = fields.each("widths", read_width_evaluation)};
}

ordered_json bin_json(const CalibrationBin& bin) {
  return {{"low", bin.low},
          {"high", bin.high},
          {"samples", bin.samples},
          {"predicted", number(bin.predicted)},
          {"right", number(bin.right)}};
}

ordered_json evaluation_json(const EvaluationRecord& evaluation) {
  ordered_json widths = ordered_json::array();
  for (const WidthEvaluation& width : evaluation.widths) {
    ordered_json calibration = ordered_json::array();
    for (const CalibrationBin& bin : width.calibration) calibration.push_back(bin_json(bin));
    widths.push_back({{"width", width.width},
                      {"samples", width.samples},
                      {"share", number(share(width.samples, evaluation.samples))},
                      {"cost_fraction", number(width.cost_fraction)},
                      {"routed", metrics(width.routed)},
                      {"all", metrics(width.all)},
                      {"calibration", std::move(calibration)}});
  }
  return {{"name", evaluation.name},
          {"samples", evaluation.samples},
          {"routed", metrics(evaluation.routed)},
          {"full", metrics(evaluation.full)},
          {"cost_fraction", number(evaluation.cost_fraction)},
          {"seconds_routed", number(evaluation.seconds_routed)},
          {"seconds_full", number(evaluation.seconds_full)},
          {"widths", std::move(widths)}};
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

std::vector<CalibrationBin> calibration_bins(const std::vector<double>& probabilities, const std::vector<int>& right,
                                             int bins) {
  if (bins < 1) throw ShapeError("calibration in " + std::to_string(bins) + " bins; expected at least 1");
  if (probabilities.size() != right.size())
    throw ShapeError("calibration of " + std::to_string(probabilities.size()) + " probabilities against " +
                     std::to_string(right.size()) + " outcomes; expected as many");
  std::vector<CalibrationBin> result(static_cast<std::size_t>(bins));
  for (int i = 0; i < bins; ++i) {
    CalibrationBin& bin = result[static_cast<std::size_t>(i)];
    bin.low = static_cast<double>(i) / bins;
    bin.high = static_cast<double>(i + 1) / bins;
  }
  for (std::size_t i = 0; i < right.size(); ++i) {
    const double p = probabilities[i];
    if (!(p >= 0 && p <= 1))
      throw ShapeError("calibration of probability " + short_number(p) + "; expected a number from 0 to 1");
    // The bounds as written decide, not p · bins, whose rounding can cross one.
    auto bin =
        std::upper_bound(result.begin(), result.end(), p, [](double x, const CalibrationBin& b) { return x < b.high; });
    if (bin == result.end()) --bin;
    ++bin->samples;
    bin->predicted += p;
    bin->right += right[i] != 0;
  }
  for (CalibrationBin& bin : result) {
    const auto count = static_cast<double>(bin.samples);
    bin.predicted = bin.samples > 0 ? bin.predicted / count : nan;
    bin.right = bin.samples > 0 ? bin.right / count : nan;
  }
  return result;
}

std::string EpochRecord::to_json() const {
  std::int64_t trained = 0;
  for (const WidthTraining& width : widths) trained += width.samples;
  ordered_json train_widths = ordered_json::array();
  for (const WidthTraining& width : widths)
    train_widths.push_back({{"width", width.width},
                            {"samples", width.samples},
                            {"share", number(share(width.samples, trained))},
                            {"labelled", width.labelled},
                            {"loss_task", number(width.loss_task)},
                            {"loss_router", number(width.loss_router)}});
  ordered_json evaluation_list = ordered_json::array();
  for (const EvaluationRecord& evaluation : evaluations) evaluation_list.push_back(evaluation_json(evaluation));
  const ordered_json line = {
      {"schema", schema},
      {"epoch", epoch},
      {"settings", settings},
      {"full_width_only", full_width_only},
      {"steps", steps},
      {"total_steps", total_steps},
      {"samples", samples},
      {"tokens", tokens},
      {"seconds", number(seconds)},
      {"samples_per_second", number(samples_per_second())},
      {"tokens_per_second", number(tokens_per_second())},
      {"learning_rate", number(learning_rate)},
      {"score", number(score)},
      {"best", best},
      {"train",
       {{"loss_task", number(loss_task)}, {"loss_router", number(loss_router)}, {"widths", std::move(train_widths)}}},
      {"transitions", transitions},
      {"evaluations", std::move(evaluation_list)},
  };
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

EpochRecord EpochRecord::from_json(std::string_view line, const std::string& place) {
  const json parsed = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) throw DataError(place + ": not valid JSON: " + quote(line.substr(0, line.find('\n'))));
  const Fields fields(parsed, place, "");
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
  const Fields train = fields.object("train");
  record.loss_task = train.number("loss_task");
  record.loss_router = train.number("loss_router");
  record.widths = train.each("widths", read_width_training);
  record.transitions = fields.counts("transitions", record.widths.size());
  record.evaluations = fields.each("evaluations", read_evaluation);
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
