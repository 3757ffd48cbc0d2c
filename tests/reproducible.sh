#!/bin/sh
# Builds and installs the committed sources twice, in folders of other names, and compares every file, bit for bit:
#
#     sh tests/reproducible.sh
set -eu
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for name in a another-folder; do
  mkdir -p "$scratch/$name/source"
  git archive HEAD | tar -x -C "$scratch/$name/source"
  cmake -S "$scratch/$name/source" -B "$scratch/$name/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON \
    -DSHARCS_BUILD_TESTS=OFF -DSHARCS_BUILD_EXAMPLES=OFF -DSHARCS_BUILD_BENCH=OFF >"$scratch/log"
  CCACHE_DISABLE=1 cmake --build "$scratch/$name/build" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
  DESTDIR="$scratch/$name/installed" cmake --install "$scratch/$name/build" --prefix /usr >/dev/null
done
diff -r "$scratch/a/installed" "$scratch/another-folder/installed"
echo "$(find "$scratch/a/installed" -type f | wc -l) files are the same in both builds"
