#pragma once

#include <filesystem>

#include "text/vocabulary.hpp"

namespace sharcs {

/// Reads a vocabulary with one token a line, LF or CRLF. Throws IoError, or TokenizerError with the line.
Vocabulary read_vocab_txt(const std::filesystem::path& path);

}  // namespace sharcs
