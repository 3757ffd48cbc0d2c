#pragma once

#include <filesystem>

#include "formats/tensor_source.hpp"

namespace sharcs::internal {

/// Opens a checkpoint in several files by its index (model.safetensors.index.json, pytorch_model.bin.index.json), whose
/// "weight_map" says which shard, a file beside the index, holds each tensor. `open_shard` opens one file.
///
/// Throws CheckpointError when a shard is absent, or holds other tensors than the index says.
TensorSource open_shards(const std::filesystem::path& index, TensorSource (*open_shard)(const std::filesystem::path&));

}  // namespace sharcs::internal
