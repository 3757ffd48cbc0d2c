#include "formats/checkpoint_file.hpp"

#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/quote.hpp"
#include "io/file.hpp"
#include "io/json_cursor.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

void refuse_lfs_pointer(const MappedFile& file, const char* expected) {
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.size());
  if (text.starts_with("version https://git-lfs.github.com/spec/"))
    throw CheckpointError(file.path().string() + ": is a Git LFS pointer, not the file it points to; expected " +
                          expected + " (run git lfs pull)");
}

using nlohmann::json;

json parse_checkpoint_json(std::string_view text, const std::string& place) {
  if (const std::size_t byte = find_too_deep(text); byte != std::string_view::npos)
    throw CheckpointError(place + " is not valid JSON at byte " + std::to_string(byte + 1) +
                          ", where lists and objects are too deep in each other; expected a JSON object");
  std::vector<std::unordered_set<std::string>> keys;  // of the objects that are open, by their depth
  for_each_json_key(
      text,
      [&](const std::string& key, std::size_t depth) {
        if (keys.size() <= depth) keys.resize(depth + 1);
        if (!keys[depth].insert(key).second) throw CheckpointError(place + " has the key " + quote(key) + " twice");
      },
      [&](std::size_t depth) {
        if (depth < keys.size()) keys[depth].clear();
      });
  json parsed;
  try {
    parsed = json::parse(text);
  } catch (const json::exception& error) {
    const auto* parse = dynamic_cast<const json::parse_error*>(&error);
    throw CheckpointError(place + " is not valid JSON" +
                          (parse == nullptr ? "" : " at byte " + std::to_string(parse->byte)) +
                          "; expected a JSON object");
  }
  if (!parsed.is_object()) throw CheckpointError(place + " is a JSON " + parsed.type_name() + "; expected an object");
  return parsed;
}

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
    if (file.empty() || file != file.filename() || file == "." || file == ".." ||
        file.native().find('\0') != std::string::npos)
      throw CheckpointError(name + ": the file of tensor " + quote(tensor) + " is " +
                            quote(shard.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)) +
                            "; expected the name of a file beside the index");
    first_tensor.emplace(file.string(), tensor);
  }

  TensorSource source(index);
  for (const auto& [shard, tensor] : first_tensor) {
    const std::filesystem::path path = index.parent_path() / shard;
    if (!is_there(path))
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
