#!/bin/sh
# What an encoder that is smaller for every input costs and knows, to hold beside a routed one (examples/compare_policies.sh):
# trains the encoder whole, its first third, half and two thirds of layers, and a half and a quarter of its width.
#
#     sh examples/compare_static.sh TASK ENCODER CONFIG DATA OUTPUT [OPTION OF sharcs train]...
#     sh examples/compare_static.sh sst-2 models/minilm configs/minilm.json path/to/SST-2 runs/static --seed 1 --epochs 4
#
# The narrow ones are narrow after the layer where CONFIG has the router. Figures are of dev and, where there is a labelled one,
# the test set. sharcs must be in the PATH, or its place in SHARCS. What is in OUTPUT already is not trained again.
set -eu
[ $# -ge 5 ] || { sed -n '5,6p' "$0" >&2; exit 2; }
task=$1 encoder=$2 config=$3 data=$4 output=$5
shift 5
sharcs=${SHARCS:-sharcs}
mkdir -p "$output"
file=$data/dev.tsv
if [ -s "$data/test-labeled.tsv" ]; then
  file=$output/dev-and-test.tsv
  { awk 1 "$data/dev.tsv"; sed 1d "$data/test-labeled.tsv"; } >"$file"
fi
multiply_adds() { "$sharcs" inspect "$1" --json | sed -n 's/.*"multiply_adds": \([0-9]*\).*/\1/p' | tail -n 1; }
layers=$("$sharcs" inspect "$encoder" --json | sed -n 's/.*"layers": \([0-9]*\).*/\1/p')
whole=$(multiply_adds "$encoder")

# row NAME [OPTION OF sharcs train]...
row() {
  name=$1 run=$output/$(echo "$1" | tr ' ' '-')
  shift
  [ -s "$run/recording.json" ] ||
    "$sharcs" train --task "$task" --init "$encoder" --config "$config" --data "$data" --output "$run" --exits none --quiet "$@" \
      >"$run.log" 2>&1 || { cat "$run.log" >&2; exit 1; }
  cost=$(multiply_adds "$run" | awk -v whole="$whole" '{ printf "%.3f", $1 / whole }')
  "$sharcs" eval --model "$run" --task "$task" --file "$file" | awk -v name="$name" -v cost="$cost" '
    /^ .*\[95 % interval\]/ && name == "whole" { sub(/^ +/, ""); sub(/ +cost .*/, ""); print "encoder          cost   " $0 }
    /^full width/ { sub(/^full width +/, ""); sub(/  [0-9.]+  .*/, ""); printf "%-15s  %s  %s\n", name, cost, $0 }'
}
row "whole" --widths 1 "$@"
for part in 1/3 1/2 2/3; do
  kept=$(((layers * ${part%/*} + ${part#*/} - 1) / ${part#*/}))
  row "first $kept layers" --set "model.num_hidden_layers=$kept" --adaptive-layer-idx 1 --widths 1 "$@"
done
for width in 0.25 0.5; do row "width $width" --widths "$width" "$@"; done
