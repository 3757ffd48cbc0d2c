#include "data/tagged_texts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "core/ascii.hpp"
#include "core/quote.hpp"
#include "data/column_layout.hpp"
#include "data/sample_reader.hpp"
#include "data/tag_set.hpp"
#include "io/input_file.hpp"
#include "io/utf8.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

constexpr std::string_view blanks = " \t";
constexpr std::string_view document_mark = "-DOCSTART-";

std::string lower_extension(const std::filesystem::path& file) {
  std::string extension = file.extension().string();
  if (equal_ignoring_case(extension, ".gz")) extension = file.stem().extension().string();
  return lower_case(extension);
}

/// Whether the file is JSON Lines; else it is CoNLL's form. Throws ConfigError where nothing says it.
bool is_json(const TaskDefinition& task, const std::filesystem::path& file) {
  if (task.format == TableFormat::json_lines) return true;
  if (task.format == TableFormat::conll) return false;
  if (task.format != TableFormat::by_extension)
    throw ConfigError(file.string() + ": the format is " + to_string(task.format) +
                      "; expected conll or jsonl for texts whose words have tags");
  const auto format = format_of_extension(file);
  if (format == TableFormat::json_lines) return true;
  if (is_conll_name(file) || format == TableFormat::tsv) return false;
  throw ConfigError(input_name(file) +
                    ": the name does not tell the format; expected .conll, .bio, .iob, .txt, .tsv "
                    "or .jsonl, or a format that is given (conll or jsonl)");
}

/// The columns of a line, at its spaces and TABs, or at the delimiter.
std::vector<std::string_view> columns_of(std::string_view line, char delimiter) {
  std::vector<std::string_view> columns;
  if (delimiter != '\0') {
    for (;;) {
      const std::size_t end = line.find(delimiter);
      columns.push_back(trimmed(line.substr(0, end)));
      if (end == line.npos) return columns;
      line.remove_prefix(end + 1);
    }
  }
  for (std::size_t from = line.find_first_not_of(blanks); from != line.npos;) {
    const std::size_t end = std::min(line.find_first_of(blanks, from), line.size());
    columns.push_back(line.substr(from, end - from));
    from = line.find_first_not_of(blanks, end);
  }
  return columns;
}

/// Where a column that is given by position stands; `standard` where it has its usual name.
std::size_t position_of(const ColumnRole& role, const char* usual_name, std::size_t standard, const std::string& file) {
  if (role.position) return *role.position;
  if (role.names.front() != usual_name)
    throw ConfigError(file + ": column " + quote(role.names.front()) +
                      " is given by name; a file with a word a line has positions only");
  return standard;
}

/// At most how many texts CoNLL's form has: lines with something on them, after a blank one.
std::size_t count_texts(std::string_view content) {
  std::size_t count = 0;
  bool blank = true;
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = std::min(content.find('\n', at), content.size());
    const bool is_blank = trimmed(content.substr(at, end - at)).empty();
    count += blank && !is_blank;
    blank = is_blank;
    at = end + 1;
  }
  return count;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

bool is_conll_name(const std::filesystem::path& file) {
  static constexpr std::array<std::string_view, 8> known = {".conll", ".conll2003", ".bio", ".iob",
                                                            ".iob1",  ".iob2",      ".ner", ".bioes"};
  return std::ranges::find(known, lower_extension(file)) != known.end();
}

bool has_given_words(TableFormat format, const std::filesystem::path& file) {
  if (format != TableFormat::by_extension) return format == TableFormat::conll || format == TableFormat::json_lines;
  return is_conll_name(file) || format_of_extension(file) == TableFormat::json_lines;
}

TaggedTexts::TaggedTexts(const TaskDefinition& task, const std::filesystem::path& file, Split split,
                         const ReadOptions& options)
    : task_(task), path_(file), file_(input_name(file)), split_(split), on_error_(options.on_error) {
  if (is_json(task, file))
    read_json(options);
  else
    read_conll(options);
  if (texts_.empty() && !bad_lines_.empty())
    throw DataError(bad_lines_.front().problem + "; no other text can be read, either");
  if (texts_.empty()) throw DataError(file_ + ": has no words; expected at least one text");
  if (task.needs_labels) refuse_two_schemes();
}

