#include "formats/shard_index.hpp"

#include <map>
#include <string>

#include "core/quote.hpp"
#include "formats/checkpoint_json.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

TensorSource open_shards(const std::filesystem::path& index, TensorSource (*open_shard)(const std::filesystem::path&)) {
  const std::string name = index.string();
  const nlohmann::json parsed = parse_checkpoint_json(read_text_file(index), name + ": the index");
  const auto weight_map = parsed.find("weight_map");
  if (weight_map == parsed.end() || !weight_map->is_object())
    throw CheckpointError(name + ": \"weight_map\" is " +
                          (weight_map == parsed.end() ? "absent" : weight_map->type_name()) +
                          "; expected an object from tensor to file");

  std::map<std::string, std::string> first_tensor;  // of each shard, for messages
  for (const auto& [tensor, shard] : weight_map->items()) {
    const std::filesystem::path file = shard.is_string() ? shard.get<std::string>() : "";
    // A plain name: an index must not reach outside its folder.
    if (file.empty() || file != file.filename() || file == "." || file == "..")
      throw CheckpointError(name + ": the file of tensor " + quote(tensor) + " is " +
                            quote(shard.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)) +
                            "; expected the name of a file beside the index");
    first_tensor.emplace(file.string(), tensor);
  }

  TensorSource source(index);
  for (const auto& [shard, tensor] : first_tensor) {
    const std::filesystem::path path = index.parent_path() / shard;
    if (!std::filesystem::exists(path))
      throw CheckpointError(name + ": lists tensor " + quote(tensor) + " in " + quote(shard) +
                            ", but there is no such file in the folder");
    TensorSource opened = open_shard(path);
    for (const TensorInfo& info : opened.tensors()) {
      const auto listed = weight_map->find(info.name);
      if (listed == weight_map->end() || *listed != shard)
        throw CheckpointError(
            path.string() + ": holds tensor " + quote(info.name) + ", which " + index.filename().string() +
            (listed == weight_map->end() ? " does not list" : " lists in " + quote(listed->get<std::string>())));
    }
    source.add(std::move(opened));
  }
  for (const auto& [tensor, shard] : weight_map->items())
    if (source.find(tensor) == nullptr)
      throw CheckpointError(name + ": lists tensor " + quote(tensor) + " in " + quote(shard.get<std::string>()) +
                            ", which does not hold it");
  return source;
}

}  // namespace sharcs::internal
