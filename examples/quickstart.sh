#!/bin/sh
# From a clone to a routed model: installs what is missing, builds sharcs, makes graded sentences, trains a small encoder
# with two widths and a router on them, and classifies three sentences. About three minutes on two cores.
set -eu
cd "$(dirname "$0")/.."

sh cmake/dependencies.sh
cmake --preset release >/dev/null
cmake --build --preset release --target sharcs_cli
sharcs=build/release/sharcs
run=runs/quickstart

"$sharcs" synth --output "$run/data" --seed 1
"$sharcs" train --task sst-2 --data "$run/data" --config configs/quickstart.json --output "$run/model" --seed 1
"$sharcs" predict --model "$run/model" \
  --text "a wonderful film" \
  --text "it is not a dull story" \
  --text "contrary to what the critics wrote last week , the acting is terrible"
