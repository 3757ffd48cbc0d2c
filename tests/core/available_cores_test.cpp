#include "core/available_cores.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "temporary_folder.hpp"

namespace sharcs::internal::available_cores_test {
namespace {

/// A file system of its own, with the files that a test writes.
struct CoresOfAGroup : ::testing::Test {
  TemporaryFolder folder;

  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = folder.path() / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::optional<double> quota() const { return cpu_quota(folder.path()); }
};

TEST_F(CoresOfAGroup, AreUnlimitedWithoutFiles) { EXPECT_EQ(quota(), std::nullopt); }

TEST_F(CoresOfAGroup, OfVersion2AreInCpuMax) {
  write("proc/self/cgroup", "0::/jobs/one\n");
  write("sys/fs/cgroup/jobs/one/cpu.max", "150000 100000\n");
  EXPECT_EQ(quota(), 1.5);
  write("sys/fs/cgroup/jobs/one/cpu.max", "max 100000\n");
  EXPECT_EQ(quota(), std::nullopt);
}

TEST_F(CoresOfAGroup, AreTheFewestOnTheWayToTheRoot) {
  write("proc/self/cgroup", "0::/jobs/one\n");
  write("sys/fs/cgroup/jobs/one/cpu.max", "800000 100000\n");
  write("sys/fs/cgroup/jobs/cpu.max", "300000 100000\n");
  write("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(quota(), 3);
}

TEST_F(CoresOfAGroup, OfAContainerAreThoseOfItsRoot) {
  // The group's name is that of the host; its files are the root of what the container sees.
  write("proc/self/cgroup", "0::/system.slice/docker-1234.scope\n");
  write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(quota(), 2);
  write("proc/self/cgroup", "0::/../outside\n");
  EXPECT_EQ(quota(), 2);
}

TEST_F(CoresOfAGroup, OfVersion1AreQuotaOverPeriod) {
  write("proc/self/cgroup", "9:name=systemd:/\n4:cpuset:/other\n3:cpu,cpuacct:/jobs\n0::/\n");
  write("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us", "250000\n");
  write("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(quota(), 5);
  write("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(quota(), std::nullopt);
  write("proc/self/cgroup", "2:cpuacct:/\n1:cpu:/jobs\n");
  write("sys/fs/cgroup/cpu/jobs/cpu.cfs_quota_us", "100000\n");
  write("sys/fs/cgroup/cpu/jobs/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), 1);
}

TEST_F(CoresOfAGroup, AreUnlimitedByFilesThatCannotBeUnderstood) {
  for (const char* groups : {"", "no colons\n", "0:\n", "0:cpu\n", "0::\n", "0::relative\n", "::\n", "\x01\xff\n"}) {
    write("proc/self/cgroup", groups);
    EXPECT_EQ(quota(), std::nullopt) << groups;
  }
  write("proc/self/cgroup", "0::/\n1:cpu:/\n");
  for (const char* text : {"", "\n", "100000", "100000 \n", " 100000\n", "x 100000\n", "100000 x\n", "100000 0\n",
                           "0 100000\n", "-5 100000\n", "inf 1\n", "nan 1\n", "1e999 1\n", "1 2 3\n"}) {
    write("sys/fs/cgroup/cpu.max", text);
    write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", text);
    write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "1 1\n");
    EXPECT_EQ(quota(), std::nullopt) << text;
  }
}

TEST(AvailableCores, AreAtLeastOne) { EXPECT_GE(available_cores(), 1); }

}  // namespace
}  // namespace sharcs::internal::available_cores_test
