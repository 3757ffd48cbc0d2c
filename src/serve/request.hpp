#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sharcs/engine.hpp"
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

/// The body of POST /v1/classify:
///
///     {"inputs": ["a gem", {"text": "Is it good?", "pair": "It is."}], "model": "sst2", "policy": "cascade:0.9"}
struct ClassifyRequest {
  std::string model;  ///< empty: the server's first
  std::vector<RequestInput> inputs;
  std::optional<std::string> policy;
  std::optional<double> budget;  ///< in place of a policy: mean cost at most, as a share of full width's
};

/// The body of POST /v1/embed: {"inputs": ["a gem"], "layer": 3, "pooling": "cls", "normalize": true}
struct EmbedRequest {
  std::string model;
  std::vector<RequestInput> inputs;
  EmbedOptions options;
};

/// Throws RequestError: 413 for too many inputs, 400 for all else. Members that are not known are refused by name.
ClassifyRequest read_classify_request(std::string_view body, const RequestLimits& limits);
EmbedRequest read_embed_request(std::string_view body, const RequestLimits& limits);

}  // namespace sharcs::internal
