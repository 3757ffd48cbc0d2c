#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/matrix_view.hpp"
#include "io/file.hpp"

namespace sharcs::internal {

/// The element types of checkpoint files.
enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

/// As safetensors writes it: "F32", "BF16", "BOOL".
std::string_view dtype_name(DType dtype);
std::optional<DType> find_dtype(std::string_view name);
/// All names, for messages.
std::string known_dtypes();
/// Bytes of one element.
std::size_t dtype_size(DType dtype);

/// "[768, 3072]".
std::string shape_text(std::span<const Index> shape);

struct TensorInfo {
  std::string name;
  DType dtype;
  std::vector<Index> shape;

  /// Elements; 1 without dimensions.
  Index size() const;
};

/// What read() does with a NaN or an infinity.
enum class NonFinite { refuse, accept };

/// The tensors of a checkpoint, each lying somewhere in a mapped file; read on demand, by name.
///
/// Reading is safe from many threads at once. Every error is a CheckpointError that begins with the file's path.
class TensorSource {
 public:
  /// Where a tensor's elements are. `strides`, in elements, are empty when the elements stand in row-major order.
  struct Place {
    std::shared_ptr<const MappedFile> file;
    std::span<const std::byte> bytes;
    std::vector<Index> strides = {};
  };

  /// `path` names the source in messages. The functions that open files fill it with add().
  explicit TensorSource(std::filesystem::path path) : path_(std::move(path)) {}
  /// The place must hold every element of the tensor. Throws CheckpointError when the name is taken.
  void add(TensorInfo info, Place place);
  /// Adds the tensors of one shard.
  void add(TensorSource shard);

  const std::filesystem::path& path() const { return path_; }
  /// In the order of the file.
  std::span<const TensorInfo> tensors() const { return infos_; }
  /// Null when there is no such tensor.
  const TensorInfo* find(std::string_view name) const;
  /// Throws when there is no such tensor or its shape is another.
  const TensorInfo& require(std::string_view name, std::span<const Index> shape) const;
  /// The strings that stand beside the tensors (safetensors' "__metadata__").
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  void set_metadata(std::map<std::string, std::string> metadata) { metadata_ = std::move(metadata); }

  /// Copies a tensor in row-major order, converting where that is safe: any float type to float or double, an integer
  /// type to an integer type that holds all its values. Pages of the file are given back as they are consumed.
  ///
  /// values: as many as the tensor has. T: float, double, std::int64_t, std::int32_t, std::uint64_t, std::int8_t,
  /// std::uint8_t.
  /// Throws when the tensor is absent, has another size, or has a type that does not convert. With NonFinite::refuse
  /// also when an element is NaN or infinite as a T: a double that is too large for a float is infinite as a float.
  template <class T>
  void read(std::string_view name, std::span<T> values, NonFinite non_finite = NonFinite::refuse) const;
  template <class T>
  std::vector<T> read(std::string_view name, NonFinite non_finite = NonFinite::refuse) const {
    std::vector<T> values(static_cast<std::size_t>(at(name).size()));
    read<T>(name, values, non_finite);
    return values;
  }

  /// The elements of an int8 tensor where they lie in the mapped file, in row-major order. Throws when the tensor is
  /// absent, of another type, or in another order.
  std::span<const std::int8_t> mapped_int8(std::string_view name) const;
  /// Gives the pages of a tensor's bytes back; they can be looked at again, which reads them from the disk.
  void drop(std::string_view name) const;

 private:
  const TensorInfo& at(std::string_view name) const;
  const Place& place_of(const TensorInfo& info) const {
    return places_[static_cast<std::size_t>(&info - infos_.data())];
  }

  std::filesystem::path path_;
  std::vector<TensorInfo> infos_;
  std::vector<Place> places_;
  std::map<std::string, std::size_t, std::less<>> positions_;
  std::map<std::string, std::string> metadata_;
};

/// The weights of a folder that sharcs quantize wrote. A name of its own, so that no other program takes them for
/// floats.
inline constexpr std::string_view int8_file = "model.int8.safetensors";

/// Opens the weights of a model directory: model.safetensors, model.safetensors.index.json (shards), pytorch_model.bin
/// or pytorch_model.bin.index.json, model.int8.safetensors, the first that is there; or the file itself when `path` is
/// one.
///
/// Throws CheckpointError (or IoError) naming what was looked for, or what is wrong in the file.
TensorSource open_checkpoint(const std::filesystem::path& path);

}  // namespace sharcs::internal
