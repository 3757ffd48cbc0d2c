#!/bin/sh
# How fast `sharcs serve` is beside `sharcs predict`: by the model's policy and at full width, in one run.
#
#     sh bench/serve.sh MODEL SENTENCES [SECONDS]        SENTENCES: a file with a sentence a line
#     SOAK=600 sh bench/serve.sh MODEL SENTENCES         so many seconds of load, with the server's memory each tenth;
#                                                        RATE=50: so many sentences a second, else as many as it can
#     BUDGETS="0.4 0.6" sh bench/serve.sh MODEL SENTENCES   requests of one client with these budgets, with none (the
#                                                        model's own policy), and at full width: cost and time of an
#                                                        answer, beside the cost that calibration expects
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
  memory() { awk '/VmRSS/ {print $2}' "/proc/$server/status"; }
  # The greatest load comes first: memory grows until the largest batch has run, and may not afterwards.
  "$load" "$port" "$sentences" --clients 64 --seconds 20
  before=$(memory)
  echo "  after the greatest load: $before kB"
  for tenth in 1 2 3 4 5 6 7 8 9 10; do
    "$load" "$port" "$sentences" --clients 64 --seconds $((SOAK / 10)) --rate "${RATE:-0}"
    echo "  tenth $tenth: $(memory) kB"
  done
  after=$(memory)
  if [ "$after" -gt $((before + before / 20)) ]; then
    echo "memory has grown from $before to $after kB" >&2
    exit 1
  fi
  exit
fi

if [ -n "${BUDGETS:-}" ]; then
  # In turns, and the median of three. Where the machine has other work, the server's processor time tells more than p50.
  ticks() { awk '{print $14 + $15}' "/proc/$server/stat"; }
  for _ in 1 2 3; do
    for budget in $BUDGETS none full; do
      case $budget in
        none) wanted="" ;;
        full) wanted="--policy fixed:1" ;;
        *) wanted="--budget $budget" ;;
      esac
      before=$(ticks)
      # shellcheck disable=SC2086 # a list of words
      "$load" "$port" "$sentences" --clients 1 --seconds "$seconds" $wanted >"$start"
      answers=$(field answers <"$start")
      sed "s/}/,\"processor_ms\":$(echo "$before $(ticks) $answers" | awk '{print ($2 - $1) * 10 / $3}')}/" "$start" >>"$start.$budget"
    done
  done
  for budget in $BUDGETS none full; do
    case $budget in
      none) calibrated="" ;;
      full) calibrated=", expected 1" ;;
      *) calibrated=", expected $("$sharcs" calibrate --model "$model" --recording "$model/recording.json" --curve "$budget" \
        --dry-run --json 2>/dev/null | sed -n 's/^ *"cost_fraction": \([0-9.]*\).*/\1/p' | head -n 1 | cut -c1-5)" ;;
    esac
    middle() { printf '%.3f' "$(field "$1" <"$start.$budget" | sort -g | sed -n 2p)"; }
    echo "budget $budget: cost $(middle cost)$calibrated; p50 $(middle p50_ms) ms, processor time $(middle processor_ms) ms"
    rm -f "$start.$budget"
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
