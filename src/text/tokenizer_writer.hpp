#pragma once

#include <filesystem>

#include "text/pipeline.hpp"

namespace sharcs::internal {

/// Writes tokenizer.json, which says everything; vocab.txt (WordPiece), or vocab.json and merges.txt (BPE), for
/// programs that read only those; and tokenizer_config.json with what these leave open. Each atomically. Throws
/// IoError.
void write_tokenizer(const Pipeline& pipeline, const std::filesystem::path& directory);

}  // namespace sharcs::internal
