#pragma once

#include <filesystem>
#include <optional>

namespace sharcs::internal {

/// The cores that this process may keep busy: those of its affinity mask (`taskset`), but no more than the CPU quota of
/// its control group (`docker run --cpus 2`), rounded up. At least 1. Found once, when it is first asked for.
int available_cores();

/// The CPU quota of this process's control group in cores, such as 1.5: the smallest one on the way from the group to
/// the root. Reads /proc/self/cgroup and the files of versions 1 and 2 in /sys/fs/cgroup, both below `root`. No value
/// where there is no quota; a file that is absent or cannot be understood sets none.
std::optional<double> cpu_quota(const std::filesystem::path& root);

}  // namespace sharcs::internal
