#include "formats/safetensors.hpp"
#include "fuzz/harness.hpp"
#include "fuzz/tensor_files.hpp"

namespace sharcs::internal::harnesses {
namespace {

std::vector<std::string> seeds() {
  return {
      R"({"metadata":{"total_size":24},"weight_map":{"a":"one.safetensors","b":"one.safetensors","c":"two.safetensors"}})",
      R"({"weight_map":{"c":"two.safetensors"}})"};
}

void read(std::string_view input, const Scratch& scratch) {
  scratch.write("one.safetensors", safetensors_file());
  scratch.write("two.safetensors",
                safetensors_of(R"({"c":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", std::string(8, '\1')));
  read_all_tensors(open_checkpoint(scratch.write("model.safetensors.index.json", input)));
}

}  // namespace

std::vector<Harness> sharded_index() {
  return {{.name = "sharded_index",
           .file = ".safetensors",  // the index, or a shard that does not fit it
           .is_json = true,
           .words = {"\"weight_map\"", "\"two.safetensors\"", "\"../\"", "\"..\""},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
