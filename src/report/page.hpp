#pragma once

#include <nlohmann/json.hpp>
#include <span>

#include "report/run_folder.hpp"

namespace sharcs::internal {

// The files of src/report/page/, put into the library by cmake/embed.cmake.
extern const char* const page_html;
extern const char* const page_css;
extern const char* const page_js;

/// What page/page.js draws: everything is counted and averaged here, so that the page only has to draw it.
nlohmann::ordered_json page_data(std::span<const RunFolder> runs, const ReportOptions& options);

}  // namespace sharcs::internal
