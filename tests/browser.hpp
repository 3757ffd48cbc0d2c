#pragma once

#include <string>

namespace sharcs::internal::testing {

/// An installed Chromium; empty when there is none. The environment variable SHARCS_BROWSER names another one.
std::string find_browser();

struct Rendering {
  int status;
  std::string page;      ///< as it is after its scripts have run
  std::string messages;  ///< what the browser wrote, errors of scripts included
};

/// Opens a page in a window of this width, without a screen. A browser that does not come up, or does not answer in
/// time, on a machine that does much else gets another chance.
Rendering render_url(const std::string& browser, const std::string& url, int width);

}  // namespace sharcs::internal::testing
