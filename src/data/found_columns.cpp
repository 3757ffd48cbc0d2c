#include "data/found_columns.hpp"

#include <optional>
#include <vector>

#include "core/quote.hpp"
#include "data/column_layout.hpp"
#include "data/sample_reader.hpp"

namespace sharcs::internal {
namespace {

/// Names that tell what a column is, the surest first.
const ColumnRole usual_texts = {.names = {"text", "sentence", "review", "review_text", "content", "comment", "message",
                                          "body", "document", "tweet", "utterance", "query", "question", "title"}};
const ColumnRole usual_labels = {.names = {"label", "labels", "class", "category", "target", "sentiment", "intent",
                                           "stars", "rating", "score", "polarity", "gold_label", "is_duplicate", "y"}};
const ColumnRole usual_firsts = {.names = {"sentence1", "premise", "question1", "text1", "text_a"}};
const ColumnRole usual_seconds = {.names = {"sentence2", "hypothesis", "question2", "text2", "text_b"}};

}  // namespace

TaskSpec with_found_columns(TaskSpec spec, const std::filesystem::path& file, const ReadOptions& options,
                            std::string& found) {
  found.clear();
  if (spec.header == Header::no) return spec;
  const TaskDefinition task = own_task(spec, spec.labels);
  const Table table = open_table(task, file, options);
  const ColumnNames names = ColumnNames::of(table);
  if (names.find(task.text) && names.find(task.label)) return spec;
  if (spec.kind == TaskKind::classification && names.find({.names = {"tokens"}}) &&
      names.find({.names = {"ner_tags"}})) {
    spec.kind = TaskKind::token_classification;
    found = file.string() + ": the words are \"tokens\", their tags \"ner_tags\"";
    return spec;
  }
  std::optional<std::size_t> text = names.find(usual_texts), label = names.find(usual_labels);
  const std::optional<std::size_t> first = names.find(usual_firsts), second = names.find(usual_seconds);
  if (first && second) text = first;
  if (names.all().size() == 2 && text.has_value() != label.has_value()) {
    if (text)
      label = 1 - *text;
    else
      text = 1 - *label;
  }
  if (!text || !label) {
    if (!names.all().empty() && names.all().front().starts_with("__label__"))
      table.fail(table.line(0), "begins with \"__label__\", as fastText's files do; expected --format fasttext");
    std::vector<std::string> all;
    for (const std::string& name : names.all()) all.push_back(quote(name));
    if (all.size() == 1 && names.all().front().find_first_of("\t,;|") != std::string::npos)
      table.fail(table.line(0), "is one column (" + all.front() + "); expected text and label; --delimiter says what " +
                                    "stands between columns");
    table.fail(table.line(0), "the names of the columns (" + listed(all) +
                                  ") do not tell text and label; give --text-column and --label-column, by position if "
                                  "there is no header (or --tags, where each line is a word and its tag)");
  }
  spec.text = names.all()[*text];
  spec.label = names.all()[*label];
  found = file.string() + ": the text is column " + quote(names.all()[*text]);
  if (first && second) {
    spec.pair = names.all()[*second];
    found += ", its pair " + quote(names.all()[*second]);
  }
  found += ", the label " + quote(names.all()[*label]);
  return spec;
}

}  // namespace sharcs::internal
