#include "data/sample_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/ascii.hpp"
#include "core/quote.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

TableFormat format_of(const TaskDefinition& task, const std::filesystem::path& file) {
  if (task.format != TableFormat::by_extension) return task.format;
  if (const auto format = format_of_extension(file)) return *format;
  if (task.of_glue) return TableFormat::tsv;
  if (file == "-")
    throw ConfigError("standard input: a table has a format; expected --format tsv, csv, jsonl or fasttext");
  throw ConfigError(
      file.string() + ": the extension " + quote(file.extension().string()) +
      " does not tell the format; expected .tsv, .txt, .csv, .jsonl, .ndjson or .json, or a format that is given");
}

/// The columns that may be paths through JSON objects.
std::vector<std::string> paths_of(const TaskDefinition& task) {
  std::vector<std::string> paths;
  for (const ColumnRole* role : {&task.text, &task.pair, &task.label, &task.id, &task.difficulty})
    for (const std::string& name : role->names)
      if (name.find('.') != std::string::npos) paths.push_back(name);
  return paths;
}

/// The integer that the text is, or nothing.
template <class Integer>
std::optional<Integer> parse_integer(std::string_view text) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string note_of(const LeftOut& left_out, const std::string& file, const std::string& why) {
  return file + ": left out " + std::to_string(left_out.count) + (left_out.count == 1 ? " line " : " lines ") + why +
         ", the first on line " + std::to_string(left_out.first_line);
}

/// Labels that are surely not meant as they stand: two that differ in case or as 1 and 1.0 do, and the "nan" that
/// pandas writes for a number that is missing. Whoever means them lists the labels.
void refuse_odd_labels(const std::string& file, const std::set<std::string>& labels) {
  std::map<std::string, std::string> of_spelling;
  std::size_t numbers = 0;
  for (const std::string& label : labels) {
    const std::optional<double> number = parse_number(label);
    numbers += number.has_value();
    const auto [other, is_new] = of_spelling.emplace(number ? fmt::format("{}", *number) : lower_case(label), label);
    if (!is_new)
      throw DataError(file + ": has the labels " + quote(other->second) + " and " + quote(label) +
                      "; expected one spelling (a label map joins them), or all labels to be listed");
  }
  const auto missing = of_spelling.find("nan");
  if (missing != of_spelling.end() && numbers > 0 && numbers + 1 == labels.size())
    throw DataError(file + ": has the label " + quote(missing->second) +
                    " among numbers; expected a class on each line, or all labels to be listed");
}

}  // namespace

void LeftOut::add(std::size_t line, std::string what) {
  if (count++ > 0) return;
  first_line = line;
  problem = std::move(what);
}

TableForm table_form(const TaskDefinition& task, const std::filesystem::path& file, const ReadOptions& options) {
  const char delimiter = task.delimiter;
  if (delimiter == '"' || delimiter == '\n' || delimiter == '\r' || static_cast<unsigned char>(delimiter) > 127)
    throw ConfigError("the delimiter is " + quote(std::string_view(&delimiter, 1)) +
                      "; expected one character of ASCII, neither a quotation mark nor a line end");
  const TableFormat format = format_of(task, file);
  Quoting quoting = task.quoting;
  if (quoting == Quoting::automatic) quoting = format == TableFormat::csv ? Quoting::rfc4180 : Quoting::none;
  return {.format = format,
          .quoting = quoting,
          .invalid_text = options.invalid_text,
          .delimiter = task.delimiter,
          .keeps_bad_rows = options.on_error == OnError::skip,
          .paths = paths_of(task),
          .several_labels = task.kind == TaskKind::multi_label || task.is_multi_output()};
}

Table open_table(const TaskDefinition& task, const std::filesystem::path& file, const ReadOptions& options) {
  return {file, table_form(task, file, options)};
}

std::optional<TableFormat> format_of_extension(const std::filesystem::path& file) {
  static const std::map<std::string, TableFormat> of_extension = {
      {".tsv", TableFormat::tsv},          {".txt", TableFormat::tsv},           {".csv", TableFormat::csv},
      {".jsonl", TableFormat::json_lines}, {".ndjson", TableFormat::json_lines}, {".json", TableFormat::json_lines}};
  std::string extension = lower_case(file.extension().string());
  if (extension == ".gz") extension = lower_case(file.stem().extension().string());
  const auto found = of_extension.find(extension);
  return found == of_extension.end() ? std::nullopt : std::optional(found->second);
}