void TaggedTexts::add(Sample text, const std::string& problem) {
  if (problem.empty()) {
    texts_.push_back(std::move(text));
    return;
  }
  if (on_error_ == OnError::stop) throw DataError(problem);
  bad_lines_.push_back({text.line, problem});
}

int TaggedTexts::number_of(std::string_view tag) {
  const auto known = tag_numbers_.find(tag);
  if (known != tag_numbers_.end()) return known->second;
  tags_.emplace_back(tag);
  return tag_numbers_[tags_.back()] = static_cast<int>(tags_.size()) - 1;
}

void TaggedTexts::read_conll(const ReadOptions& options) {
  if (task_.id.wanted() || task_.difficulty.wanted())
    throw ConfigError(file_ + ": a file with a word a line has no column for the id or the difficulty of a text");
  constexpr std::size_t last_column = std::string::npos;
  const std::size_t word_column = position_of(task_.text, "tokens", 0, file_);
  const std::size_t tag_column = position_of(task_.label, "ner_tags", last_column, file_);
  std::string content = read_input(path_);
  content.erase(0, byte_order_mark_size(content, file_));
  if (content.find('\n') == std::string::npos) std::ranges::replace(content, '\r', '\n');

  ReplacedText replaced;
  std::size_t columns = 0;  // that the first line with a word has
  is_conll_ = true;
  texts_.reserve(count_texts(content));
  Sample text;
  std::string problem;
  const auto end_text = [&] {
    if (!text.words.empty() || !problem.empty()) add(std::exchange(text, {}), std::exchange(problem, {}));
  };
  std::string_view rest = content;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const std::size_t end = rest.find('\n');
    std::string row(rest.substr(0, end));
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    if (trimmed(row).empty()) {
      end_text();
      continue;
    }
    if (row.ends_with('\r')) row.pop_back();
    const auto fail = [&](const std::string& what) {
      if (text.words.empty() && problem.empty()) text.line = line;
      if (problem.empty()) problem = at(line) + what;
      if (on_error_ == OnError::stop) throw DataError(problem);
    };
    if (const std::size_t invalid = find_invalid_text(row); invalid != row.npos) {
      if (options.invalid_text == InvalidText::refuse) {
        fail(invalid_text_message(row, invalid));
        continue;
      }
      if (replaced.count == 0) replaced.first_line = line;
      replaced.count += replace_invalid_text(row);
    }
    const std::vector<std::string_view> cells = columns_of(row, task_.delimiter);
    if (cells.front() == document_mark) {
      end_text();
      continue;
    }
    if (columns == 0) columns = cells.size();
    const bool needs_tag = split_ != Split::test;
    const std::size_t least = std::max(word_column, tag_column == last_column ? 0 : tag_column) + 1;
    if (cells.size() != columns || cells.size() < (needs_tag ? std::max<std::size_t>(least, 2) : word_column + 1)) {
      fail("expected " + (cells.size() != columns ? counted_columns(columns) : std::string("a word and its tag")) +
           ", found " + counted_columns(cells.size()));
      continue;
    }
    if (text.words.empty() && problem.empty()) text.line = line;
    const std::size_t place = tag_column == last_column ? cells.size() - 1 : tag_column;
    const bool has_tag = place < cells.size() && place != word_column;
    if (cells[word_column].empty() || (has_tag && cells[place].empty())) {
      fail(std::string("the ") + (cells[word_column].empty() ? "word" : "tag") + " is empty");
      continue;
    }
    text.words.emplace_back(cells[word_column]);
    if (has_tag) text.tags.push_back(number_of(cells[place]));
  }
  end_text();
  if (replaced.count > 0) notes_.push_back(replaced.note(file_));
}

