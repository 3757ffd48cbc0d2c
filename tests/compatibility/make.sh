#!/bin/sh
# Makes the files of this version that later versions must read: tests/compatibility/make.sh PROGRAM FOLDER
#
#     sh tests/compatibility/make.sh build/release/sharcs tests/compatibility/0.1.0
#
# Run it once for each released version, and never change what it made: compatibility_test.cpp reads all of them.
set -eu
[ $# -eq 2 ] || { sed -n '2,4p' "$0" >&2; exit 2; }
program=$(realpath "$1") folder=$(realpath -m "$2")
[ ! -e "$folder" ] || { echo "$folder is there already" >&2; exit 1; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"  # so that no path of this machine gets into the files

cat >config.json <<'JSON'
{
  "model": {
    "model_type": "bert", "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 32,
    "max_position_embeddings": 32,
    "sharcs": {"width_mult_list": [0.25, 1.0], "adaptive_layer_idx": 1, "hidden_size_router": 8, "exits": [1, 2]}
  },
  "tokenizer": {"vocab_size": 200},
  "training": {"batch_size": 16, "max_length": 32, "learning_rate": 2e-3, "epochs": 3, "warmup_epochs": 1}
}
JSON
"$program" synth --output data --train 96 --dev 32 --test 0 --seed 1 >log
"$program" train --task sst-2 --data data --config config.json --output run --threads 1 --seed 1 \
  --keep-checkpoints 2 2>>log >>log
rm "$(ls run/checkpoints/*.checkpoint | tail -n 1)"  # what is left is of a training that was stopped after two epochs

mkdir -p "$folder"
cp -r data config.json "$folder"
cp -r run "$folder/run"
"$program" quantize --model run --precision int8 --output "$folder/int8" >>log
"$program" quantize --model run --precision bf16 --output "$folder/bf16" >>log
cut -f 1 data/dev.tsv | sed 1d | head -n 8 >"$folder/sentences.txt"
for model in run int8 bf16; do
  "$program" predict --model "$folder/$model" --threads 1 --json <"$folder/sentences.txt" >"$folder/$model.jsonl" 2>>log
done
