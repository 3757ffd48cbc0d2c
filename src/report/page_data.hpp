#pragma once

#include <nlohmann/json.hpp>
#include <span>

#include "report/run_folder.hpp"

namespace sharcs::internal {

/// What page/page.js draws: everything is counted and averaged here, so that the page only has to draw it.
nlohmann::ordered_json page_data(std::span<const RunFolder> runs, const ReportOptions& options);

}  // namespace sharcs::internal
