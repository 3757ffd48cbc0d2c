#pragma once

#include <filesystem>
#include <string>

#include "sharcs/task.hpp"

namespace sharcs::internal {

/// The spec with the columns of the file, where their names tell what they are: "review" is a text, "stars" a label,
/// "premise" and "hypothesis" are a pair; of two columns, the one beside a known one is the other. A file that has the
/// spec's own columns keeps them. `found` says in a line what was chosen; empty: nothing.
///
/// Throws DataError that lists the columns where the names do not tell, and as Table does.
TaskSpec with_found_columns(TaskSpec spec, const std::filesystem::path& file, const ReadOptions& options,
                            std::string& found);

}  // namespace sharcs::internal