std::vector<std::string> TaggedTexts::words_in(std::size_t line, std::string_view json, const std::string& what) const {
  const auto fail = [&](const std::string& found, const std::string& expected) {
    throw DataError(at(line) + quote(what) + " " + found + "; expected " + expected);
  };
  const nlohmann::json list = nlohmann::json::parse(json, nullptr, false);
  if (!list.is_array()) fail("is no list", "a list of texts");
  std::vector<std::string> words;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const nlohmann::json& element = list[i];
    if (element.is_number_integer())
      fail("has the number " + element.dump() + " in place " + std::to_string(i),
           "texts, as in \"B-PER\" (numbers do not say which tags they are)");
    if (!element.is_string())
      fail("has " + element.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(0, 100) +
               " in place " + std::to_string(i),
           "a text");
    const std::string& word = element.get_ref<const std::string&>();
    if (trimmed(word).empty() || word.find_first_of("\t\n\r") != word.npos)
      fail("has " + quote(word) + " in place " + std::to_string(i), "a text without TABs and line ends");
    words.push_back(word);
  }
  return words;
}

void TaggedTexts::read_json(const ReadOptions& options) {
  std::vector<std::string> paths;
  for (const ColumnRole* role : {&task_.text, &task_.label, &task_.id, &task_.difficulty}) {
    if (role->position) throw ConfigError(file_ + ": JSON Lines have no positions; give columns by name");
    for (const std::string& name : role->names)
      if (name.find('.') != std::string::npos) paths.push_back(name);
  }
  const Table table(path_, {.format = TableFormat::json_lines,
                            .invalid_text = options.invalid_text,
                            .keeps_bad_rows = on_error_ == OnError::skip,
                            .paths = paths});
  notes_ = table.notes();
  const ColumnNames names = ColumnNames::of(table);
  const auto find = [&](const ColumnRole& role, bool required) -> std::optional<std::size_t> {
    if (!role.wanted()) return std::nullopt;
    const auto found = names.find(role);
    if (!found && required) names.fail_without(role.names.front());
    return found;
  };
  const std::size_t words = *find(task_.text, true);
  const auto tags = find(task_.label, split_ != Split::test);
  const auto id = find(task_.id, true), difficulty = find(task_.difficulty, true);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    Sample text;
    text.line = table.line(row);
    std::string problem;
    try {
      if (table.problem(row) != nullptr) throw DataError(*table.problem(row));
      const auto read = [&](std::size_t column) {
        if (!table.is_nested(row, column))
          throw DataError(at(text.line) + quote(table.keys()[column]) +
                          (table.cell(row, column).empty() ? " is absent" : " is no list") +
                          "; expected a list of texts");
        return words_in(text.line, table.cell(row, column), table.keys()[column]);
      };
      text.words = read(words);
      if (text.words.empty())
        throw DataError(at(text.line) + quote(table.keys()[words]) + " is empty; expected at least one word");
      const bool has_tags = tags && (split_ != Split::test || table.is_nested(row, *tags));
      if (has_tags)
        for (const std::string& tag : read(*tags)) text.tags.push_back(number_of(tag));
      if (has_tags && text.tags.size() != text.words.size())
        throw DataError(at(text.line) + std::to_string(text.tags.size()) + " tags under " + quote(table.keys()[*tags]) +
                        " for " + std::to_string(text.words.size()) + " words");
      if (id) text.id = trimmed(table.cell(row, *id));
      if (difficulty) {
        const auto level = parse_number(trimmed(table.cell(row, *difficulty)));
        if (!level || std::abs(*level) > 1e9 || *level != std::trunc(*level))
          throw DataError(at(text.line) + "the difficulty is " + quote(table.cell(row, *difficulty)) +
                          "; expected an integer");
        text.difficulty = static_cast<int>(*level);
      }
    } catch (const DataError& error) {
      problem = error.what();
    }
    add(std::move(text), problem);
  }
}

