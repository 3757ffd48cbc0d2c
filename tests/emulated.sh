#!/bin/sh
# Builds sharcs and its tests for AArch64 and runs them under QEMU's user-mode emulation, as two processes:
#
#     sh tests/emulated.sh                       all but the slow tests, on a processor with dot products and BF16
#     sh tests/emulated.sh 'Gemm*:Golden*'       only these
#     CPU=cortex-a53 sh tests/emulated.sh 'Gemm*'    on one that has NEON alone
#
# On Debian. Half an hour to build, and hours to run: training, calibration and the odd shapes of kernels take long there.
set -eu
cd "$(dirname "$0")/.."
filter=${1:-*}
emulator="qemu-aarch64-static -cpu ${CPU:-max}"
if ! dpkg --print-foreign-architectures | grep -qx arm64; then
  as_root=""
  [ "$(id -u)" -eq 0 ] || as_root="sudo"
  $as_root dpkg --add-architecture arm64
fi
sh cmake/dependencies.sh g++-aarch64-linux-gnu qemu-user-static libc6-dev:arm64 libgomp1:arm64 libgtest-dev:arm64 \
  libgmock-dev:arm64 libhwy-dev:arm64 libicu-dev:arm64 zlib1g-dev:arm64 libxxhash-dev:arm64 libfmt-dev:arm64
cmake --preset emulated
cmake --build --preset emulated
build=build/emulated
processes=""
for shard in 0 1; do
  GTEST_TOTAL_SHARDS=2 GTEST_SHARD_INDEX=$shard $emulator $build/tests/sharcs_tests --gtest_filter="$filter-*.Slow*" --gtest_brief=1 \
    >$build/shard-$shard.log 2>&1 &
  processes="$processes $!"
done
status=0
for process in $processes; do wait "$process" || status=1; done
grep -h -E '^\[  (FAILED|PASSED)|tests? ran|Failure$' $build/shard-*.log || status=1
exit $status
