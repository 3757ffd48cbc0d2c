#include "fuzz/harness.hpp"
#include "fuzz/tiny_tokenizers.hpp"

namespace sharcs::internal::harnesses {
namespace {

std::vector<std::string> seeds() {
  return {internal::vocab_txt({"film", "##s", "good", "é", "##", "日"}),
          "\xEF\xBB\xBF[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\na"};
}

void read(std::string_view input, const Scratch& scratch) {
  encode_hard_texts(Tokenizer::load(scratch.write("vocab.txt", input)));
}

}  // namespace

std::vector<Harness> vocab_txt() {
  return {{.name = "vocab_txt",
           .file = "vocab.txt",
           .words = {"[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "##", "\r\n", "\xEF\xBB\xBF"},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
