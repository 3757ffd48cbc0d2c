#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/matrix_view.hpp"

namespace sharcs::internal {

/// Memory for one pass: handed out in order, taken back all at once or to a mark.
///
/// What was handed out stays where it is while more is asked for; when everything has been taken back the blocks become
/// one, so that a pass of the same size allocates nothing.
class Workspace {
 public:
  /// Uninitialised elements on a 64-byte boundary.
  template <class T>
  std::span<T> span(Index count) {
    return {static_cast<T*>(take(static_cast<std::size_t>(count) * sizeof(T))), static_cast<std::size_t>(count)};
  }
  template <class T>
  MatrixView<T> matrix(Index rows, Index cols) {
    return {span<T>(rows * cols).data(), rows, cols};
  }

  struct Mark {
    std::size_t block;
    std::size_t used;
  };
  Mark mark() const { return {block_, used_}; }
  /// Takes back what was handed out since `mark`.
  void release(Mark mark);
  /// Takes back everything.
  void clear() { release({0, 0}); }
  /// Bytes held.
  std::size_t bytes() const;

 private:
  void* take(std::size_t bytes);

  std::vector<AlignedBuffer<std::byte>> blocks_;
  std::size_t block_ = 0;  // where the next piece comes from
  std::size_t used_ = 0;   // bytes used of it
};

}  // namespace sharcs::internal
