#include "data/question_texts.hpp"

#include <set>
#include <utility>

#include "core/quote.hpp"
#include "data/sample_reader.hpp"
#include "io/input_file.hpp"
#include "io/table.hpp"
#include "io/utf8.hpp"
#include "sharcs/error.hpp"
#include "text/unicode.hpp"

namespace sharcs::internal {
namespace {

/// Where the characters of a text begin.
class CharacterPlaces {
 public:
  explicit CharacterPlaces(std::string_view text) : text_(text) {
    for (std::size_t at = 0; at < text.size(); at += character_at(text, at).bytes) begins_.push_back(at);
  }

  /// The bytes of `answer`, which begins with character number `start`; refuses `place` where it does not stand there.
  TextRange range_of(const std::string& answer, std::size_t start, const JsonCursor& place) const {
    const std::size_t begin = start < begins_.size() ? begins_[start] : text_.size();
    if (answer.empty()) place.refuse("belongs to an empty answer; expected a text");
    if (text_.substr(begin, answer.size()) != answer)
      place.refuse("is " + std::to_string(start) + ", where the context has " +
                   quote(text_.substr(begin, answer.size()).substr(0, 60)) + "; expected the answer " +
                   quote(std::string_view(answer).substr(0, 60)));
    return {begin, begin + answer.size()};
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> begins_;
};

std::string text_at(const JsonCursor& place) {
  std::string text = place.get<std::string>();
  if (trimmed(text).empty()) place.refuse("is empty; expected a text");
  return text;
}

std::size_t offset_at(const JsonCursor& place) { return place.get<std::size_t>({.least = 0}); }

/// The answers of SQuAD's form, a list of objects, or of JSON Lines, an object of lists.
std::vector<TextRange> answers_at(const JsonCursor& answers, std::string_view context) {
  std::vector<TextRange> ranges;
  std::optional<CharacterPlaces> places;
  const auto add = [&](const JsonCursor& text, const JsonCursor& start) {
    if (!places) places.emplace(context);
    ranges.push_back(places->range_of(text.get<std::string>(), offset_at(start), start));
  };
  if (answers.is_object()) {
    const JsonCursor texts = answers["text"], starts = answers["answer_start"];
    starts.of_size(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) add(texts.element(i), starts.element(i));
    return ranges;
  }
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const JsonCursor answer = answers.element(i);
    add(answer["text"], answer["answer_start"]);
  }
  return ranges;
}

/// The JSON object that is all of the text, if it is one.
std::optional<nlohmann::json> object_in(std::string_view text) {
  if (find_too_deep(text) != text.npos) return std::nullopt;
  nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  if (!value.is_object()) return std::nullopt;
  return value;
}

std::string_view first_line(std::string_view text) { return trimmed(text.substr(0, text.find('\n'))); }

bool is_question(const nlohmann::json& object) { return object.contains("question") && object.contains("context"); }

}  // namespace

bool holds_questions(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error) || format_of_extension(file) != TableFormat::json_lines)
    return false;
  constexpr std::size_t enough = 1 << 20;
  std::string text;
  try {
    InputFile input(file);
    while (text.size() < enough && text.find('\n') == text.npos && input.read(text)) continue;
  } catch (const Error&) {
    return false;
  }
  bool asks = false, has_context = false, has_answers = false, is_squad = false;
  for_each_json_key(first_line(text), [&](const std::string& key, std::size_t depth) {
    asks = asks || (depth == 1 && key == "question");
    has_context = has_context || (depth == 1 && key == "context");
    has_answers = has_answers || (depth == 1 && key == "answers");
    is_squad = is_squad || (depth > 1 && key == "qas");
  });
  if ((asks && has_context && has_answers) || is_squad) return true;
  // With indentation the keys stand on lines of their own.
  const std::string_view begin = std::string_view(text).substr(0, enough);
  return begin.find("\"paragraphs\"") != begin.npos && begin.find("\"data\"") != begin.npos;
}

