#!/bin/sh
# Makes Debian packages of the library, what developers need of it, and the program:
#
#     sh cmake/packages.sh                  builds in build/packages
#     sh cmake/packages.sh build/release    takes what a release build has compiled; only the shared libraries are linked
#
# The packages come to FOLDER/deb. A folder that was there before is configured afterwards as it was.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-build/packages}
sh cmake/dependencies.sh dpkg-dev file gzip
# The date of the packages is that of the sources, so that the same sources give the same packages.
[ -n "${SOURCE_DATE_EPOCH:-}" ] || SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH

cached() { sed -n "s/^$1:[A-Z]*=//p" "$folder/CMakeCache.txt"; }
configure() { cmake -S . -B "$folder" "$@" >"$folder/configure.log" 2>&1 || { cat "$folder/configure.log" >&2; return 1; }; }
if [ -f "$folder/CMakeCache.txt" ]; then
  shared=$(cached BUILD_SHARED_LIBS) prefix=$(cached CMAKE_INSTALL_PREFIX)
  trap 'configure -DSHARCS_PACKAGES=OFF -DBUILD_SHARED_LIBS="${shared:-OFF}" -DCMAKE_INSTALL_PREFIX="$prefix"' EXIT
  set --
else
  mkdir -p "$folder"
  set -- -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON -DSHARCS_BUILD_TESTS=OFF -DSHARCS_BUILD_EXAMPLES=OFF \
    -DSHARCS_BUILD_BENCH=OFF
fi
configure "$@" -DSHARCS_PACKAGES=ON -DBUILD_SHARED_LIBS=ON -DCMAKE_INSTALL_PREFIX=/usr
cmake --build "$folder" --target libsharcs.so libsharcs_inference.so sharcs_cli  # "sharcs" is the program for Ninja
rm -rf "$folder/deb"
(cd "$folder" && cpack -B deb >cpack.log 2>&1) || { cat "$folder/cpack.log" >&2; exit 1; }
rm -rf "$folder/deb/_CPack_Packages"
ls "$folder"/deb/*.deb
