#!/bin/sh
# From a clone to a fast classifier: installs what is missing, builds sharcs, fetches a pretrained encoder, fine-tunes it with
# exits and a narrow width, and prints what that saves. Then it classifies a few sentences. About ten minutes on two cores.
#
#     sh examples/quickstart.sh [FOLDER]
#
# FOLDER: sentences to train on, as in GLUE's SST-2: train.tsv and dev.tsv with the columns sentence and label. Without it,
# sentences are generated. Where the encoder cannot be fetched, a small one is trained from scratch.
set -eu
cd "$(dirname "$0")/.."

sh cmake/dependencies.sh python3 python3-pip
cmake --preset release >/dev/null
cmake --build --preset release --target sharcs_cli
sharcs=build/release/sharcs
run=runs/quickstart
data=${1-}
epochs=0  # as many as suit the number of sentences

if [ -z "$data" ]; then
  data=$run/data
  epochs=3
  "$sharcs" synth --output "$data" --seed 1
fi
if sh examples/fetch_encoder.sh minilm; then
  "$sharcs" train --task sst-2 --data "$data" --init models/minilm --config configs/minilm.json --epochs "$epochs" \
    --output "$run/model" --overwrite --seed 1
else
  echo "training a small encoder from scratch instead"
  "$sharcs" train --task sst-2 --data "$data" --config configs/quickstart.json --output "$run/model" --overwrite --seed 1
fi
"$sharcs" predict --model "$run/model" --text "good film" --text "this movie is bad" --text "it is not a dull story"