Dataset SampleReader::read() const {
  if (layout_.first_row >= table_.rows())
    throw DataError(table_.file() + ": has a header but no data; expected at least one line after it");
  RowsRead rows;
  rows.samples.reserve(table_.rows() - layout_.first_row);
  read_rows(rows);
  if (!rows.problem.empty()) throw DataError(rows.problem);
  rows.check(table_.file(), task_);
  Dataset dataset;
  dataset.file = table_.file();
  dataset.multi_label = task_.kind == TaskKind::multi_label;
  dataset.samples = std::move(rows.samples);
  dataset.bad_lines = std::move(rows.bad_lines);
  if (!rows.unknown_label.empty())
    for (Sample& sample : dataset.samples) sample.label.reset(), sample.targets.clear();
  dataset.notes = table_.notes();
  for (std::string& note : rows.notes(table_.file(), task_)) dataset.notes.push_back(std::move(note));
  return dataset;
}

void SampleReader::read_rows(RowsRead& rows) const {
  rows.rows += table_.rows();
  for (std::size_t row = layout_.first_row; row < table_.rows(); ++row) {
    if (task_.leave_out_broken_rows && has_wrong_columns(row)) {
      rows.broken.add(table_.line(row), wrong_columns(row));
      continue;
    }
    if (!has_wrong_columns(row) && is_marked_unlabelled(row)) {
      rows.unlabelled.add(table_.line(row));
      continue;
    }
    try {
      rows.samples.push_back(sample(row, rows.unknown_label));
      ++rows.sample_count;
    } catch (const DataError& error) {
      if (on_error_ == OnError::stop) {
        rows.problem = error.what();
        return;
      }
      rows.bad_lines.push_back({table_.line(row), error.what()});
    }
  }
}

void RowsRead::check(const std::string& file, const TaskDefinition& task) const {
  // QQP's file has a few broken lines. More of them: this is another file.
  const bool too_many_broken = broken.count > 10 + rows / 100;
  if (broken.count > 0 && (too_many_broken || sample_count == 0))
    throw DataError(file + ":" + std::to_string(broken.first_line) + ": " + broken.problem);
  if (sample_count == 0 && !bad_lines.empty())
    throw DataError(bad_lines.front().problem + "; no other line can be read, either");
  if (sample_count == 0 && unlabelled.count > 0)
    throw DataError(file + ": every line has the label " + quote(task.unlabelled_mark));
}

std::vector<std::string> RowsRead::notes(const std::string& file, const TaskDefinition& task) const {
  std::vector<std::string> notes;
  if (!unknown_label.empty()) notes.push_back("the labels were not compared: " + unknown_label);
  if (broken.count > 0)
    notes.push_back(note_of(broken, file, "with a wrong number of columns (" + broken.problem + ")"));
  if (unlabelled.count > 0)
    notes.push_back(note_of(unlabelled, file, "with " + quote(task.unlabelled_mark) + " in place of a label"));
  return notes;
}

std::string SampleReader::wrong_columns(std::size_t row) const {
  return "expected " + layout_.expected() + ", found " + std::to_string(table_.columns(row));
}

std::vector<std::string> SampleReader::find_labels() const {
  if (task_.kind == TaskKind::regression) return find_outputs();
  std::set<std::string> found;
  for (std::size_t row = layout_.first_row; row < table_.rows(); ++row) {
    if (has_wrong_columns(row) || table_.problem(row) != nullptr) continue;
    try {
      for (const std::string& label : labels_of(row)) {
        const auto meant = task_.label_map.find(label);
        found.insert(meant == task_.label_map.end() ? label : meant->second);
      }
    } catch (const DataError&) {
      if (on_error_ == OnError::stop) throw;
    }
  }
  found.erase(std::string());
  const std::size_t rows = table_.rows() - layout_.first_row;
  if (rows > 50 && found.size() > rows / 2)
    throw DataError(table_.file() + ": " + std::to_string(found.size()) + " different labels in " +
                    std::to_string(rows) + " lines; expected classes (for numbers, choose regression)");
  refuse_odd_labels(table_.file(), found);
  std::vector<std::string> labels(found.begin(), found.end());
  const auto number = parse_integer<long long>;
  if (std::all_of(labels.begin(), labels.end(), number))
    std::stable_sort(labels.begin(), labels.end(),
                     [&](const std::string& a, const std::string& b) { return *number(a) < *number(b); });
  return labels;
}

