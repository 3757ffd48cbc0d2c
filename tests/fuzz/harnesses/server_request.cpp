#include "fuzz/harness.hpp"
#include "serve/request.hpp"

namespace sharcs::internal::harnesses {
namespace {

std::vector<std::string> seeds() {
  return {
      R"({"inputs": ["a gem", {"text": "Is it good?", "pair": "It is."}], "model": "sst2", "policy": "cascade:0.9"})",
      R"({"inputs": ["a gem"], "budget": 0.5})", R"({"inputs": [{"text": "a \u00e9 \ud83d\ude00"}]})",
      R"({"inputs": ["a gem"], "layer": 3, "pooling": "cls", "normalize": true})"};
}

void read(std::string_view input, const Scratch&) {
  // An input that is one of the two requests need not be the other.
  try {
    read_embed_request(input, {});
  } catch (const RequestError&) {
  }
  read_classify_request(input, {});
}

}  // namespace

std::vector<Harness> server_request() {
  return {{.name = "server_request",
           .file = "body",
           .is_json = true,
           .words = {"\"inputs\"", "\"text\"", "\"pair\"", "\"model\"", "\"policy\"", "\"budget\"", "\"layer\"",
                     "\"pooling\"", "\"normalize\"", "NaN", "1e999"},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
