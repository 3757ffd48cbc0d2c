#!/bin/sh
# How fast `sharcs serve` is beside `sharcs predict`: by the model's policy and at full width, in one run.
#
#     sh bench/serve.sh MODEL SENTENCES [SECONDS]        SENTENCES: a file with a sentence a line
#     SOAK=600 sh bench/serve.sh MODEL SENTENCES         so many seconds of load, with the server's memory each tenth
#
# For each policy: sentences a second of predict on the file, three times, of 1 client and of 32 and 64; and the times of
# an answer at a quarter and half of the greatest rate.
set -eu
cd "$(dirname "$0")/.."
model=$1 sentences=$2 seconds=${3:-5}
sharcs=${SHARCS:-build/release/sharcs} load=${SERVE_LOAD:-build/release/bench/serve_load}
start=$(mktemp)
"$sharcs" serve "$model" --port 0 --json >"$start" &
server=$!
trap 'kill $server 2>/dev/null; rm -f "$start"' EXIT
until [ -s "$start" ]; do sleep 0.1; done
port=$(sed 's/.*"port":\([0-9]*\).*/\1/' "$start")
field() { sed "s/.*\"$1\":\([0-9.e+-]*\).*/\1/"; }

if [ -n "${SOAK:-}" ]; then
  for tenth in 0 1 2 3 4 5 6 7 8 9; do
    "$load" "$port" "$sentences" --clients 64 --seconds $((SOAK / 10)) | field answers
    echo "  tenth $tenth: $(grep VmRSS "/proc/$server/status")"
  done
  exit
fi

count=$(grep -c . "$sentences")
for policy in model fixed:1; do
  echo "policy $policy"
  for _ in 1 2 3; do
    begin=$(date +%s.%N)
    "$sharcs" predict --model "$model" --input "$sentences" --policy "$policy" --output /dev/null --quiet
    end=$(date +%s.%N)
    echo "  predict: $(echo "$count $begin $end" | awk '{printf "%.0f", $1 / ($3 - $2)}') sentences a second, loading included"
    "$load" "$port" "$sentences" --clients 64 --seconds "$seconds" --policy "$policy" >"$start"
    echo "  serve:   $(cat "$start")"
  done
  most=$(field rate <"$start")
  for clients in 1 8 32; do "$load" "$port" "$sentences" --clients $clients --seconds "$seconds" --policy "$policy"; done
  for share in 0.25 0.5; do
    "$load" "$port" "$sentences" --clients 64 --seconds "$seconds" --policy "$policy" \
      --rate "$(echo "$most $share" | awk '{print $1 * $2}')"
  done
done
