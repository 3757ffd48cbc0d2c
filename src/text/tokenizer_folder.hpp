#pragma once

#include <array>
#include <filesystem>
#include <string_view>

#include "text/pipeline.hpp"

namespace sharcs::internal {

/// The files that a tokenizer may be read from, beside the model's config.json.
inline constexpr std::array<std::string_view, 10> tokenizer_files = {"tokenizer.json",
                                                                     "tokenizer_config.json",
                                                                     "special_tokens_map.json",
                                                                     "added_tokens.json",
                                                                     "vocab.txt",
                                                                     "vocab.json",
                                                                     "merges.txt",
                                                                     "sentencepiece.bpe.model",
                                                                     "spiece.model",
                                                                     "spm.model"};

/// Reads the tokenizer of a model directory, as Tokenizer::load() says. Throws IoError or TokenizerError.
///
/// The class that tokenizer_config.json or config.json names decides as in transformers 5: BertTokenizer takes from
/// tokenizer.json its vocabulary, and lower case from tokenizer_config.json (true where it does not say);
/// PreTrainedTokenizerFast and classes that are not known here take tokenizer.json as it is.
Pipeline read_tokenizer_folder(const std::filesystem::path& directory);

}  // namespace sharcs::internal
