#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

/// A request that cannot be served as it is: what() is one line with the field, what was found, what was expected.
struct RequestError : Error {
  RequestError(int status_code, const std::string& message) : Error(message), status(status_code) {}
  int status;  ///< of the response: 400, 413, …
};

struct RequestInput {
  std::string text;
  std::optional<std::string> pair;
};

struct RequestLimits {
  std::size_t max_inputs = 256;
};

/// Which model a request asks, and how.
struct RequestChoice {
  std::string model;  ///< empty: the server's first
  std::optional<std::string> policy = {};
  std::optional<double> budget = {};  ///< in place of a policy: mean cost at most, as a share of full width's
};

/// The body of POST /v1/classify:
///
///     {"inputs": ["a gem", {"text": "Is it good?", "pair": "It is."}], "model": "sst2", "policy": "cascade:0.9"}
struct ClassifyRequest {
  RequestChoice choice;
  std::vector<RequestInput> inputs;
};

/// The body of POST /v1/tag, the words of each text: {"inputs": [["Ada", "lives", "in", "London"]], "budget": 0.5}
struct TagRequest {
  RequestChoice choice;
  std::vector<std::vector<std::string>> inputs;
};

/// The body of POST /v1/answer:
///
///     {"inputs": [{"question": "Where does Ada live?", "context": "Ada lives in London."}], "no_answer_above": 0}
struct AnswerRequest {
  RequestChoice choice;
  std::vector<TextPair> inputs;
  std::optional<double> no_answer_above = {};  ///< see Classifier::answer
};

/// The body of POST /v1/fill: {"inputs": ["The film was [MASK]."], "top": 3}
struct FillRequest {
  static constexpr int greatest_top = 100;

  RequestChoice choice;
  std::vector<std::string> inputs;
  int top = 5;  ///< tokens for each mask
};

/// The body of POST /v1/embed: {"inputs": ["a gem"], "layer": 3, "pooling": "cls", "normalize": true}
struct EmbedRequest {
  std::string model;
  std::vector<RequestInput> inputs;
  EmbedOptions options;
};

/// Throws RequestError: 413 for too many inputs, 400 for all else. Members that are not known are refused by name.
ClassifyRequest read_classify_request(std::string_view body, const RequestLimits& limits);
TagRequest read_tag_request(std::string_view body, const RequestLimits& limits);
AnswerRequest read_answer_request(std::string_view body, const RequestLimits& limits);
FillRequest read_fill_request(std::string_view body, const RequestLimits& limits);
EmbedRequest read_embed_request(std::string_view body, const RequestLimits& limits);

}  // namespace sharcs::internal
