#include "formats/checkpoint_json.hpp"

#include <set>
#include <vector>

#include "core/quote.hpp"
#include "io/json_cursor.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

using nlohmann::json;

json parse_checkpoint_json(std::string_view text, const std::string& place) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
      throw CheckpointError(place + " has the key " + quote(value.get<std::string>()) + " twice");
    return true;
  };
  if (const std::size_t byte = find_too_deep(text); byte != std::string_view::npos)
    throw CheckpointError(place + " is not valid JSON at byte " + std::to_string(byte + 1) +
                          ", where lists and objects are too deep in each other; expected a JSON object");
  json parsed;
  try {
    parsed = json::parse(text.begin(), text.end(), check);
  } catch (const json::exception& error) {
    const auto* parse = dynamic_cast<const json::parse_error*>(&error);
    throw CheckpointError(place + " is not valid JSON" +
                          (parse == nullptr ? "" : " at byte " + std::to_string(parse->byte)) +
                          "; expected a JSON object");
  }
  if (!parsed.is_object()) throw CheckpointError(place + " is a JSON " + parsed.type_name() + "; expected an object");
  return parsed;
}

}  // namespace sharcs::internal