std::vector<std::string> SampleReader::find_outputs() const {
  for (std::size_t row = layout_.first_row; row < table_.rows(); ++row) {
    if (has_wrong_columns(row) || table_.problem(row) != nullptr || !table_.is_nested(row, *layout_.label)) continue;
    try {
      const std::size_t count = labels_of(row).size();
      std::vector<std::string> names;
      for (std::size_t i = 0; i < count && count > 1; ++i) names.push_back(std::to_string(i));
      if (count > 0) return names;
    } catch (const DataError&) {
      if (on_error_ == OnError::stop) throw;
    }
  }
  return {};
}

std::vector<std::string> SampleReader::labels_of(std::size_t row) const {
  const std::size_t column = *layout_.label;
  const bool is_one_number =
      task_.kind == TaskKind::regression && task_.labels.empty() && !table_.is_nested(row, column);
  if (task_.kind == TaskKind::classification || is_one_number) return {std::string(cell(row, column, "label"))};
  const std::string_view text = trimmed(table_.cell(row, column));
  const auto fail = [&](const std::string& problem) {
    table_.fail(table_.line(row), (task_.kind == TaskKind::regression ? "the targets under " : "the labels under ") +
                                      quote(column_name(column)) + " " + problem);
  };
  std::vector<std::string> labels;
  if (table_.is_nested(row, column)) {
    const nlohmann::json list = nlohmann::json::parse(text);
    if (!list.is_array()) fail("are an object; expected a list of labels");
    for (const nlohmann::json& label : list) {
      if (label.is_null() || label.is_structured())
        fail("have " + label.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "; expected a label");
      labels.emplace_back(label.is_string() ? std::string(trimmed(label.get_ref<const std::string&>())) : label.dump());
    }
  } else if (task_.format == TableFormat::fasttext) {
    constexpr std::string_view prefix = "__label__";
    for (const std::string_view word : labels_in_cell(text, ' '))
      if (word.size() > prefix.size()) labels.emplace_back(word.substr(prefix.size()));
  } else {
    for (const std::string_view label : labels_in_cell(text, task_.label_separator)) labels.emplace_back(label);
  }
  for (const std::string& label : labels)
    if (label.empty()) fail("are " + quote(text) + ", with an empty one between the others; expected labels");
  return labels;
}

bool SampleReader::is_marked_unlabelled(std::size_t row) const {
  return layout_.label && !task_.unlabelled_mark.empty() &&
         trimmed(table_.cell(row, *layout_.label)) == task_.unlabelled_mark;
}

std::string SampleReader::column_name(std::size_t column) const {
  return table_.has_keys() ? table_.keys()[column] : layout_.column_names[column];
}

std::string_view SampleReader::cell(std::size_t row, std::size_t column, const char* role) const {
  if (table_.is_nested(row, column))
    table_.fail(table_.line(row), "the " + std::string(role) + " " + quote(column_name(column)) +
                                      " is a list or an object; expected text");
  return trimmed(table_.cell(row, column));
}

std::string SampleReader::text(std::size_t row, std::size_t column) const {
  if (cell(row, column, "text").empty() && !task_.keep_empty_text)
    table_.fail(table_.line(row),
                (table_.has_keys() ? "no text under " : "no text in column ") + quote(column_name(column)));
  return std::string(table_.cell(row, column));
}

int SampleReader::difficulty(std::size_t row) const {
  const std::string_view level = cell(row, *layout_.difficulty, "difficulty");
  const std::optional<int> value = parse_integer<int>(level);
  if (!value) table_.fail(table_.line(row), "the difficulty is " + quote(level) + "; expected an integer");
  return *value;
}

