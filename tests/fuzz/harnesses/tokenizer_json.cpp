#include "fuzz/harness.hpp"
#include "fuzz/tiny_tokenizers.hpp"

namespace sharcs::internal::harnesses {
namespace {

std::vector<std::string> seeds() {
  return {word_piece_json({"film", "##s", "good"}).dump(), bpe_json({"a b", "ab c", "Ġ t"}).dump(),
          unigram_json().dump(), every_part_json().dump()};
}

void read(std::string_view input, const Scratch& scratch) {
  encode_hard_texts(Tokenizer::load(scratch.write("tokenizer.json", input)));
}

}  // namespace

std::vector<Harness> tokenizer_json() {
  return {{.name = "tokenizer_json",
           .file = "tokenizer.json",
           .is_json = true,
           .words = {"\"added_tokens\"", "\"normalizer\"", "\"Sequence\"", "\"Replace\"", "\"Precompiled\"",
                     "\"Metaspace\"", "\"TemplateProcessing\"", "\"Unigram\"", "\"unk_id\"", "\"merges\"", "\"lstrip\"",
                     "\"single_word\"", "\"Regex\"", "\" {2,}\""},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
