#include "formats/tensor_source.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <type_traits>
#include <utility>

#include "core/half.hpp"
#include "core/quote.hpp"
#include "core/rounding.hpp"
#include "core/threads.hpp"
#include "formats/checkpoint_file.hpp"
#include "formats/pytorch_file.hpp"
#include "formats/safetensors.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

static_assert(std::endian::native == std::endian::little, "checkpoint files are little-endian and read as they are");

struct DTypeRow {
  DType dtype;
  std::string_view name;
  std::size_t size;
};
constexpr std::array dtypes = {
    DTypeRow{DType::f64, "F64", 8},      DTypeRow{DType::f32, "F32", 4}, DTypeRow{DType::f16, "F16", 2},
    DTypeRow{DType::bf16, "BF16", 2},    DTypeRow{DType::i64, "I64", 8}, DTypeRow{DType::i32, "I32", 4},
    DTypeRow{DType::i16, "I16", 2},      DTypeRow{DType::i8, "I8", 1},   DTypeRow{DType::u64, "U64", 8},
    DTypeRow{DType::u32, "U32", 4},      DTypeRow{DType::u16, "U16", 2}, DTypeRow{DType::u8, "U8", 1},
    DTypeRow{DType::boolean, "BOOL", 1},
};

/// Calls with_type(stored) where `stored` is a value of the C++ type of the elements, 16-bit floats as their own tags.
struct F16 {
  std::uint16_t bits;
  operator float() const { return float_of_f16(bits); }
};
struct Bf16 {
  std::uint16_t bits;
  operator float() const { return float_of_bf16(bits); }
};
template <class WithType>
auto visit_dtype(DType dtype, const WithType& with_type) {
  switch (dtype) {
    case DType::f64:
      return with_type(double{});
    case DType::f32:
      return with_type(float{});
    case DType::f16:
      return with_type(F16{});
    case DType::bf16:
      return with_type(Bf16{});
    case DType::i64:
      return with_type(std::int64_t{});
    case DType::i32:
      return with_type(std::int32_t{});
    case DType::i16:
      return with_type(std::int16_t{});
    case DType::i8:
      return with_type(std::int8_t{});
    case DType::u64:
      return with_type(std::uint64_t{});
    case DType::u32:
      return with_type(std::uint32_t{});
    case DType::u16:
      return with_type(std::uint16_t{});
    case DType::u8:
    case DType::boolean:
      break;
  }
  return with_type(std::uint8_t{});
}

template <class Stored, class T>
constexpr bool converts() {
  if constexpr (std::is_floating_point_v<T>)
    return !std::is_integral_v<Stored>;
  else if constexpr (std::is_integral_v<Stored>)
    return std::in_range<T>(std::numeric_limits<Stored>::min()) && std::in_range<T>(std::numeric_limits<Stored>::max());
  else
    return false;
}

/// Simple loops over unaligned elements, which the compiler turns into vector code.
template <class T>
void convert(DType dtype, const std::byte* source, T* values, std::size_t count) {
  visit_dtype(dtype, [&](auto stored) {
    using Stored = decltype(stored);
    if constexpr (std::is_same_v<Stored, T>) {
      std::memcpy(values, source, count * sizeof(T));
    } else if constexpr (converts<Stored, T>()) {
      for (std::size_t i = 0; i < count; ++i) {
        Stored element;
        std::memcpy(&element, source + i * sizeof element, sizeof element);
        values[i] = static_cast<T>(element);  // NOLINT(bugprone-signed-char-misuse): a number, no character
      }
    }
  });
}

/// The position of the first NaN or infinity; `count` when there is none.
template <class T>
std::size_t first_non_finite(const T* values, std::size_t count) {
  // A finite x gives x · 0 = ±0, the others NaN, and NaN stays in the sum. One pass without branches; a second to find
  // it.
  constexpr std::size_t lanes = 16;
  T sums[lanes] = {};
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += values[i + lane] * T{0};
  for (; i < count; ++i) sums[0] += values[i] * T{0};
  if (std::all_of(sums, sums + lanes, [](T sum) { return sum == 0; })) return count;
  return static_cast<std::size_t>(std::find_if(values, values + count, [](T x) { return !std::isfinite(x); }) - values);
}

bool row_major(std::span<const Index> shape, std::span<const Index> strides) {
  Index expected = 1;
  for (std::size_t d = shape.size(); d-- > 0;) {
    if (shape[d] == 0) return true;
    if (shape[d] != 1 && strides[d] != expected) return false;
    expected *= shape[d];
  }
  return true;
}

/// Position of element `flat` (in row-major order) along each dimension.
std::vector<Index> indices_of(Index flat, std::span<const Index> shape) {
  std::vector<Index> indices(shape.size());
  for (std::size_t d = shape.size(); d-- > 0; flat /= shape[d]) indices[d] = flat % shape[d];
  return indices;
}

