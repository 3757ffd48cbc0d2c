#include "fuzz/harness.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal::harnesses {
namespace {

/// The first byte says how the rest is read.
std::vector<std::string> seeds() {
  return {std::string(1, '\0') + "-DOCSTART- -X- O\n\nNew NNP B-LOC\nYork NNP I-LOC\n\nis VBZ O\n",
          "\x01"
          "Ada\tB-PER\r\n\r\nis\tO\r\n",
          "\x02{\"tokens\": [\"Ada\", \"is\"], \"ner_tags\": [\"B-PER\", \"O\"]}\n{\"tokens\": [\"x\"], \"ner_tags\": "
          "[3]}\n",
          "\x03{\"tokens\": [\"Ada\"]}\n",
          "\x04"
          "Ada\nis\n"};
}

void read(std::string_view input, const Scratch& scratch) {
  if (input.empty()) return;
  const auto how = static_cast<unsigned char>(input.front());
  const std::filesystem::path file = scratch.write("data", input.substr(1));
  const ReadOptions options = {.needs_labels = (how & 32) == 0,
                               .invalid_text = (how & 16) != 0 ? InvalidText::replace : InvalidText::refuse,
                               .on_error = (how & 8) != 0 ? OnError::skip : OnError::stop,
                               .format = (how & 2) != 0 ? TableFormat::json_lines : TableFormat::conll};
  const Task task = Task::custom(
      {.name = "names", .kind = TaskKind::token_classification, .labels = {"B-LOC", "B-PER", "I-LOC", "I-PER", "O"}});
  task.read_file(file, (how & 5) != 0 ? Split::test : Split::train, options);
}

}  // namespace

std::vector<Harness> tagged_texts() {
  return {{.name = "tagged_texts",
           .file = "data",
           .words = {"-DOCSTART-", "B-PER", "I-PER", "B-LOC", "O", "\n\n", "tokens", "ner_tags", "[", "]"},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
