#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace sharcs::internal {

struct HttpRequest {
  std::string method;        ///< "GET"
  std::string path;          ///< "/v1/classify", without what stands after a question mark
  std::string content_type;  ///< in lower case, without parameters: "application/json"
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< besides those of every response
};

/// Takes the response to a request. May be called on any thread; what comes after the first call is ignored.
using Reply = std::function<void(HttpResponse)>;

/// Answers a request, now or later. The stop token tells that nobody waits for the response any more.
using HttpHandler = std::function<void(HttpRequest, std::stop_token, Reply)>;

HttpResponse json_response(const nlohmann::ordered_json& json, int status = 200);

/// {"error": {"status": 400, "message": "…"}}
HttpResponse error_response(int status, const std::string& message);

}  // namespace sharcs::internal
