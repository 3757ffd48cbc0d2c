#!/bin/sh
# What each kind of policy costs for a task, on a fine-tuned encoder: trains, records what the model answers to dev and, where
# there is a labelled one, the test set, and shows every kind of policy at half a point and at one point below full width. The
# figures come from cross-validation: a sample is routed by thresholds that were found without it.
#
#     sh examples/compare_policies.sh TASK ENCODER CONFIG DATA OUTPUT [OPTION OF sharcs train]...
#     sh examples/compare_policies.sh sst-2 models/minilm configs/minilm.json path/to/SST-2 runs/policies --seed 1
#
# sharcs must be in the PATH, or its place in SHARCS. ENCODER comes from examples/fetch_encoder.sh.
set -eu
[ $# -ge 5 ] || { sed -n '6,7p' "$0" >&2; exit 2; }
task=$1 encoder=$2 config=$3 data=$4 output=$5
shift 5
sharcs=${SHARCS:-sharcs}

[ -s "$output/recording.json" ] ||
  "$sharcs" train --task "$task" --init "$encoder" --config "$config" --data "$data" --output "$output" "$@"
recording=$output/recording.json
if [ -s "$data/test-labeled.tsv" ]; then
  { awk 1 "$data/dev.tsv"; sed 1d "$data/test-labeled.tsv"; } >"$output/dev-and-test.tsv"
  recording=$output/dev-and-test.json
  "$sharcs" eval --model "$output" --task "$task" --file "$output/dev-and-test.tsv" --output "$recording" --timing-rounds 3
fi
for drop in 0.5 1; do
  "$sharcs" calibrate --recording "$recording" --max-drop "$drop" --compare
done