void TaggedTexts::refuse_two_schemes() const {
  // In IOB1 a B stands only where an entity follows another one of its type; in IOB2 it begins each.
  std::string as_iob1, as_iob2;
  std::vector<Tag> parts;
  for (std::size_t tag = 0; tag < tags_.size(); ++tag) parts.push_back(parse_tag(meant(static_cast<int>(tag))));
  const Tag outside = {'O', ""};
  for (const Sample& text : texts_) {
    const Tag* before = &outside;
    for (std::size_t i = 0; i < text.tags.size(); ++i) {
      const Tag& tag = parts[static_cast<std::size_t>(text.tags[i])];
      if (tag.prefix != 'O' && tag.prefix != 'B' && tag.prefix != 'I') return;  // another scheme
      const bool goes_on = before->prefix != 'O' && before->type == tag.type;
      std::string& first = tag.prefix == 'I' ? as_iob1 : as_iob2;
      if (tag.prefix != 'O' && !goes_on && first.empty())
        first = quote(tags_[static_cast<std::size_t>(text.tags[i])]) + " begins an entity on line " +
                std::to_string(line_of(text, i));
      before = &tag;
    }
  }
  if (!as_iob1.empty() && !as_iob2.empty())
    throw DataError(file_ + ": " + as_iob2 + ", and " + as_iob1 +
                    "; expected one scheme, IOB2 (each begins with B) or IOB1 (with I)");
}

const std::string& TaggedTexts::meant(int tag) const {
  const std::string& written = tags_[static_cast<std::size_t>(tag)];
  const auto found = task_.label_map.find(written);
  return found == task_.label_map.end() ? written : found->second;
}

std::vector<std::string> TaggedTexts::find_tags() const {
  std::set<std::string> tags;
  std::size_t words = 0;
  for (const Sample& text : texts_) {
    words += text.words.size();
    for (const int tag : text.tags) tags.insert(meant(tag));
  }
  if (words > 50 && tags.size() > words / 2)
    throw DataError(file_ + ": " + std::to_string(tags.size()) + " different tags of " + std::to_string(words) +
                    " words; expected the tag in the last column");
  return {tags.begin(), tags.end()};
}

Dataset TaggedTexts::read() {
  std::map<std::string_view, int> labels;
  for (std::size_t i = 0; i < task_.labels.size(); ++i) labels.emplace(task_.labels[i].name, static_cast<int>(i));
  std::vector<int> label_of_tag;  // −1: the task has none of that name
  for (std::size_t tag = 0; tag < tags_.size(); ++tag) {
    const auto found = labels.find(meant(static_cast<int>(tag)));
    label_of_tag.push_back(found == labels.end() ? -1 : found->second);
  }
  Dataset dataset;
  dataset.file = file_;
  dataset.notes = std::move(notes_);
  dataset.bad_lines = std::move(bad_lines_);
  std::string unknown;
  std::size_t kept = 0;
  for (Sample& text : texts_) {
    std::string problem;
    for (std::size_t i = 0; i < text.tags.size(); ++i) {
      const auto tag = static_cast<std::size_t>(text.tags[i]);
      text.tags[i] = label_of_tag[tag];
      if (text.tags[i] < 0 && problem.empty())
        problem =
            at(line_of(text, i)) + "unknown tag " + quote(tags_[tag]) + "; expected one of " + task_.known_labels();
    }
    if (!problem.empty() && task_.needs_labels) {
      if (on_error_ == OnError::stop) throw DataError(problem);
      dataset.bad_lines.push_back({text.line, problem});
      continue;
    }
    if (unknown.empty()) unknown = problem;
    text.text = joined(text.words);
    if (&texts_[kept] != &text) texts_[kept] = std::move(text);
    ++kept;
  }
  texts_.resize(kept);
  dataset.samples = std::move(texts_);
  if (dataset.samples.empty())
    throw DataError(dataset.bad_lines.front().problem + "; no other text can be read, either");
  std::ranges::stable_sort(dataset.bad_lines, {}, &BadLine::line);
  if (unknown.empty()) return dataset;
  for (Sample& sample : dataset.samples) sample.tags.clear();
  dataset.notes.push_back("the tags were not compared: " + unknown);
  return dataset;
}

}  // namespace sharcs::internal
