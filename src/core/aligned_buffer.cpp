#include "core/aligned_buffer.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#include "core/rounding.hpp"

namespace sharcs::internal {
namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;

std::size_t whole_pages(std::size_t bytes) {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return round_up(bytes, page);
}

/// Straight from the system: there what is not touched takes no memory, and what is given back is free at once.
void* map_huge_pages(std::size_t bytes) {
  const std::size_t size = whole_pages(bytes), reserved = size + huge_page;
  void* const mapped = mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  char* const begin = static_cast<char*>(mapped);
  const std::size_t before = huge_page - reinterpret_cast<std::uintptr_t>(begin) % huge_page;
  munmap(begin, before);
  if (before + size < reserved) munmap(begin + before + size, reserved - before - size);
#ifdef MADV_HUGEPAGE
  // A wish: where the system has none, everything works as before.
  madvise(begin + before, size / huge_page * huge_page, MADV_HUGEPAGE);
#endif
  return begin + before;
}

}  // namespace

// What is as large as a huge page stands on some. A weight of BERT-base is more pages of 4 KB than the processor keeps
// addresses of, and each of its cache lines that comes from far would wait for an address as well.

void* allocate_aligned(std::size_t bytes) {
  if (bytes >= huge_page) return map_huge_pages(bytes);
  void* data = nullptr;
  if (posix_memalign(&data, cache_line, bytes) != 0) throw std::bad_alloc();
  return data;
}

void free_aligned(void* data, std::size_t bytes) {
  if (bytes >= huge_page)
    munmap(data, whole_pages(bytes));
  else
    std::free(data);
}

}  // namespace sharcs::internal
