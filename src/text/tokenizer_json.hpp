#pragma once

#include <filesystem>

#include "text/pipeline.hpp"

namespace sharcs::internal {

/// Builds the pipeline that a tokenizer.json of Hugging Face's `tokenizers` describes. Throws IoError, or
/// TokenizerError that names what is damaged, or what is asked for and not supported.
Pipeline read_tokenizer_json(const std::filesystem::path& path);

}  // namespace sharcs::internal
