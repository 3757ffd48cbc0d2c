#include "fuzz/harness.hpp"
#include "fuzz/tiny_tokenizers.hpp"

namespace sharcs::internal::harnesses {
namespace {

// All that these merge can be in the vocabulary: "a" and "b" up to eight times.
const std::vector<std::string> known = {"a a",   "aa aa", "aaaa aaaa", "a b",  "b b",  "bb bb",
                                        "ab ab", "Ġ a",   "Ġa a",      "aa b", "a ab", "bb a"};

std::vector<std::string> seeds() {
  std::string text = "#version: 0.2\n";
  for (const std::string& merge : known) text += merge + "\n";
  return {text, "a a\r\n\r\naa aa\r\n", "aa b\na a\na a\n"};
}

void read(std::string_view input, const Scratch& scratch) {
  static const std::string vocabulary = bpe_vocabulary(known).dump();
  encode_hard_texts(
      Tokenizer::byte_level_bpe(scratch.write("vocab.json", vocabulary), scratch.write("merges.txt", input)));
}

}  // namespace

std::vector<Harness> merges_txt() {
  return {{.name = "merges_txt", .file = "merges.txt", .words = known, .seeds = seeds, .read = read}};
}

}  // namespace sharcs::internal::harnesses
