#!/bin/sh
# A smaller data set: some samples of the training set, drawn at random, always the same ones; dev and the labelled test set as they are.
#
#     sh examples/draw_samples.sh DATA SAMPLES OUTPUT
#     sh examples/draw_samples.sh path/to/SST-2 20000 data/sst-2-20000
set -eu
[ $# -eq 3 ] || { sed -n '4,5p' "$0" >&2; exit 2; }
data=$1 samples=$2 output=$3
mkdir -p "$output"
awk -v wanted="$samples" 'BEGIN { srand(1) } NR > 1 { place = NR - 1
  if (place <= wanted) { kept[place] = $0 } else { i = int(rand() * place) + 1; if (i <= wanted) kept[i] = $0 } }
  NR == 1 { print } END { for (i = 1; i <= wanted && i < NR; ++i) print kept[i] }' "$data/train.tsv" >"$output/train.tsv.tmp"
mv "$output/train.tsv.tmp" "$output/train.tsv"
for file in dev.tsv test-labeled.tsv; do
  [ ! -s "$data/$file" ] || cp -f "$data/$file" "$output/$file"
done
