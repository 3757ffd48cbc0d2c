#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sharcs/tokenizer.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// One example of a task: a sentence or a pair of sentences, and what is known about it.
struct Sample {
  std::string text;                      ///< where words are given, these with spaces between them
  std::optional<std::string> pair = {};  ///< the second sentence, in a task of pairs
  std::optional<int> label = {};         ///< index into the task's labels; multi-label: bit i is label i; none: unknown
  std::vector<double> targets = {};      ///< regression: the numbers to be met, finite, one an output; empty: not known
  std::vector<std::string> words = {};   ///< of a text whose words are given; else empty
  std::vector<int> tags = {};            ///< token classification: the label of each word; empty: not known
  std::optional<std::vector<TextRange>> answers = {};  ///< of a question: which bytes of its context, `pair`, if any do
  std::optional<std::size_t> window = {};              ///< of a question: which part of the context a model reads
  std::size_t question = 0;                            ///< of a window: the place of its question in the data set
  std::optional<std::size_t> document = {};  ///< of a line of plain text: the number of its document in the file
  std::vector<std::int32_t> tokens = {};     ///< of a block of such lines: all that a model reads; else empty
  std::optional<int> difficulty = {};        ///< how hard the sentence is, where a column of the file says so
  std::string id = {};                       ///< the file's own index of the sample; empty when it has none
  std::size_t line = 0;                      ///< the line of the file where the sample starts, from 1; 0: from no file
};

struct BadLine {
  std::size_t line;     ///< that is no sample; 0 where a file has no lines
  std::string problem;  ///< "dev.tsv:7: unknown label …"
};

/// The samples of one file, in the file's order.
struct Dataset {
  std::string file;  ///< as it was given, for messages
  std::vector<Sample> samples;
  std::vector<std::string> notes;       ///< what the reader did and a user should know, as lines left out: a line each
  std::vector<BadLine> bad_lines = {};  ///< those that were left out with OnError::skip
  bool multi_label = false;             ///< whether a sample's label is a set of labels, a bit for each
  std::size_t size() const { return samples.size(); }
  bool empty() const { return samples.empty(); }
  /// Whether every sample has a label or targets. False when there are no samples.
  bool labelled() const;
};

/// Entry i counts the samples (words, where they have tags) of label i. Throws std::out_of_range beyond `labels`.
std::vector<std::size_t> label_counts(const Dataset& dataset, std::size_t labels);

enum class Split { train, dev, test };
std::string to_string(Split split);
struct SplitOptions {
  double dev_share = 0.1;  ///< share of the samples that becomes dev, in (0, 1)
  std::uint64_t seed = 1;
};
struct TrainAndDev {
  Dataset train, dev;
};
/// Splits labelled samples in two. Every label (multi-label: every combination) has the same share in both parts. Of
/// 180 negative and 20 positive samples, a dev_share of 0.1 takes 18 and 2. In general, n samples of a label give
/// round(n · dev_share) to dev, at least 1 and at most n − 1. A label's only sample stays in train. Targets (of
/// several: their sums) are sorted and cut into groups of about 1 / dev_share neighbours, each of which gives about one
/// sample; dev gets round(n · dev_share) of all n, as of tagged texts. Questions of one context stay together, as lines
/// of one document where there are several. The same samples and seed give the same split, in the file's order. Throws
/// DataError when a sample has no label or a part would be empty, ConfigError for another dev_share.
TrainAndDev split_stratified(const Dataset& dataset, const SplitOptions& options = {});

/// What to do with bytes that are not UTF-8, and with NUL bytes: refuse: DataError with the line; replace: each invalid
/// sequence becomes U+FFFD, and a note of the data set counts them.
enum class InvalidText { refuse, replace };
/// What to do with a line that is no sample, or an answer that is not where it is said to be: stop: DataError with the
/// line; skip: it is left out, and is one of the data set's bad_lines.
enum class OnError { stop, skip };

enum class TableFormat {
  by_extension,  ///< .tsv and .txt: tsv; .csv: csv; .jsonl, .ndjson and .json: json_lines; the same before .gz
  tsv,
  csv,
  json_lines,  ///< one JSON object a line
  fasttext,    ///< "__label__positive a gem": the columns "label" and "text"
  conll,       ///< a word a line and its tag in the last column, a blank line after each text
};

/// What a double quote means in a file.
enum class Quoting {
  automatic,  ///< rfc4180 for CSV, none for TSV
  none,       ///< a character like any other, as in GLUE's files and most TSV files of sentences
  rfc4180,    ///< "a, ""b""" is one cell: delimiters and line ends between quotes belong to it (RFC 4180)
};

/// Whether the first row of a file has the names of the columns.
enum class Header {
  automatic,  ///< yes when a column is given by name; otherwise the rows decide, and DataError when they cannot
  yes,
  no,
};
std::string to_string(TableFormat format);  // "by_extension", "tsv", "csv", "jsonl", "fasttext", "conll"
std::string to_string(Quoting quoting);     // "automatic", "none", "rfc4180"
std::string to_string(Header header);       // "automatic", "yes", "no"

struct ReadOptions {
  std::map<std::string, std::string> label_map = {};  ///< what file and task call a label: {"positive", "1"}
  bool needs_labels = true;  ///< false: a label that the task does not have is none, and a note of the data set says so
  InvalidText invalid_text = InvalidText::refuse;
  OnError on_error = OnError::stop;
  // In place of the task's own:
  std::optional<TableFormat> format = {};
  std::optional<Quoting> quoting = {};
  std::optional<Header> header = {};
  std::optional<char> delimiter = {};
};

/// The training file of your own data, and the dev file or how to split one off.
struct DataFiles {
  std::filesystem::path train;
  std::filesystem::path dev = {};  ///< empty: dev is split off the training file
  SplitOptions split = {};         ///< when dev is empty
  ReadOptions read = {};
};

/// A column of a file: by its name in the header (JSON Lines: the key), or by its position.
class Column {
 public:
  Column(std::string name) : where_(std::move(name)) {}    ///< by name
  Column(const char* name) : where_(std::string(name)) {}  ///< by name
  /// By position: Column::at(1) is the first column. Throws ConfigError for 0.
  static Column at(std::size_t position);
  /// For command lines: "3" is the third column, "text" the one of that name, "name:3" the one that is called 3. Throws
  /// ConfigError for "0".
  static Column parse(const std::string& text);

  /// Null when the column is given by position.
  const std::string* name() const { return std::get_if<std::string>(&where_); }
  /// Counted from 0. Only when name() is null.
  std::size_t index() const { return std::get<std::size_t>(where_); }
  bool operator==(const Column&) const = default;

 private:
  explicit Column(std::size_t index) : where_(index) {}
  std::variant<std::string, std::size_t> where_;
};

}  // namespace sharcs
