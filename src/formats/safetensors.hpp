#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/matrix_view.hpp"
#include "formats/tensor_source.hpp"
#include "io/file.hpp"

namespace sharcs::internal {

/// Opens a .safetensors file and checks all of its header: every byte of the file belongs to exactly one tensor.
/// Format: https://github.com/huggingface/safetensors#format. Throws CheckpointError or IoError.
TensorSource open_safetensors(const std::filesystem::path& path);
/// The same for a file that begins with `size` bytes of safetensors and goes on with something else.
TensorSource open_embedded_safetensors(const std::shared_ptr<const MappedFile>& file, std::size_t size);

/// A tensor to be written. The values, in row-major order, stay with the caller.
struct NamedTensor {
  std::string name;
  std::vector<Index> shape;
  std::variant<std::span<const float>, std::span<const double>, std::span<const std::int64_t>,
               std::span<const std::int32_t>, std::span<const std::uint64_t>, std::span<const std::uint8_t>,
               std::span<const std::int8_t>>
      values;
  /// How this tensor's float values are stored, where not as SafetensorsOptions say.
  std::optional<DType> float_dtype = {};
};

struct SafetensorsOptions {
  /// How float values are stored: f32, f16 or bf16 (rounded to nearest even; what f16 cannot hold is an error).
  DType float_dtype = DType::f32;
  /// Hugging Face's loader asks for "format".
  std::map<std::string, std::string> metadata = {{"format", "pt"}};
};

/// Writes the tensors straight from the caller's memory, atomically (see write_file_atomically).
///
/// Throws ShapeError when a shape does not fit its values, CheckpointError for a name that occurs twice or is not UTF-8
/// and for values that do not fit the type, IoError when the system refuses.
WrittenFile write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                              const SafetensorsOptions& options = {});
/// The same into a file that is being written, as a part of it or with something after it.
void write_safetensors(FileWriter& writer, std::span<const NamedTensor> tensors,
                       const SafetensorsOptions& options = {});

}  // namespace sharcs::internal