/// Copies the elements first … first + count − 1 (in row-major order) of a tensor with strides to `out`.
void gather(const TensorInfo& info, const TensorSource::Place& place, Index first, Index count, std::byte* out) {
  const std::size_t size = dtype_size(info.dtype);
  std::vector<Index> indices = indices_of(first, info.shape);
  Index offset = 0;
  for (std::size_t d = 0; d < indices.size(); ++d) offset += indices[d] * place.strides[d];
  for (; count > 0; --count, out += size) {
    std::memcpy(out, place.bytes.data() + static_cast<std::size_t>(offset) * size, size);
    for (std::size_t d = indices.size(); d-- > 0;) {
      offset += place.strides[d];
      if (++indices[d] < info.shape[d]) break;
      offset -= place.strides[d] * info.shape[d];
      indices[d] = 0;
    }
  }
}

std::string tensor_text(const TensorSource::Place& place, const TensorInfo& info) {
  return place.file->path().string() + ": tensor " + quote(info.name);
}

}  // namespace

std::string_view dtype_name(DType dtype) { return std::ranges::find(dtypes, dtype, &DTypeRow::dtype)->name; }

std::optional<DType> find_dtype(std::string_view name) {
  const auto row = std::ranges::find(dtypes, name, &DTypeRow::name);
  return row == dtypes.end() ? std::nullopt : std::optional(row->dtype);
}

