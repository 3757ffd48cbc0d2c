#pragma once

namespace sharcs::internal {

// The files of src/report/page/, put into the library by cmake/embed.cmake.
extern const char* const page_html;
extern const char* const page_css;
extern const char* const page_js;

}  // namespace sharcs::internal
