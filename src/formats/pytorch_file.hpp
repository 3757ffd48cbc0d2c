#pragma once

#include <filesystem>

#include "formats/tensor_source.hpp"

namespace sharcs::internal {

/// Opens what torch.save wrote of a dictionary of tensors (pytorch_model.bin), in the zip format of PyTorch 1.6 and
/// later or the one before it. Only tensors are understood and nothing is executed: a file that asks for anything else
/// is refused with its name. All lengths, offsets and CRC-32s are checked.
///
/// Throws CheckpointError or IoError.
TensorSource open_pytorch(const std::filesystem::path& path);

}  // namespace sharcs::internal
