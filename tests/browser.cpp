#include "browser.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "io/file.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::testing {
namespace {

namespace fs = std::filesystem;

Rendering render_once(const std::string& browser, const std::string& url, int width) {
  const TemporaryFolder folder;
  const std::string command =
      "timeout 60 '" + browser + "' --headless --no-sandbox --disable-gpu --disable-quic --no-first-run " +
      "--disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage " +
      "--enable-logging=stderr --window-size=" + std::to_string(width) + ",1000 --virtual-time-budget=3000 " +
      "--user-data-dir='" + (folder / "profile").string() + "' --dump-dom '" + url + "' > '" +
      (folder / "page").string() + "' 2> '" + (folder / "messages").string() + "'";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text_file(folder / "page"),
          read_text_file(folder / "messages")};
}

}  // namespace

std::string find_browser() {
  if (const char* named = std::getenv("SHARCS_BROWSER"); named != nullptr && *named != '\0') return named;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    for (const char* name : {"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"})
      if (const fs::path candidate = fs::path(folder) / name; ::access(candidate.c_str(), X_OK) == 0)
        return candidate.string();
  return {};
}

Rendering render_url(const std::string& browser, const std::string& url, int width) {
  Rendering rendering = render_once(browser, url, width);
  for (int more = 2; more > 0 && (rendering.status != 0 || rendering.page.empty()); --more)
    rendering = render_once(browser, url, width);
  return rendering;
}

}  // namespace sharcs::internal::testing
