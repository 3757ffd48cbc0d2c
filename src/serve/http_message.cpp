#include "serve/http_message.hpp"

#include <nlohmann/json.hpp>

namespace sharcs::internal {

HttpResponse error_response(int status, const std::string& message) {
  const nlohmann::ordered_json json = {{"error", {{"status", status}, {"message", message}}}};
  return {.status = status, .body = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
}

}  // namespace sharcs::internal
