#!/bin/sh
# Runs README.md's commands in the state that the quick start leaves, with a small model in place of MiniLM.
#
#     sh tests/docs/readme.sh REPOSITORY SCRATCH PROGRAM
set -eu
repository=$1 scratch=$2 program=$3
rm -rf "$scratch"
mkdir -p "$scratch/start"

# The folders that the quick start names; the README has to name the same.
for folder in build/release runs/quickstart; do
  grep -q "$folder" "$repository/examples/quickstart.sh" || { echo "quickstart.sh does not write $folder"; exit 1; }
done
grep -q -- '--output "$run/model"' "$repository/examples/quickstart.sh" || { echo "quickstart.sh does not write \$run/model"; exit 1; }
run=$scratch/start/runs/quickstart
"$program" synth --output "$run/data" --train 200 --dev 100 --test 0 >"$scratch/log"
"$program" train --task sst-2 --data "$run/data" --config "$repository/src/cli/presets/small.json" --epochs 4 --output "$run/model" \
  --quiet >>"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
exec python3 "$repository/tests/docs/run_page.py" "$repository/README.md" "$scratch/page" "$program" "$scratch/start"
