#include "fuzz/harness.hpp"
#include "fuzz/tiny_tokenizers.hpp"

namespace sharcs::internal::harnesses {
namespace {

std::vector<std::string> seeds() {
  return {
      R"({"tokenizer_class": "BertTokenizer", "do_lower_case": true, "strip_accents": null, "cls_token": "[CLS]",
          "unk_token": {"__type": "AddedToken", "content": "[UNK]", "lstrip": false, "normalized": true},
          "additional_special_tokens": ["<one>", {"content": "<two>", "single_word": true}]})",
      R"({"tokenizer_class": "DistilBertTokenizerFast", "added_tokens_decoder": {"0": {"content": "[PAD]", "special": true},
          "9": {"content": "<nine>", "lstrip": true, "rstrip": true}}, "model_input_names": ["input_ids"]})",
      R"({"tokenizer_class": "MPNetTokenizer", "sep_token": "[SEP]", "cls_token": "[CLS]", "pad_token": "[PAD]",
          "extra_special_tokens": {"image": "<image>"}, "backend": "tokenizers", "split_special_tokens": false})"};
}

void read(std::string_view input, const Scratch& scratch) {
  std::filesystem::create_directory(scratch.path() / "folder");
  scratch.write("folder/vocab.txt", vocab_txt({"film", "##s", "good"}));
  scratch.write("folder/tokenizer_config.json", input);
  const Tokenizer tokenizer = Tokenizer::load(scratch.path() / "folder");
  encode_hard_texts(tokenizer);
  tokenizer.save(scratch.path() / "saved");
  encode_hard_texts(Tokenizer::load(scratch.path() / "saved"));
}

}  // namespace

std::vector<Harness> tokenizer_config() {
  return {{.name = "tokenizer_config",
           .file = "folder",
           .is_json = true,
           .words = {"\"added_tokens_decoder\"", "\"content\"", "\"mask_token\"", "\"RobertaTokenizer\"",
                     "\"AlbertTokenizer\"", "\"999999999\"", "\"keep_accents\""},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
