#include "kernels/amx.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <vector>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#define SHARCS_AMX 1
#define SHARCS_AMX_CODE __attribute__((target("amx-tile,amx-int8")))
#else
#define SHARCS_AMX 0
#define SHARCS_AMX_CODE
#endif

namespace sharcs::internal::kernels {
namespace {

constexpr Index tile_height = 16, tile_bytes = 64, group_bytes = 4;
/// Groups of four inputs that one instruction takes.
constexpr Index groups_at_once = tile_bytes / group_bytes;

/// What each tile is for: the sums of 32 rows by 32 outputs, two tiles of x, two of the panel.
enum Tile { sums00 = 0, sums01 = 1, sums10 = 2, sums11 = 3, rows0 = 4, rows1 = 5, cols0 = 6, cols1 = 7 };

/// Rows of each tile when a block has so many rows.
std::array<Index, 8> rows_of_tiles(Index height) {
  const Index upper = std::min(height, tile_height), lower = height - upper;
  return {upper, upper, lower, lower, upper, lower, tile_height, tile_height};
}

/// The instructions, as their manual explains them, in plain loops.
class EmulatedTiles {
 public:
  explicit EmulatedTiles(Index height) : rows_(rows_of_tiles(height)) {}

  template <int tile>
  void zero() {
    tiles_[tile] = {};
  }
  template <int tile>
  void load(const void* from, Index stride) {
    tiles_[tile] = {};
    for (Index r = 0; r < rows_[tile]; ++r)
      std::memcpy(tiles_[tile].data() + r * tile_bytes, static_cast<const std::uint8_t*>(from) + r * stride,
                  tile_bytes);
  }
  template <int tile>
  void store(void* to, Index stride) {
    for (Index r = 0; r < rows_[tile]; ++r)
      std::memcpy(static_cast<std::uint8_t*>(to) + r * stride, tiles_[tile].data() + r * tile_bytes, tile_bytes);
  }
  /// Signed numbers of x by unsigned ones of the panel.
  template <int sums, int x, int panel>
  void multiply_add() {
    for (Index r = 0; r < rows_[sums]; ++r)
      for (Index k = 0; k < rows_[panel]; ++k)
        for (Index c = 0; c < tile_bytes / group_bytes; ++c) {
          std::int32_t sum;
          std::uint8_t* const place = tiles_[sums].data() + r * tile_bytes + c * group_bytes;
          std::memcpy(&sum, place, sizeof sum);
          for (Index i = 0; i < group_bytes; ++i)
            sum += static_cast<std::int8_t>(at(x, r, k * group_bytes + i)) * at(panel, k, c * group_bytes + i);
          std::memcpy(place, &sum, sizeof sum);
        }
  }

 private:
  std::uint8_t at(int tile, Index row, Index byte) const {
    return tiles_[static_cast<std::size_t>(tile)][static_cast<std::size_t>(row * tile_bytes + byte)];
  }

  std::array<Index, 8> rows_;
  std::array<std::array<std::uint8_t, tile_height * tile_bytes>, 8> tiles_ = {};
};

#if SHARCS_AMX

/// The instructions, which the compilers' own names take for constants in the source text alone.
struct NativeTiles {
  template <int tile>
  SHARCS_AMX_CODE void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(tile));
  }
  template <int tile>
  SHARCS_AMX_CODE void load(const void* from, Index stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(tile) : "memory");
  }
  template <int tile>
  SHARCS_AMX_CODE void store(void* to, Index stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(tile) : "memory");
  }
  template <int sums, int x, int panel>
  SHARCS_AMX_CODE void multiply_add() {
    asm volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(sums), "i"(x), "i"(panel));
  }
};

/// The 64 bytes that LDTILECFG reads.
struct alignas(64) TileSetup {
  std::uint8_t palette = 1, start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t bytes_of_row[16] = {};
  std::uint8_t rows[16] = {};
};
static_assert(sizeof(TileSetup) == 64);

SHARCS_AMX_CODE void set_up_tiles(Index height) {
  TileSetup setup;
  const std::array<Index, 8> rows = rows_of_tiles(height);
  for (std::size_t tile = 0; tile < rows.size(); ++tile) {
    setup.rows[tile] = static_cast<std::uint8_t>(rows[tile]);
    setup.bytes_of_row[tile] = rows[tile] > 0 ? tile_bytes : 0;
  }
  asm volatile("ldtilecfg %0" : : "m"(setup));
}
SHARCS_AMX_CODE void give_tiles_back() { asm volatile("tilerelease"); }

/// Whether the processor has the unit, and the system saves its registers and gives them to this process.
bool is_granted() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned tiles = 1u << 24, int8 = 1u << 25, os_saves_registers = 1u << 27;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & os_saves_registers) == 0) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & tiles) == 0 || (d & int8) == 0) return false;
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned tile_state = 3u << 17;
  constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return (low & tile_state) == tile_state && syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

#endif

