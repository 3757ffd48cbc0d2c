#!/bin/sh
# Makes the Debian packages from a release build, installs them on this machine, uses them as a stranger would, and removes
# them. As root, or through sudo:
#
#     sh tests/install/packages.sh [BUILD_FOLDER]     BUILD_FOLDER: build/release without one
set -eu
cd "$(dirname "$0")/../.."
folder=${1:-build/release}
fail() {
  echo "packages: $*" >&2
  exit 1
}
as_root=""
if [ "$(id -u)" -ne 0 ]; then as_root="sudo"; fi
sh cmake/dependencies.sh pkg-config lintian

sh cmake/packages.sh "$folder"
names=""
for file in "$folder"/deb/*.deb; do names="$names $(dpkg-deb --field "$file" Package)"; done
[ "$(echo $names)" = "libsharcs-dev libsharcs-inference0.1 libsharcs0.1 sharcs" ] || fail "found the packages$names"
# shellcheck disable=SC2086 # a list of words
lintian --fail-on error,warning --info $folder/deb/*.deb

version=$(dpkg-deb --field "$folder"/deb/sharcs_*.deb Version)
depends() { dpkg-deb --field "$folder/deb/$1"_*.deb Depends; }
for library in libsharcs0.1 libsharcs-inference0.1; do
  depends libsharcs-dev | grep -q "$library (= $version)" || fail "libsharcs-dev depends on: $(depends libsharcs-dev)"
done
depends libsharcs-inference0.1 | grep -q libgomp1 || fail "libsharcs-inference0.1 depends on: $(depends libsharcs-inference0.1)"
if depends libsharcs-inference0.1 | grep -q mpi; then fail "libsharcs-inference0.1 depends on MPI"; fi

scratch=$(mktemp -d)
remove() {
  # shellcheck disable=SC2086
  $as_root dpkg --purge $names >/dev/null
  rm -rf "$scratch"
}
for name in $names; do
  if dpkg-query --show "$name" >/dev/null 2>&1; then fail "$name is installed already: remove it first"; fi
done
trap remove EXIT
# shellcheck disable=SC2086
$as_root dpkg --install $folder/deb/*.deb >/dev/null
for name in $names; do
  [ -z "$($as_root dpkg --verify "$name")" ] || fail "$name: $(dpkg --verify "$name")"
done

# With CMake and C++, and with pkg-config and C; nothing says where sharcs is.
cmake -S examples/consumer -B "$scratch/consumer" -G Ninja >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
grep -q "^sharcs_DIR:PATH=/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)/cmake/sharcs$" "$scratch/consumer/CMakeCache.txt" ||
  fail "find_package took $(grep sharcs_DIR "$scratch/consumer/CMakeCache.txt")"
cmake --build "$scratch/consumer" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
# shellcheck disable=SC2046 # options
cc -std=c11 -Wall -Wextra -Werror -pedantic examples/classify.c -o "$scratch/classify_c" $(pkg-config --cflags --libs sharcs)
readelf --dynamic "$scratch/classify_c" | grep -q 'NEEDED.*libsharcs_inference.so.0.1' || fail "the C program does not use the installed library"

# All three say of a sentence what the model's files say.
model=tests/compatibility/0.1.0/run
[ "$(sharcs --version)" = "sharcs ${version%-*}" ] || fail "sharcs --version: $(sharcs --version)"
sentence=$(head -n 1 tests/compatibility/0.1.0/sentences.txt)
label=$(head -n 1 tests/compatibility/0.1.0/run.jsonl | sed 's/.*"label":"\([a-z]*\)".*/\1/')
head -n 1 tests/compatibility/0.1.0/sentences.txt >"$scratch/sentence"
sharcs predict --model $model --input "$scratch/sentence" --json --output "$scratch/answer.jsonl" --quiet
grep -q "\"label\":\"$label\"" "$scratch/answer.jsonl" || fail "sharcs predict: $(cat "$scratch/answer.jsonl"); expected $label"
"$scratch/consumer/consumer" $model "$sentence" | grep -q ": $label, at width" || fail "the C++ program did not say $label"
"$scratch/classify_c" $model "$sentence" | grep -q ": $label (probability" || fail "the C program did not say $label"
man --path sharcs >/dev/null 2>&1 || [ -f /usr/share/man/man1/sharcs.1.gz ] || fail "no manual page"
for file in bash-completion/completions/sharcs sharcs/configs doc/libsharcs0.1/changelog.Debian.gz doc/sharcs/copyright; do
  [ -e "/usr/share/$file" ] || fail "/usr/share/$file is not there"
done

remove
trap - EXIT
left=$(find /usr/bin /usr/lib /usr/include /usr/share -name '*sharcs*' 2>/dev/null)
[ -z "$left" ] || fail "left behind: $left"
echo "packages:$names: installed, used from C++, C and a shell, and removed"
