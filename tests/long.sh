#!/bin/sh
# What takes too long for every change, in this order; many hours on two cores:
#
#     sh tests/long.sh            all of it
#     sh tests/long.sh faults     one part: fuzz, faults, threads, emulated, embedded, conan, reproducible
#
# Each part says what it did; the first one that fails ends it.
set -eu
cd "$(dirname "$0")/.."
parts=${*:-fuzz faults threads emulated embedded conan reproducible}
build_release() {
  sh cmake/dependencies.sh libopenmpi-dev openmpi-bin
  cmake --preset release -DSHARCS_LONG_TESTS=ON >/dev/null
  cmake --build --preset release >/dev/null
}
for part in $parts; do
  printf '\n=== %s\n' "$part"
  case $part in
    fuzz) sh tests/fuzz/run.sh runs=450000 ;;  # each of the harnesses: more than 10 million runs in all
    faults)
      build_release
      SHARCS_FAULTS=all build/release/tests/sharcs_tests --gtest_filter='*Faults*:*KilledTraining*:*LittleMemory*'
      ;;
    threads)
      sh tests/run.sh tsan
      build_release
      # Ten minutes: in each of three precisions, eight threads of one classifier.
      SHARCS_CALLERS_SECONDS=200 build/release/tests/sharcs_tests --gtest_filter='*EightCallers*'
      ;;
    emulated) sh tests/emulated.sh ;;
    embedded)
      build_release
      ctest --preset release --tests-regex Embedded
      ;;
    conan) sh tests/install/conan.sh ;;
    reproducible) sh tests/reproducible.sh ;;
    *)
      echo "no part $part; expected fuzz, faults, threads, emulated, embedded, conan or reproducible" >&2
      exit 2
      ;;
  esac
done
