#!/bin/sh
# What takes too long for every change, in this order; many hours on two cores:
#
#     sh tests/long.sh            all of it
#     sh tests/long.sh faults     one part: fuzz, faults, threads, reproducible
#
# Each part says what it did; the first one that fails ends it.
set -eu
cd "$(dirname "$0")/.."
parts=${*:-fuzz faults threads reproducible}
for part in $parts; do
  printf '\n=== %s\n' "$part"
  case $part in
    fuzz) sh tests/fuzz/run.sh runs=450000 ;;  # each of the harnesses: more than 10 million runs in all
    faults)
      sh cmake/dependencies.sh libopenmpi-dev openmpi-bin
      cmake --preset release >/dev/null
      cmake --build --preset release >/dev/null
      SHARCS_FAULTS=all build/release/tests/sharcs_tests --gtest_filter='*Faults*:*KilledTraining*:*LittleMemory*'
      ;;
    threads) sh tests/run.sh tsan ;;
    reproducible) sh tests/reproducible.sh ;;
    *)
      echo "no part $part; expected fuzz, faults, threads or reproducible" >&2
      exit 2
      ;;
  esac
done
