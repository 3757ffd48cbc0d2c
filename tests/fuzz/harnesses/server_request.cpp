#include "fuzz/harness.hpp"
#include "serve/request.hpp"

namespace sharcs::internal::harnesses {
namespace {

std::vector<std::string> seeds() {
  return {
      R"({"inputs": ["a gem", {"text": "Is it good?", "pair": "It is."}], "model": "sst2", "policy": "cascade:0.9"})",
      R"({"inputs": ["a gem"], "budget": 0.5})",
      R"({"inputs": [{"text": "a \u00e9 \ud83d\ude00"}]})",
      R"({"inputs": ["a gem"], "layer": 3, "pooling": "cls", "normalize": true})",
      R"({"inputs": [["Ada", "lives", "in", "London"]], "budget": 0.5})",
      R"({"inputs": [{"question": "Where?", "context": "In London."}], "no_answer_above": -1.5})",
      R"({"inputs": ["The film was [MASK]."], "top": 3})"};
}

void read(std::string_view input, const Scratch&) {
  // An input that is one of the requests need not be another.
  const auto try_to = [&](const auto& read_request) {
    try {
      read_request(input, RequestLimits());
    } catch (const RequestError&) {
    }
  };
  try_to(read_embed_request);
  try_to(read_tag_request);
  try_to(read_answer_request);
  try_to(read_fill_request);
  read_classify_request(input, {});
}

}  // namespace

std::vector<Harness> server_request() {
  return {{.name = "server_request",
           .file = "body",
           .is_json = true,
           .words = {"\"inputs\"", "\"text\"", "\"pair\"", "\"model\"", "\"policy\"", "\"budget\"", "\"layer\"",
                     "\"pooling\"", "\"normalize\"", "\"question\"", "\"context\"", "\"no_answer_above\"", "\"top\"",
                     "NaN", "1e999"},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
