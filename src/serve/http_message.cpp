#include "serve/http_message.hpp"

#include <nlohmann/json.hpp>

namespace sharcs::internal {

HttpResponse json_response(const nlohmann::ordered_json& json, int status) {
  return {.status = status, .body = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
}

HttpResponse error_response(int status, const std::string& message) {
  return json_response({{"error", {{"status", status}, {"message", message}}}}, status);
}

}  // namespace sharcs::internal
