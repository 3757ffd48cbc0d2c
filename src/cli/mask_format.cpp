#include "cli/mask_format.hpp"

#include <nlohmann/json.hpp>

#include "core/number.hpp"
#include "infer/masks_json.hpp"

namespace sharcs::internal {

std::string MaskFormat::begin() const { return is_json_ ? "" : "mask\ttoken\tprobability\tanswer\n\n"; }

std::string MaskFormat::entry(const Sample& sample, const FilledText& filled) const {
  if (!is_json_) {
    std::string lines;
    for (std::size_t m = 0; m < filled.masks.size(); ++m)
      for (const MaskFilling& filling : filled.masks[m])
        lines += std::to_string(m + 1) + "\t" + filling.token + "\t" + decimal(filling.probability, 4) + "\t" +
                 filled.prediction.answer + "\n";
    return lines + "\n";
  }
  nlohmann::ordered_json json;
  json["masks"] = masks_json(filled);
  json["answer"] = filled.prediction.answer;
  json["width"] = filled.prediction.width;
  json["multiply_adds"] = filled.prediction.multiply_adds;
  if (filled.prediction.truncated) json["truncated"] = true;
  json["text"] = sample.text;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string MaskFormat::entry(const BadLine& bad) const {
  if (!is_json_) return "\t\t\t\n\n";
  return nlohmann::ordered_json{{"line", bad.line}, {"error", bad.problem}}.dump(
             -1, ' ', false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

}  // namespace sharcs::internal
