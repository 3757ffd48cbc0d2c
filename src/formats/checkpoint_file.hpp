#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "formats/tensor_source.hpp"
#include "io/file.hpp"

namespace sharcs::internal {

/// Throws CheckpointError when the file is a Git LFS pointer, which a clone without git lfs leaves in place of a large
/// file. `expected` says what should be there.
void refuse_lfs_pointer(const MappedFile& file, const char* expected);

/// Parses JSON that is part of a checkpoint, which must be one object without repeated keys.
///
/// `place` begins the message of the CheckpointError: "model.safetensors: the header".
nlohmann::json parse_checkpoint_json(std::string_view text, const std::string& place);

/// Opens a checkpoint in several files by its index (model.safetensors.index.json, pytorch_model.bin.index.json), whose
/// "weight_map" says which shard, a file beside the index, holds each tensor. `open_shard` opens one file.
///
/// Throws CheckpointError when a shard is absent, or holds other tensors than the index says.
TensorSource open_shards(const std::filesystem::path& index, TensorSource (*open_shard)(const std::filesystem::path&));

}  // namespace sharcs::internal
