#include "core/available_cores.hpp"

#include <omp.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace sharcs::internal {
namespace {

std::string first_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

std::optional<double> number(std::string_view word) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<double> ratio(std::string_view quota, std::string_view period) {
  const auto microseconds = number(quota), of = number(period);
  if (!microseconds || !of || *microseconds <= 0 || *of <= 0) return std::nullopt;  // "max" and −1: no quota
  return *microseconds / *of;
}

/// Version 2: cpu.max is "150000 100000" or "max 100000".
std::optional<double> quota_of_version_2(const std::filesystem::path& group) {
  const std::string line = first_line(group / "cpu.max");
  const std::size_t space = line.find(' ');
  if (space == std::string::npos) return std::nullopt;
  return ratio(std::string_view(line).substr(0, space), std::string_view(line).substr(space + 1));
}

/// Version 1: the quota is −1 where there is none.
std::optional<double> quota_of_version_1(const std::filesystem::path& group) {
  return ratio(first_line(group / "cpu.cfs_quota_us"), first_line(group / "cpu.cfs_period_us"));
}

/// The smallest quota of a group and those that it stands in. `group` begins with "/". In a container the groups above
/// its own are often not to be seen, and its own is the root: files that are absent are passed over.
std::optional<double> smallest_quota(const std::filesystem::path& hierarchy, const std::string& group,
                                     std::optional<double> (*quota_of)(const std::filesystem::path&)) {
  std::optional<double> smallest;
  const auto look = [&](const std::filesystem::path& folder) {
    const std::optional<double> quota = quota_of(folder);
    if (quota && (!smallest || *quota < *smallest)) smallest = quota;
  };
  std::filesystem::path folder = hierarchy;
  look(folder);
  for (const auto& name : std::filesystem::path(group).relative_path()) {
    if (name == ".." || name.empty()) break;  // a group outside of the container
    folder /= name;
    look(folder);
  }
  return smallest;
}

/// Whether a list such as "cpu,cpuacct" has the name.
bool has_name(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == name) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

std::optional<double> cpu_quota(const std::filesystem::path& root) {
  const std::filesystem::path mounts = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  std::optional<double> smallest;
  const auto take = [&](std::optional<double> quota) {
    if (quota && (!smallest || *quota < *smallest)) smallest = quota;
  };
  // A line is "NUMBER:CONTROLLERS:GROUP", of version 2 "0::GROUP".
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos || second + 1 >= line.size() || line[second + 1] != '/') continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    if (controllers.empty()) {
      take(smallest_quota(mounts, group, quota_of_version_2));
      take(smallest_quota(mounts / "unified", group, quota_of_version_2));  // where both versions are in use
    } else if (has_name(controllers, "cpu")) {
      // The folder has the controllers' names, or there is a link to it with one of them.
      const std::string folder = std::filesystem::exists(mounts / controllers) ? controllers : "cpu";
      take(smallest_quota(mounts / folder, group, quota_of_version_1));
    }
  }
  return smallest;
}

int available_cores() {
  static const int cores = [] {
    const int of_mask = std::max(1, omp_get_num_procs());
    const std::optional<double> quota = cpu_quota("/");
    return quota && *quota < of_mask ? std::max(1, static_cast<int>(std::ceil(*quota))) : of_mask;
  }();
  return cores;
}

}  // namespace sharcs::internal
