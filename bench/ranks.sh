#!/bin/sh
# Training with two ranks of one thread beside one rank of one thread, on the shape of BERT-base at full width, 64 sentences
# of 32 tokens a step: bench/ranks.sh [the sharcs program [rounds]]
# Prints samples per second of each run, then the median of the rounds' ratios. Needs an idle machine and about 5 GB of
# memory; a round takes a few minutes.
set -eu
root="$(cd "$(dirname "$0")/.." && pwd)"
program="${1:-$root/build/release/sharcs}"
rounds="${2:-3}"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

# Sentences of 30 words that are tokens, between [CLS] and [SEP].
awk -v folder="$folder" 'BEGIN {
  srand(7)
  for (part = 0; part < 2; ++part) {
    file = folder (part ? "/dev.tsv" : "/train.tsv")
    print "sentence\tlabel" > file
    for (i = 0; i < (part ? 8 : 128); ++i) {
      text = ""
      for (w = 0; w < 30; ++w) text = text "word" int(rand() * 1000) " "
      print text "\t" i % 2 > file
    }
  }
}'

# The second of two epochs of two steps: in the first one memory is touched for the first time.
train() {
  mpirun --bind-to core -np "$1" "$program" train --task sst-2 --data "$folder" --output "$folder/run" \
    --config "$root/configs/bert-base-2-widths.json" --set tokenizer.min_frequency=1 --epochs 2 --window 2 \
    --batch-size 64 --keep-checkpoints 0 --seed 1 >/dev/null 2>"$folder/errors" || { cat "$folder/errors" >&2; exit 1; }
  sed -n '2s/.*"samples_per_second":\([0-9.]*\).*/\1/p' "$folder/run/metrics.jsonl"
  rm -r "$folder/run"
}

round=0
while [ "$round" -lt "$rounds" ]; do
  round=$((round + 1))
  one="$(train 1)" two="$(train 2)"
  awk -v round="$round" -v one="$one" -v two="$two" -v ratios="$folder/ratios" 'BEGIN {
    printf "round %d: %.2f samples/s with one rank, %.2f with two: %.2f times\n", round, one, two, two / one
    print two / one >>ratios
  }'
done
sort -g "$folder/ratios" | awk '{ ratio[NR] = $1 }
  END { printf "median: %.2f times\n", (ratio[int((NR + 1) / 2)] + ratio[int(NR / 2) + 1]) / 2 }'