/// Adds the groups begin .. begin + groups_at_once − 1 to the sums of 32 rows by 32 outputs.
template <bool both, class Tiles>
SHARCS_AMX_CODE inline void add_groups(Tiles& tiles, const std::int8_t* x, Index stride, const std::int32_t* panel,
                                       Index panel_stride) {
  tiles.template load<cols0>(panel, panel_stride);
  tiles.template load<cols1>(panel + tile_bytes / group_bytes, panel_stride);
  tiles.template load<rows0>(x, stride);
  tiles.template multiply_add<sums00, rows0, cols0>();
  tiles.template multiply_add<sums01, rows0, cols1>();
  if constexpr (both) {
    tiles.template load<rows1>(x + tile_height * stride, stride);
    tiles.template multiply_add<sums10, rows1, cols0>();
    tiles.template multiply_add<sums11, rows1, cols1>();
  }
}

/// `both`: there are more than 16 rows.
template <bool both, class Tiles>
SHARCS_AMX_CODE void multiply_block(Tiles& tiles, const std::int8_t* x, Index stride, Index height,
                                    const std::int32_t* panel, Index groups, std::int32_t* sums) {
  constexpr Index row_bytes = amx_cols * group_bytes, half = amx_cols / 2;
  const Index whole = groups / groups_at_once * groups_at_once, rest = groups - whole;
  // What is left of the inputs stands here with zeros behind it, which add nothing.
  alignas(64) std::int8_t last_x[amx_rows * tile_bytes];
  alignas(64) std::int32_t last_panel[groups_at_once * amx_cols];
  if (rest > 0) {
    std::memset(last_x, 0, sizeof last_x);
    std::memset(last_panel, 0, sizeof last_panel);
    for (Index r = 0; r < height; ++r)
      std::memcpy(last_x + r * tile_bytes, x + r * stride + whole * group_bytes,
                  static_cast<std::size_t>(rest * group_bytes));
    std::memcpy(last_panel, panel + whole * amx_cols, static_cast<std::size_t>(rest * row_bytes));
  }
  for (Index first_col = 0; first_col < amx_cols; first_col += half) {
    tiles.template zero<sums00>();
    tiles.template zero<sums01>();
    if constexpr (both) {
      tiles.template zero<sums10>();
      tiles.template zero<sums11>();
    }
    for (Index g = 0; g < whole; g += groups_at_once)
      add_groups<both>(tiles, x + g * group_bytes, stride, panel + g * amx_cols + first_col, row_bytes);
    if (rest > 0) add_groups<both>(tiles, last_x, tile_bytes, last_panel + first_col, row_bytes);
    std::int32_t* const to = sums + first_col;
    tiles.template store<sums00>(to, row_bytes);
    tiles.template store<sums01>(to + half / 2, row_bytes);
    if constexpr (both) {
      tiles.template store<sums10>(to + tile_height * amx_cols, row_bytes);
      tiles.template store<sums11>(to + tile_height * amx_cols + half / 2, row_bytes);
    }
  }
}

template <class Tiles>
void multiply_block(Tiles& tiles, const std::int8_t* x, Index stride, Index height, const std::int32_t* panel,
                    Index groups, std::int32_t* sums) {
  if (height > tile_height)
    multiply_block<true>(tiles, x, stride, height, panel, groups, sums);
  else
    multiply_block<false>(tiles, x, stride, height, panel, groups, sums);
}

std::atomic<AmxUse> wanted = AmxUse::automatic;

#if SHARCS_AMX
/// Whether the unit gives the sums of its emulation.
bool is_right() {
  constexpr Index height = 19, groups = 21;
  std::vector<std::int8_t> x(height * groups * group_bytes);
  std::vector<std::int32_t> panel(groups * amx_cols), native(amx_rows * amx_cols), emulated(amx_rows * amx_cols);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::int8_t>(static_cast<int>(i * 37 % 255) - 127);
  for (std::size_t i = 0; i < panel.size(); ++i) panel[i] = static_cast<std::int32_t>(i * 2654435761u);
  NativeTiles unit;
  set_up_tiles(height);
  multiply_block(unit, x.data(), groups * group_bytes, height, panel.data(), groups, native.data());
  give_tiles_back();
  EmulatedTiles loops(height);
  multiply_block(loops, x.data(), groups * group_bytes, height, panel.data(), groups, emulated.data());
  return native == emulated;
}
#endif

}  // namespace

void use_amx(AmxUse use) { wanted = use; }

bool uses_amx() {
  switch (wanted.load()) {
    case AmxUse::never:
      return false;
    case AmxUse::emulated:
      return true;
    case AmxUse::automatic:
      break;
  }
#if SHARCS_AMX
  static const bool usable = is_granted() && is_right();
  return usable;
#else
  return false;
#endif
}

AmxBlocks::AmxBlocks() : native_(wanted != AmxUse::emulated) {}

AmxBlocks::~AmxBlocks() {
#if SHARCS_AMX
  if (height_ > 0) give_tiles_back();
#endif
}

void AmxBlocks::multiply(const std::int8_t* x, Index stride, Index height, const std::int32_t* panel, Index groups,
                         std::int32_t* sums) {
#if SHARCS_AMX
  if (native_) {
    if (height != height_) set_up_tiles(height);
    height_ = height;
    NativeTiles tiles;
    return multiply_block(tiles, x, stride, height, panel, groups, sums);
  }
#endif
  EmulatedTiles tiles(height);
  multiply_block(tiles, x, stride, height, panel, groups, sums);
}

}  // namespace sharcs::internal::kernels