void SampleReader::read_label_set(std::size_t row, Sample& sample) const {
  const std::string_view text = trimmed(table_.cell(row, *layout_.label));
  // An empty cell of a table says that none of the labels holds. In JSON and fastText's lines it was not there at all.
  if (text.empty() && split_ == Split::test) return;
  if (text.empty() && table_.has_keys())
    table_.fail(sample.line, "no labels under " + quote(column_name(*layout_.label)) +
                                 (task_.format == TableFormat::fasttext ? "" : "; expected a list, [] for none"));
  int set = 0;
  for (const std::string& name : labels_of(row)) {
    const std::optional<int> label = task_.find_label(name);
    if (!label) table_.fail(sample.line, "unknown label " + quote(name) + "; expected some of " + task_.known_labels());
    set |= 1 << *label;
  }
  sample.label = set;
}

void SampleReader::read_label(std::size_t row, Sample& sample, std::string& unknown) const {
  if (!task_.needs_labels) {
    // A caller that has no use for the labels reads on without them.
    if (!unknown.empty()) return;
    try {
      read_needed_label(row, sample);
    } catch (const DataError& error) {
      unknown = error.what();
    }
    return;
  }
  read_needed_label(row, sample);
}

void SampleReader::read_needed_label(std::size_t row, Sample& sample) const {
  if (task_.kind == TaskKind::multi_label) return read_label_set(row, sample);
  const bool is_class = task_.kind == TaskKind::classification;
  const std::string_view label =
      is_class ? cell(row, *layout_.label, "label") : trimmed(table_.cell(row, *layout_.label));
  // Test sets are also met with the column but without the labels: it is then empty or −1. In one's own data −1 can be
  // a class or a target.
  if (split_ == Split::test) {
    if (label.empty()) return;
    if (label == "-1" && (is_class ? !task_.find_label(label) : task_.target_range.has_value())) return;
  }
  if (label.empty()) table_.fail(sample.line, "no label in column " + quote(column_name(*layout_.label)));
  if (!is_class) {
    read_targets(row, sample);
    return;
  }
  sample.label = task_.find_label(label);
  if (sample.label) return;
  // transformers calls classes so that nobody has named.
  const bool unnamed =
      std::ranges::all_of(task_.labels, [](const auto& known) { return known.word.starts_with("LABEL_"); });
  table_.fail(sample.line, "unknown label " + quote(label) + "; expected one of " + task_.known_labels() +
                               (unnamed ? " (a label map says which is which)" : ""));
}

void SampleReader::read_targets(std::size_t row, Sample& sample) const {
  const std::vector<std::string> numbers = labels_of(row);
  if (numbers.size() != task_.outputs()) {
    const std::string expected =
        task_.outputs() == 1 ? "one" : std::to_string(task_.outputs()) + ", " + task_.known_labels();
    table_.fail(sample.line, std::to_string(numbers.size()) + (numbers.size() == 1 ? " target" : " targets") +
                                 " under " + quote(column_name(*layout_.label)) + "; expected " + expected);
  }
  for (const std::string& number : numbers) sample.targets.push_back(target(row, number));
}

double SampleReader::target(std::size_t row, std::string_view cell) const {
  const std::optional<double> value = parse_number(cell);
  if (!value) table_.fail(table_.line(row), "the target is " + quote(cell) + "; expected a finite number");
  const auto& range = task_.target_range;
  if (range && (*value < range->low || *value > range->high))
    table_.fail(table_.line(row), "the target is " + std::string(cell) + "; expected " +
                                      std::to_string(static_cast<int>(range->low)) + " to " +
                                      std::to_string(static_cast<int>(range->high)));
  return *value;
}

Sample SampleReader::sample(std::size_t row, std::string& unknown) const {
  if (const std::string* problem = table_.problem(row)) throw DataError(*problem);
  if (has_wrong_columns(row)) table_.fail(table_.line(row), wrong_columns(row));
  Sample sample;
  sample.line = table_.line(row);
  sample.text = text(row, layout_.text);
  if (layout_.pair) sample.pair = text(row, *layout_.pair);
  if (layout_.label) read_label(row, sample, unknown);
  if (layout_.id) sample.id = cell(row, *layout_.id, "id");
  if (layout_.difficulty) sample.difficulty = difficulty(row);
  return sample;
}

}  // namespace sharcs::internal
