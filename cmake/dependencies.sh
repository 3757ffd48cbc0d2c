#!/bin/sh
# Installs what building sharcs needs, on Debian 12 or newer: dependencies.sh [more packages …]
# As root, or through sudo. What is there already is left alone.
set -eu
packages="g++ cmake ninja-build libeigen3-dev libgtest-dev libgmock-dev libcli11-dev nlohmann-json3-dev libhwy-dev libicu-dev zlib1g-dev libxxhash-dev libfmt-dev libboost-dev"

missing=""
for package in $packages "$@"; do
  dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then as_root="sudo"; fi
echo "Installing:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
