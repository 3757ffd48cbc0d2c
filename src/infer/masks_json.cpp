#include "infer/masks_json.hpp"

#include <nlohmann/json.hpp>

namespace sharcs::internal {

nlohmann::ordered_json masks_json(const FilledText& filled) {
  auto masks = nlohmann::ordered_json::array();
  for (const std::vector<MaskFilling>& mask : filled.masks) {
    auto& list = masks.emplace_back(nlohmann::ordered_json::array());
    for (const MaskFilling& filling : mask)
      list.push_back({{"token", filling.token}, {"id", filling.id}, {"probability", filling.probability}});
  }
  return masks;
}

}  // namespace sharcs::internal
