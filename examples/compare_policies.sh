#!/bin/sh
# What each kind of policy costs for a task, on a fine-tuned encoder: trains, records dev and, where there is a labelled one,
# the test set, finds thresholds on dev and reports on test (else by cross-validation on dev).
#
#     sh examples/compare_policies.sh TASK ENCODER CONFIG DATA OUTPUT [OPTION OF sharcs train]...
#     sh examples/compare_policies.sh sst-2 models/minilm configs/minilm.json path/to/SST-2 runs/policies --seed 1
#
# sharcs must be in the PATH, or its place in SHARCS. ENCODER comes from examples/fetch_encoder.sh.
set -eu
[ $# -ge 5 ] || { sed -n '5,6p' "$0" >&2; exit 1; }
task=$1 encoder=$2 config=$3 data=$4 output=$5
shift 5
sharcs=${SHARCS:-sharcs}

[ -s "$output/recording.json" ] ||
  "$sharcs" train --task "$task" --init "$encoder" --config "$config" --data "$data" --output "$output" "$@"
test=
if [ -s "$data/test-labeled.tsv" ]; then
  test="--report-on $output/test.json"
  "$sharcs" eval --model "$output" --task "$task" --file "$data/test-labeled.tsv" --output "$output/test.json" \
    --timing-rounds 3
fi
for drop in 0.5 1; do
  # shellcheck disable=SC2086  # two words, or none
  "$sharcs" calibrate --recording "$output/recording.json" $test --max-drop "$drop" --compare
done
