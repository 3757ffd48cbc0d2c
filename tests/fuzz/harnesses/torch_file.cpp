#include "formats/pytorch_file.hpp"
#include "formats/torch_files.hpp"
#include "fuzz/harness.hpp"
#include "fuzz/tensor_files.hpp"

namespace sharcs::internal::harnesses {
namespace {

using namespace torch_files;

const std::string bytes_of_storage(24, '\1');

std::string pickle(const std::string& view = "") {
  const std::string floats = storage("FloatStorage", "0", 6, view);
  return state_dict({{"a", tensor(floats, 0, {2, 3}, {3, 1})},
                     {"b", tensor(floats, 1, {2, 2}, {1, 2})},
                     {"c", call(global("torch._utils", "_rebuild_parameter"),
                                {tensor(floats, 0, {1, 4}, {std::int64_t{1} << 62, 1}), "\x88", ordered_dict})}});
}

std::vector<std::string> seeds() {
  return {saved(pickle(), {bytes_of_storage}), saved(pickle(), {bytes_of_storage}, {.zip64 = true}),
          saved_before_1_6(pickle("N"), {{"0", 6, bytes_of_storage}})};
}

void read(std::string_view input, const Scratch& scratch) {
  read_all_tensors(open_pytorch(scratch.write("pytorch_model.bin", input)));
}

/// The pickle alone, in an archive whose checksums are right.
std::vector<std::string> pickle_seeds() {
  return {pickle(), state_dict({{"z", tensor(storage("LongStorage", "0", 3), 2, {}, {})},
                                {"y", tensor(storage("BoolStorage", "0", 24), 0, {4, 0, 2}, {0, 7, 1})}})};
}

void read_pickle(std::string_view input, const Scratch& scratch) {
  read(saved(std::string(input), {bytes_of_storage}), scratch);
}

const std::vector<std::string> pickle_words = {global("collections", "OrderedDict"),
                                               global("torch._utils", "_rebuild_tensor_v2"),
                                               global("torch._utils", "_rebuild_tensor"),
                                               global("torch", "HalfStorage"),
                                               global("torch", "DoubleStorage"),
                                               ordered_dict,
                                               "\x8a\x08",
                                               "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
                                               text("storage"),
                                               "\x94",
                                               "\x93"};

}  // namespace

std::vector<Harness> torch_file() {
  return {{.name = "torch_file",
           .file = "pytorch_model.bin",
           .words = {"PK\1\2", "PK\3\4", "PK\5\6", "PK\6\6", "PK\6\7", "model/data.pkl", "model/data/0"},
           .seeds = seeds,
           .read = read},
          {.name = "torch_pickle",
           .file = "pytorch_model.bin",
           .words = pickle_words,
           .seeds = pickle_seeds,
           .read = read_pickle}};
}

}  // namespace sharcs::internal::harnesses
