#include "data/question_texts.hpp"

#include "fuzz/harness.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal::harnesses {
namespace {

/// The first byte says how the rest is read.
std::vector<std::string> seeds() {
  return {std::string(1, '\0') +
              R"({"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": "Le café", "qas": [{"id": "1", )"
              R"("question": "q", "answers": [{"text": "café", "answer_start": 3}]}]}]}]})",
          std::string(1, '\x01') +
              R"({"data": [{"paragraphs": [{"context": "x", "qas": [{"question": "q", "is_impossible": true}]}]}]})",
          std::string(1, '\x02') +
              R"({"id": "1", "question": "q", "context": "a b", "answers": {"text": ["b"], "answer_start": [2]}})" +
              "\n" + R"({"question": "q", "context": "a", "answers": {"text": [], "answer_start": []}})" + "\n",
          "\x08{\"question\": \"q\", \"context\": \"a\"}\n"};
}

void read(std::string_view input, const Scratch& scratch) {
  if (input.empty()) return;
  const auto how = static_cast<unsigned char>(input.front());
  const std::filesystem::path file = scratch.write("data.json", input.substr(1));
  holds_questions(file);
  const ReadOptions options = {.needs_labels = (how & 4) == 0,
                               .invalid_text = (how & 16) != 0 ? InvalidText::replace : InvalidText::refuse,
                               .on_error = (how & 8) != 0 ? OnError::skip : OnError::stop};
  Task::custom({.kind = TaskKind::question_answering})
      .read_file(file, (how & 1) != 0 ? Split::test : Split::train, options);
}

}  // namespace

std::vector<Harness> question_texts() {
  return {{.name = "question_texts",
           .file = "data.json",
           .words = {"data", "paragraphs", "context", "qas", "question", "answers", "text", "answer_start",
                     "is_impossible", "id"},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
