#include "fuzz/harness.hpp"
#include "fuzz/tiny_tokenizers.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::harnesses {
namespace {

std::vector<std::string> seeds() { return {sentence_piece_model(""), sentence_piece_model(charsmap_bytes())}; }

/// As two classes read it: ALBERT's pieces are the vocabulary, CamemBERT's stand behind tokens of its own.
void read(std::string_view input, const Scratch& scratch) {
  std::filesystem::create_directory(scratch.path() / "pieces");
  scratch.write("pieces/spiece.model", input);
  const auto load = [&](const std::string& name) {
    scratch.write("pieces/tokenizer_config.json", "{\"tokenizer_class\": \"" + name + "\"}");
    encode_hard_texts(Tokenizer::load(scratch.path() / "pieces"));
  };
  try {
    load("CamembertTokenizer");
  } catch (const TokenizerError&) {  // ALBERT's reader says what is wrong with the file
  }
  load("AlbertTokenizer");
}

}  // namespace

std::vector<Harness> sentence_piece() {
  return {{.name = "sentence_piece",
           .file = "pieces",
           .words = {"[CLS]", "[SEP]", "<unk>", "<pad>",
                     "\x0a\x05\x0a\x01"
                     "a",
                     "\x15"},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