std::string known_dtypes() {
  std::string names;
  for (const DTypeRow& row : dtypes) names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

std::size_t dtype_size(DType dtype) { return std::ranges::find(dtypes, dtype, &DTypeRow::dtype)->size; }

std::string shape_text(std::span<const Index> shape) {
  std::string text = "[";
  for (std::size_t d = 0; d < shape.size(); ++d) text += (d == 0 ? "" : ", ") + std::to_string(shape[d]);
  return text + "]";
}

Index TensorInfo::size() const {
  Index count = 1;
  for (const Index extent : shape) count *= extent;
  return count;
}

void TensorSource::add(TensorInfo info, Place place) {
  if (!positions_.emplace(info.name, infos_.size()).second)
    throw CheckpointError(tensor_text(place, info) + " occurs twice" +
                          (place.file->path() == path_ ? "" : " (also in another shard of " + path_.string() + ")"));
  if (!place.strides.empty() && row_major(info.shape, place.strides)) place.strides.clear();
  infos_.push_back(std::move(info));
  places_.push_back(std::move(place));
}

void TensorSource::add(TensorSource shard) {
  for (std::size_t i = 0; i < shard.infos_.size(); ++i) add(std::move(shard.infos_[i]), std::move(shard.places_[i]));
  metadata_.merge(shard.metadata_);
}

const TensorInfo* TensorSource::find(std::string_view name) const {
  const auto position = positions_.find(name);
  return position == positions_.end() ? nullptr : &infos_[position->second];
}

const TensorInfo& TensorSource::at(std::string_view name) const {
  const TensorInfo* info = find(name);
  if (info == nullptr) throw CheckpointError(path_.string() + ": tensor " + quote(name) + " is missing");
  return *info;
}

const TensorInfo& TensorSource::require(std::string_view name, std::span<const Index> shape) const {
  const TensorInfo* info = find(name);
  if (info == nullptr)
    throw CheckpointError(path_.string() + ": tensor " + quote(name) + " is missing; expected one of shape " +
                          shape_text(shape));
  if (!std::ranges::equal(info->shape, shape))
    throw CheckpointError(path_.string() + ": tensor " + quote(name) + " has shape " + shape_text(info->shape) +
                          "; expected " + shape_text(shape));
  return *info;
}

template <class T>
void TensorSource::read(std::string_view name, std::span<T> values, NonFinite non_finite) const {
  const TensorInfo& info = at(name);
  const Place& place = place_of(info);
  if (!visit_dtype(info.dtype, [](auto stored) { return converts<decltype(stored), T>(); })) {
    std::string expected;
    for (const DTypeRow& row : dtypes)
      if (visit_dtype(row.dtype, [](auto stored) { return converts<decltype(stored), T>(); }))
        expected += (expected.empty() ? "" : ", ") + std::string(row.name);
    throw CheckpointError(tensor_text(place, info) + " holds " + std::string(dtype_name(info.dtype)) +
                          "; expected one of " + expected);
  }
  const Index count = info.size();
  if (count != std::ssize(values))
    throw CheckpointError(tensor_text(place, info) + " has shape " + shape_text(info.shape) + ", which is " +
                          std::to_string(count) + " elements; expected " + std::to_string(values.size()));

  // Pieces of a megabyte stay in the cache from conversion to check, and little of the file is in memory at a time.
  constexpr Index piece = Index{1} << 18;
  const std::size_t size = dtype_size(info.dtype);
  std::atomic<Index> bad = count;
  parallel_for(ceil_divide(count, piece), [&](Index p) {
    const Index first = p * piece;
    const Index length = std::min(piece, count - first);
    T* const target = values.data() + first;
    if (place.strides.empty()) {
      const auto source =
          place.bytes.subspan(static_cast<std::size_t>(first) * size, static_cast<std::size_t>(length) * size);
      convert(info.dtype, source.data(), target, static_cast<std::size_t>(length));
      place.file->drop(source);
    } else {
      std::vector<std::byte> source(static_cast<std::size_t>(length) * size);
      gather(info, place, first, length, source.data());
      convert(info.dtype, source.data(), target, static_cast<std::size_t>(length));
    }
    if constexpr (std::is_floating_point_v<T>) {
      if (non_finite == NonFinite::accept) return;
      const auto at = static_cast<Index>(first_non_finite(target, static_cast<std::size_t>(length)));
      if (at == length) return;
      for (Index before = bad; first + at < before && !bad.compare_exchange_weak(before, first + at);) {
      }
    }
  });
  if (!place.strides.empty()) place.file->drop(place.bytes);
  if constexpr (std::is_floating_point_v<T>) {
    if (bad == count) return;
    const T value = values[static_cast<std::size_t>(bad.load())];
    throw CheckpointError(tensor_text(place, info) + " " + shape_text(info.shape) + ": element " +
                          shape_text(indices_of(bad, info.shape)) + " is " +
                          (std::isnan(value) ? "nan"
                           : value > 0       ? "inf"
                                             : "-inf") +
                          "; expected finite numbers");
  }
}

std::span<const std::int8_t> TensorSource::mapped_int8(std::string_view name) const {
  const TensorInfo& info = at(name);
  const Place& place = place_of(info);
  if (info.dtype != DType::i8)
    throw CheckpointError(tensor_text(place, info) + " holds " + std::string(dtype_name(info.dtype)) + "; expected " +
                          std::string(dtype_name(DType::i8)));
  if (!place.strides.empty())
    throw CheckpointError(tensor_text(place, info) + " is stored with strides; expected rows one after the other");
  return {reinterpret_cast<const std::int8_t*>(place.bytes.data()), place.bytes.size()};
}

void TensorSource::drop(std::string_view name) const {
  const Place& place = place_of(at(name));
  place.file->drop(place.bytes);
}

template void TensorSource::read(std::string_view, std::span<float>, NonFinite) const;
template void TensorSource::read(std::string_view, std::span<double>, NonFinite) const;
template void TensorSource::read(std::string_view, std::span<std::int64_t>, NonFinite) const;
template void TensorSource::read(std::string_view, std::span<std::int32_t>, NonFinite) const;
template void TensorSource::read(std::string_view, std::span<std::uint64_t>, NonFinite) const;
template void TensorSource::read(std::string_view, std::span<std::uint8_t>, NonFinite) const;
template void TensorSource::read(std::string_view, std::span<std::int8_t>, NonFinite) const;

TensorSource open_checkpoint(const std::filesystem::path& path) {
  const auto open_index = [](TensorSource (*open_shard)(const std::filesystem::path&)) {
    return [open_shard](const std::filesystem::path& index) { return open_shards(index, open_shard); };
  };
  using Open = std::function<TensorSource(const std::filesystem::path&)>;
  // The order in which Hugging Face's loader looks, and what sharcs quantize writes.
  const std::array<std::pair<std::string_view, Open>, 5> kinds = {{
      {"model.safetensors", open_safetensors},
      {"model.safetensors.index.json", open_index(open_safetensors)},
      {"pytorch_model.bin", open_pytorch},
      {"pytorch_model.bin.index.json", open_index(open_pytorch)},
      {int8_file, open_safetensors},
  }};
  if (is_folder(path)) {
    std::string names;
    for (const auto& [name, open] : kinds) {
      if (is_there(path / name)) {
        if (name != int8_file && is_there(path / int8_file))
          throw CheckpointError(path.string() + ": has weights in " + std::string(name) + " and in " +
                                std::string(int8_file) + "; expected one of the two");
        return open(path / name);
      }
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    if (is_there(path / "adapter_model.safetensors"))
      throw CheckpointError(path.string() +
                            ": holds an adapter (PEFT) without its model's weights; expected the merged " +
                            "model, which peft's merge_and_unload() and save_pretrained() write");
    throw CheckpointError(path.string() + ": the folder has no weights; expected one of " + names);
  }
  const std::string name = path.filename().string();
  if (name.ends_with(".safetensors.index.json")) return open_shards(path, open_safetensors);
  if (name.ends_with(".bin.index.json")) return open_shards(path, open_pytorch);
  for (const char* extension : {".bin", ".pt", ".pth"})
    if (name.ends_with(extension)) return open_pytorch(path);
  return open_safetensors(path);
}

}  // namespace sharcs::internal
