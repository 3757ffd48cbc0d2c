#pragma once

#include "io/file.hpp"

namespace sharcs::internal {

/// Throws CheckpointError when the file is a Git LFS pointer, which a clone without git lfs leaves in place of a large
/// file. `expected` says what should be there.
void refuse_lfs_pointer(const MappedFile& file, const char* expected);

}  // namespace sharcs::internal
