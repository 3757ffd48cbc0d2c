#!/bin/sh
# Installs clang, builds the fuzzers and runs them one after the other, each for so many seconds or so many runs:
#
#   sh tests/fuzz/run.sh 60                    a minute each
#   sh tests/fuzz/run.sh runs=300000           so many runs each
#   sh tests/fuzz/run.sh 600 text torch_file   only these two
#
# Prints a line a harness: runs, coverage (of libFuzzer's counters), findings. What is found stands in
# build/fuzz/found/HARNESS; copy it to tests/fuzz/found/HARNESS once it is fixed, and ctest replays it from then on.
# The corpora grow in build/fuzz/corpus.
set -eu
cd "$(dirname "$0")/../.."
limit=${1:-60}
[ $# -gt 0 ] && shift
case $limit in
  runs=*) limit=-runs=${limit#runs=} ;;
  *) limit=-max_total_time=$limit ;;
esac
if [ -z "${SHARCS_FUZZ_AS_BUILT:-}" ]; then
  sh cmake/dependencies.sh clang libclang-rt-dev libomp-dev
  cmake --preset fuzz >/dev/null
  cmake --build --preset fuzz >&2
fi
program=build/fuzz/tests/fuzz/sharcs_fuzz
names=$(SHARCS_FUZZ_SEEDS=build/fuzz/seeds "$program")
[ $# -gt 0 ] && names=$*
status=0
for name in $names; do
  mkdir -p "build/fuzz/corpus/$name" "build/fuzz/found/$name"
  dictionary=build/fuzz/seeds/$name.dict
  [ -s "$dictionary" ] || dictionary=
  SHARCS_HARNESS=$name OMP_NUM_THREADS=1 "$program" "$limit" -timeout=20 -rss_limit_mb=2048 -detect_leaks=0 \
    -print_final_stats=1 ${dictionary:+"-dict=$dictionary"} -artifact_prefix="build/fuzz/found/$name/" \
    "build/fuzz/corpus/$name" "build/fuzz/seeds/$name" ${SHARCS_FUZZ_FLAGS:-} >"build/fuzz/$name.log" 2>&1 || status=1
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log")
  coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "build/fuzz/$name.log" | tail -n 1)
  [ "${runs:-0}" -gt 0 ] || { tail -n 3 "build/fuzz/$name.log" >&2; status=1; }
  printf '%-22s %9s runs   coverage %6s   findings %s\n' "$name" "${runs:-0}" "${coverage:-0}" \
    "$(find "build/fuzz/found/$name" -type f | wc -l)"
done
exit $status
