#!/bin/sh
# Brings what examples/routed_onnx.cpp is built with where ONNX Runtime is not installed: its headers from Debian 13, since Debian
# 12 has none, by apt from the mirror that the machine uses; and the library of the virtual environment of make_venv.sh. Nothing is
# installed: all goes into the build folder.
#
#     sh tests/interchange/fetch_onnxruntime.sh [FOLDER]     FOLDER: build/interchange without one
set -eu
cd "$(dirname "$0")/../.."
folder=$(realpath "${1:-build/interchange}")
[ ! -e "$folder/onnxruntime/libonnxruntime.so" ] || exit 0

work=$folder/onnxruntime-apt
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
site=$(apt-get indextargets --format '$(CODENAME) $(SITE)' | awk -v release="$release" '$1 == release { print $2; exit }')
echo "deb $site trixie main" >"$work/sources.list"
apt() {
  apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/lists" \
    -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}
apt update
(cd "$work" && apt download libonnxruntime-dev)
dpkg -x "$work"/libonnxruntime-dev_*.deb "$work/package"

mkdir -p "$folder/onnxruntime"
cp -r "$work/package/usr/include/onnxruntime/." "$folder/onnxruntime"
library=$(ls "$folder"/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.*)
ln -sf "$library" "$folder/onnxruntime/libonnxruntime.so.1"  # the name that programs look for
ln -sf libonnxruntime.so.1 "$folder/onnxruntime/libonnxruntime.so"
rm -r "$work"
