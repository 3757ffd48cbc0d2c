#include "formats/safetensors.hpp"

#include "fuzz/harness.hpp"
#include "fuzz/tensor_files.hpp"

namespace sharcs::internal::harnesses {
namespace {

std::vector<std::string> seeds() {
  return {safetensors_file(), safetensors_of("{}", ""), safetensors_of("{\"__metadata__\":{\"a\":\"b\"}}", "")};
}

void read(std::string_view input, const Scratch& scratch) {
  read_all_tensors(open_safetensors(scratch.write("model.safetensors", input)));
}

/// The header alone: what stands before and behind it fits.
std::vector<std::string> header_seeds() {
  return {
      R"({"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"b":{"dtype":"I8","shape":[8],"data_offsets":[8,16]}})",
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2,0,3],"data_offsets":[0,0]}})"};
}

void read_header(std::string_view input, const Scratch& scratch) {
  read(safetensors_of(std::string(input), std::string(16, '\1')), scratch);
}

}  // namespace

std::vector<Harness> safetensors() {
  return {
      {.name = "safetensors",
       .file = "model.safetensors",
       .words = {"\"dtype\"", "\"shape\"", "\"data_offsets\"", "\"F16\"", "\"__metadata__\""},
       .seeds = seeds,
       .read = read},
      {.name = "safetensors_header",
       .file = "model.safetensors",
       .is_json = true,
       .words = {"\"dtype\"", "\"shape\"", "\"data_offsets\"", "\"F16\"", "\"__metadata__\"", "18446744073709551615"},
       .seeds = header_seeds,
       .read = read_header}};
}

}  // namespace sharcs::internal::harnesses
