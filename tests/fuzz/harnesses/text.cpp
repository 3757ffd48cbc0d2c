#include "fuzz/harness.hpp"
#include "fuzz/tiny_model.hpp"
#include "fuzz/tiny_tokenizers.hpp"
#include "sharcs/classifier.hpp"

namespace sharcs::internal::harnesses {
namespace {

std::vector<std::string> seeds() { return hard_texts(); }

/// Any text, for every kind of tokenizer and for a model.
void read(std::string_view input, const Scratch&) {
  static const std::vector<Tokenizer> tokenizers = {word_piece_tokenizer({"film", "##s", "a", "##a", "é"}),
                                                    word_piece_tokenizer({"Film", "##s"}, {.lower_case = false}),
                                                    bpe_tokenizer({"a a", "aa aa", "Ġ a"}), load_json(unigram_json()),
                                                    load_json(every_part_json())};
  static const Classifier classifier(Engine(Model::create(tiny_config("bert"), 1), {.threads = 1}),
                                     word_piece_tokenizer({"film", "##s", "a", "##a", "good", "b"}));
  for (const Tokenizer& tokenizer : tokenizers) {
    tokenizer.encode(input, 32);
    const std::size_t half = input.size() / 2;
    const Encoding pair = tokenizer.encode(input.substr(0, half), input.substr(half), 32);
    if (pair.ids.size() > 32 || pair.ids.size() != pair.token_types.size())
      throw std::logic_error("an encoding of another length than was asked for");
  }
  if (input.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos) return;  // an empty text is refused
  const Prediction prediction = classifier.classify(std::string(input));
  if (prediction.label < 0 || prediction.label > 1) throw std::logic_error("a label that the model does not have");
}

}  // namespace

std::vector<Harness> text() {
  return {{.name = "text",
           .file = "text",
           .words = {"\u0301", "[CLS]", "<Y>", "\u200D", "\U0001F468", "İ", "ﷺ", "日", "``", "  ", "\u0345\u0334"},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
