#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace sharcs::internal {

inline constexpr std::size_t cache_line = 64;
/// Floats of a cache line.
inline constexpr std::ptrdiff_t line_floats = cache_line / sizeof(float);

/// Uninitialised memory on a cache line, or, when it is large, on huge pages where the system has them. `bytes` > 0.
/// Throws std::bad_alloc.
void* allocate_aligned(std::size_t bytes);
/// `bytes` as they were asked for.
void free_aligned(void* data, std::size_t bytes);

/// Owns `size` trivially copyable elements on a 64-byte boundary (a cache line and an AVX-512 vector).
///
/// The elements are not initialised unless asked for: the pages of a large buffer are then touched first by the thread
/// that fills them.
template <class T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t size)
      : data_(size == 0 ? nullptr : static_cast<T*>(allocate_aligned(size * sizeof(T))), Free{size * sizeof(T)}),
        size_(size) {}
  AlignedBuffer(std::size_t size, T value) : AlignedBuffer(size) { std::fill_n(data(), size, value); }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<T> span() { return {data(), size_}; }
  std::span<const T> span() const { return {data(), size_}; }

 private:
  struct Free {
    std::size_t bytes = 0;
    void operator()(T* data) const { free_aligned(data, bytes); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace sharcs::internal
