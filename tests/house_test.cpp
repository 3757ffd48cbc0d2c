// The house keeps its own rules: which floor may include which, and what the public face is.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "cli/program.hpp"

namespace sharcs::internal::house_test {
namespace {

namespace fs = std::filesystem;

const fs::path root = SHARCS_SOURCE_DIR;

/// From the lowest to the highest. A file includes headers of its own floor and of those before it.
constexpr std::array floors = {"core",    "io",    "kernels", "nn",    "model",  "formats", "text",  "data",
                               "routing", "infer", "eval",    "train", "report", "onnx",    "serve", "cli"};

/// The floor's place in the list, or the list's size for a name that is no floor.
std::size_t floor_number(const std::string& name) {
  return static_cast<std::size_t>(std::ranges::find(floors, name) - floors.begin());
}

std::vector<fs::path> sources_under(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".hpp" || entry.path().extension() == ".cpp") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// What stands between the quotes of `#include "…"`, or between the brackets of `#include <…>`.
std::vector<std::string> includes_of(const fs::path& file) {
  std::vector<std::string> includes;
  for (const std::string& line : lines_of(file)) {
    if (!line.starts_with("#include ") || line.size() < 11) continue;
    includes.push_back(line.substr(10, line.find_first_of("\">", 10) - 10));
  }
  return includes;
}

std::string first_folder(const fs::path& path) { return path.begin()->string(); }

TEST(House, FloorsIncludeOnlyFloorsBelowThem) {
  const std::vector<fs::path> files = sources_under(root / "src");
  ASSERT_GT(files.size(), 100u);
  for (const fs::path& file : files) {
    const fs::path place = file.lexically_relative(root / "src");
    const std::size_t own = floor_number(first_folder(place));
    ASSERT_LT(own, floors.size()) << place << " stands on no floor";
    for (const std::string& include : includes_of(file)) {
      const std::size_t other = floor_number(first_folder(include));
      if (other == floors.size()) continue;  // a public header, or another library's
      EXPECT_LE(other, own) << place << " includes " << include << ", which stands on a higher floor";
    }
  }
}

TEST(House, PublicFaceIsAtMostSeventeenShortHeadersAndOneForAll) {
  const std::vector<fs::path> headers = sources_under(root / "include/sharcs");
  const std::vector<std::string> in_all = includes_of(root / "include/sharcs/sharcs.hpp");
  EXPECT_LE(headers.size(), 18u);
  for (const fs::path& header : headers) {
    EXPECT_LT(lines_of(header).size(), 150u) << header;
    const std::string name = "sharcs/" + header.filename().string();
    if (name == "sharcs/sharcs.hpp") continue;
    EXPECT_TRUE(std::ranges::find(in_all, name) != in_all.end()) << "sharcs.hpp does not include " << name;
  }
}

TEST(House, PublicHeadersIncludeNeitherTheInsideNorOtherLibraries) {
  for (const fs::path& header : sources_under(root / "include/sharcs"))
    for (const std::string& include : includes_of(header))
      EXPECT_TRUE(include.starts_with("sharcs/") || include.find_first_of("/.") == std::string::npos)
          << header << " includes " << include;
}

/// Else the same sources in another folder would give another program: see tests/reproducible.sh.
TEST(House, TheProgramDoesNotTellWhereItWasBuilt) {
  std::ifstream in(testing::program_file(), std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  ASSERT_FALSE(bytes.empty());
  if (bytes.find(".debug_info") != std::string::npos) GTEST_SKIP() << "debug information has paths";
  const std::size_t place = bytes.find(root.string() + "/");
  EXPECT_EQ(place, std::string::npos) << bytes.substr(std::min(place, bytes.size()), 100);
}

}  // namespace
}  // namespace sharcs::internal::house_test
