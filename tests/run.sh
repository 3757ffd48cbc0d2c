#!/bin/sh
# Installs what is missing, builds sharcs and runs all tests: tests/run.sh [preset [options of ctest …]]
# The preset is release (the default), debug, asan-ubsan or tsan; see CMakePresets.json.
set -eu
cd "$(dirname "$0")/.."
preset="${1:-release}"
[ $# -eq 0 ] || shift

case "$preset" in
  tsan) sh cmake/dependencies.sh clang libclang-rt-dev libomp-dev ;;
  asan-ubsan) sh cmake/dependencies.sh ;;
  *) sh cmake/dependencies.sh libopenmpi-dev openmpi-bin ;;
esac
cmake --preset "$preset"
cmake --build --preset "$preset"
ctest --preset "$preset" --parallel "$(nproc)" "$@"
