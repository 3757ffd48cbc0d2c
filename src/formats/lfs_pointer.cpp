#include "formats/lfs_pointer.hpp"

#include "sharcs/error.hpp"

namespace sharcs::internal {

void refuse_lfs_pointer(const MappedFile& file, const char* expected) {
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.size());
  if (text.starts_with("version https://git-lfs.github.com/spec/"))
    throw CheckpointError(file.path().string() + ": is a Git LFS pointer, not the file it points to; expected " +
                          expected + " (run git lfs pull)");
}

}  // namespace sharcs::internal
