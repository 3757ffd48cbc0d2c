#!/bin/sh
# Builds and installs the committed sources twice, in folders of other names, and compares every file, bit for bit:
#
#     sh tests/reproducible.sh          as a release is built
#     sh tests/reproducible.sh quick    without optimization and for one instruction set: minutes less
#
# What makes builds differ (paths, times, the order of files) does so without optimization, too.
set -eu
cd "$(dirname "$0")/.."
type=Release hardening=ON
if [ "${1:-}" = quick ]; then
  type=None hardening=OFF
  export CXXFLAGS="-O0 -DNDEBUG -DHWY_COMPILE_ONLY_STATIC"
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for name in a another-folder; do
  mkdir -p "$scratch/$name/source"
  git archive HEAD | tar -x -C "$scratch/$name/source"
  cmake -S "$scratch/$name/source" -B "$scratch/$name/build" -G Ninja -DCMAKE_UNITY_BUILD=ON \
    -DCMAKE_BUILD_TYPE=$type -DSHARCS_HARDENING=$hardening -DSHARCS_BUILD_TESTS=OFF -DSHARCS_BUILD_EXAMPLES=OFF -DSHARCS_BUILD_BENCH=OFF \
    >"$scratch/log"
  CCACHE_DISABLE=1 cmake --build "$scratch/$name/build" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
  DESTDIR="$scratch/$name/installed" cmake --install "$scratch/$name/build" --prefix /usr >/dev/null
done
diff -r "$scratch/a/installed" "$scratch/another-folder/installed"
echo "$(find "$scratch/a/installed" -type f | wc -l) files are the same in both builds"
