#!/bin/sh
# Builds sharcs by its Conan recipe, and a program that takes it from there. Minutes: the recipe compiles everything.
#
#     sh tests/install/conan.sh [OPTIONS OF CONAN …]      such as: -o 'sharcs/*:shared=True'
#
# The libraries that sharcs needs are those of the system, under the names that ConanCenter has for them. Conan itself is
# installed into build/conan.
set -eu
cd "$(dirname "$0")/../.."
folder=$PWD/build/conan
sh cmake/dependencies.sh python3-venv
[ -x "$folder/bin/conan" ] || { python3 -m venv "$folder" && "$folder/bin/pip" install --quiet conan==2.34.0; }
conan() { "$folder/bin/conan" "$@" -vwarning; }
export CONAN_HOME="$folder/home"
conan profile detect --force
conan remote disable '*'
for library in icu/72.1 zlib/1.2.13 highway/1.0.3 eigen/3.4.0 nlohmann_json/3.11.2 fmt/9.1.0 xxhash/0.8.1 cli11/2.3.2 boost/1.74.0; do
  conan export tests/install/conan_system --name "${library%/*}" --version "${library#*/}"
done
conan create cmake/conan --build=missing -s compiler.cppstd=gnu20 -c tools.cmake.cmaketoolchain:generator=Ninja "$@"
echo "conan: built, and used by examples/consumer"