QuestionTexts::QuestionTexts(const TaskDefinition& task, const std::filesystem::path& file, Split split,
                             const ReadOptions& options)
    : task_(task), split_(split), on_error_(options.on_error) {
  questions_.file = input_name(file);
  if (task.format != TableFormat::by_extension && task.format != TableFormat::json_lines)
    throw ConfigError(questions_.file + ": the format is " + to_string(task.format) +
                      "; expected JSON as SQuAD's, or jsonl, for questions");
  std::string content = read_input(file);
  content.erase(0, byte_order_mark_size(content, questions_.file));
  if (options.invalid_text == InvalidText::replace)
    if (const std::size_t count = replace_invalid_utf8(content); count > 0)
      questions_.notes.push_back(questions_.file + ": replaced " + std::to_string(count) +
                                 (count == 1 ? " invalid sequence" : " invalid sequences") + " of bytes by U+FFFD");
  if (find_invalid_utf8(content) != content.npos) throw DataError(questions_.file + ": is not UTF-8 text");
  auto line = object_in(first_line(content));
  const bool has_lines = line ? is_question(*line) || !line->contains("data") : task.format == TableFormat::json_lines;
  if (has_lines)
    read_lines(content);
  else if (line && first_line(content).size() == trimmed(content).size())
    read_squad(JsonCursor(std::move(*line), questions_.file, JsonKind::data));
  else
    read_squad(JsonCursor::parse(content, questions_.file, JsonKind::data));
  if (questions_.empty() && !questions_.bad_lines.empty())
    throw DataError(questions_.bad_lines.front().problem + "; no other question can be read, either");
  if (questions_.empty()) throw DataError(questions_.file + ": has no questions; expected at least one");
}

template <class Read>
void QuestionTexts::add(std::size_t line, const Read& read) {
  try {
    Sample sample = read();
    sample.line = line;
    questions_.samples.push_back(std::move(sample));
  } catch (const DataError& error) {
    if (on_error_ == OnError::stop) throw;
    questions_.bad_lines.push_back({line, error.what()});
  }
}

Sample QuestionTexts::question(const JsonCursor& fields, const std::string& context) const {
  Sample sample = {.text = text_at(fields["question"]), .pair = context};
  if (const JsonCursor id = fields["id"]; id.present())
    sample.id = id.is_text() ? id.get<std::string>() : id.value().dump();
  const JsonCursor answers = fields["answers"];
  if (fields["is_impossible"].get_or(false))
    sample.answers.emplace();
  else if (answers.present())
    sample.answers = answers_at(answers, context);
  else if (needs_answers())
    answers.fail("a list of answers");
  return sample;
}

void QuestionTexts::read_squad(const JsonCursor& document) {
  const JsonCursor articles = document["data"];
  for (std::size_t a = 0; a < articles.size(); ++a) {
    const JsonCursor paragraphs = articles.element(a)["paragraphs"];
    for (std::size_t p = 0; p < paragraphs.size(); ++p) {
      const JsonCursor paragraph = paragraphs.element(p), asked = paragraph["qas"];
      for (std::size_t q = 0; q < asked.size(); ++q)
        add(0, [&] { return question(asked.element(q), text_at(paragraph["context"])); });
    }
  }
}

void QuestionTexts::read_lines(std::string_view content) {
  for (std::size_t line = 1; !content.empty(); ++line) {
    const std::size_t end = content.find('\n');
    const std::string_view row = trimmed(content.substr(0, end));
    content.remove_prefix(end == content.npos ? content.size() : end + 1);
    if (row.empty()) continue;
    add(line, [&] {
      const auto fields = JsonCursor::parse(row, questions_.file + ":" + std::to_string(line), JsonKind::data);
      return question(fields, text_at(fields["context"]));
    });
  }
}

}  // namespace sharcs::internal
