#!/bin/sh
# Tests docs/reproduce.sh without training: a stand-in for sharcs prints what a real one printed.
#
#     sh tests/reproduce/check.sh DOCS SCRATCH
set -eu
docs=$1 scratch=$2 recorded=$(dirname "$0")/recorded
rm -rf "$scratch"
mkdir -p "$scratch/bin"

# train makes a recording that has the run's name, and eval another one of a model, which says whether it was calibrated; of a
# recording eval and calibrate print the recorded output, of seed 1 where the seed has none of its own.
cat >"$scratch/bin/sharcs" <<'STAND_IN'
#!/bin/sh
command=$1
while [ $# -gt 0 ]; do
  case $1 in
    --output) output=$2 ;; --recording) recording=$2 ;; --seed) seed=$2 ;; --model) model=$2 ;; --max-drop) drop=$2 ;; --curve) curve=$2 ;;
    --precision) precision=$2 ;;
  esac
  shift
done
printed=
case $command in
  synth) mkdir -p "$output" && echo sentences >"$output/dev.tsv" ;;
  train) mkdir -p "$output" && echo "$output" >"$output/recording.json" && echo "$output $seed" >>"$TRAINED" ;;
  sweep) mkdir -p "$output" && cp "$RECORDED/sweep-seeds.tsv" "$output" ;;
  calibrate)
    if [ -z "$recording" ]; then
      echo "$model" >"$model/calibrated"
    elif [ -n "$curve" ]; then
      printed=-curve.txt
    else
      printed=-drop-$drop.txt
    fi
    ;;
  eval)
    if [ -z "$output" ] && [ -n "$precision" ]; then
      printed=-$precision.txt recording=$model/recording.json
    elif [ -z "$output" ]; then
      printed=.txt
      case $recording in */test.json) printed=-test.txt ;; esac
    elif [ -s "$model/calibrated" ]; then
      cp "$model/calibrated" "$output"
    else
      echo "dev and test" >"$output"
    fi
    ;;
esac
[ -n "$printed" ] || exit 0
run=$(basename "$(dirname "$recording")")
[ -s "$RECORDED/$run$printed" ] || run=${run%-*}
cat "$RECORDED/$run$printed"
STAND_IN
chmod +x "$scratch/bin/sharcs"

failed=0
# expect EXIT TEXT NAME...: of the script with these names. TEXT has one space where the output has several.
expect() {
  exit_code=$1 text=$2
  shift 2
  found=0
  SHARCS=$scratch/bin/sharcs OUTPUT=$scratch/runs TRAINED=$scratch/trained RECORDED=$recorded_here \
    sh "$docs/reproduce.sh" "$scratch/glue" "$@" >"$scratch/out" 2>&1 || found=$?
  if [ "$found" != "$exit_code" ] || ! tr -s " " <"$scratch/out" | grep -qF -e "$text"; then
    echo "reproduce.sh $*: exit code $found; expected $exit_code and \"$text\", found:"
    cat "$scratch/out"
    failed=1
  fi
}

recorded_here=$recorded
# Of a pretrained encoder that is there already; SST-2 has a labelled test set.
mkdir -p "$scratch/runs/minilm" "$scratch/glue/SST-2"
echo '{}' >"$scratch/runs/minilm/config.json"
printf 'sentence\tlabel\nfine\t1\n' | tee "$scratch/glue/SST-2/dev.tsv" >"$scratch/glue/SST-2/test-labeled.tsv"
expect 0 "minilm-sst-2, seed 2: cascade, drop 1, cost" minilm-sst-2
grep -q "dev and test" "$scratch/runs/minilm-sst-2-2/measured.json" || { echo "minilm-sst-2 was not measured on dev and test"; failed=1; }
expect 0 "wnli, seed 1: routed, accuracy 0.500 within 0.490 to 0.510" wnli
expect 0 "rte, seed 3: full width, accuracy" rte
expect 0 "mrpc, seed 2: test: random, routed leads by -0.016 within" mrpc
expect 0 "graded, seed 1: router, budget 0.3, over random" graded
expect 0 "sweep, seed 1: window 2, thresholds [[0.8,1.01],[0.0,0.8]], score 0.953 within 0.933 to 0.973" sweep
expect 2 "there is no wmli; expected some of ablation cola graded minilm-cola minilm-mrpc minilm-rte minilm-sst-2 minilm-sst-2-fp32 minilm-sst-2-hidden-states minilm-sst-2-whole-vectors minilm-sts-b mpnet-cola mpnet-mrpc mpnet-sst-2 mpnet-sst-2-whole-vectors mrpc rte rte-roberta sst-2 sts-b sweep wnli" wnli wmli
if [ "$(sort -u "$scratch/trained" | wc -l)" != 15 ] || [ "$(wc -l <"$scratch/trained")" != 15 ]; then
  echo "expected one training for each of five names and three seeds, found:"
  cat "$scratch/trained"
  failed=1
fi

# A figure that has moved, one that is missing, and one that is no number.
recorded_here=$scratch/moved
mkdir -p "$recorded_here"
cp "$recorded"/minilm-sst-2* "$recorded_here"
sed -i 's/^cascade  *drop 1  *0.377 /cascade  drop 1  0.477 /' "$recorded_here/minilm-sst-2-drop-1.txt"
expect 1 "minilm-sst-2, seed 3: cascade, drop 1, cost 0.477 OUTSIDE 0.327 to 0.443" minilm-sst-2
sed -i '/^cascade /d' "$recorded_here/minilm-sst-2-drop-1.txt"
expect 1 "minilm-sst-2, seed 3: cascade, drop 1, cost none OUTSIDE" minilm-sst-2
sed 's/^routed          0.500/routed          0.571/' "$recorded/wnli.txt" >"$recorded_here/wnli.txt"
expect 1 "wnli, seed 2: routed, accuracy 0.571 OUTSIDE 0.490 to 0.510" wnli
sed '/^full width/d' "$recorded/wnli.txt" >"$recorded_here/wnli.txt"
expect 1 "wnli, seed 1: full width, accuracy none OUTSIDE" wnli
sed 's/^routed          0.500/routed            nan/' "$recorded/wnli.txt" >"$recorded_here/wnli.txt"
expect 1 "wnli, seed 1: routed, accuracy nan OUTSIDE" wnli

# Every shape of a table, and what is not read: a table without a comment, a cell without a figure, one seed of several.
cat >"$scratch/shapes.md" <<'SHAPES'
| policy | cost |
|---|---|
| cascade | 0.1 |

<!-- figures: a 1 -->

| policy | cost, drop 0.5 | over full width, drop 1 |
|---|---|---|
| **exits, one threshold** (of something) | **0.2** | −0.004 [−0.010, 0.002] |
| mix of fixed 0.25 and 1, at the same cost | | 5 min |

A second table needs its own comment.

| policy | cost |
|---|---|
| cascade | 0.3 |

<!-- figures: b 2 test -->

| router | cost |
|---|---|
| budget 0.4 | 0.4 |

<!-- figures: c 1 -->

| fixed | exit 1 | 1 |
|---|---|---|
| cost | 0.167 | 1 |

<!-- figures: d -->

| seed | test: random: cost | seconds |
|---|---|---|
| 1 | 0.5 | 7 |
| 2 | 0.6 [0.5, 0.7] | 7 |
| mean | 0.5 to 0.6 | 7 |
| 1 to 3 | 0.5 to 0.7 | 7 |

<!-- figures: f 1 -->

| precision | full width: f1 |
|---|---|
| fp32 | 0.8 |
| int8 | 0.7 |

<!-- figures: -->

| task | metric | most frequent class | full width | exit 2 | cost | name |
|---|---|---|---|---|---|---|
| MRPC | accuracy; F1 | 0.667; 0.800 | 0.674 to 0.691; 0.779 to 0.802 | 0.5 to 0.6 | 0.599 ± 0.002 | `e` |
SHAPES
awk -f "$docs/figures.awk" "$scratch/shapes.md" >"$scratch/shapes.txt"
tr '|' '\t' <<'FIGURES' | sed 's/−/-/g' >"$scratch/expected.txt"
a|1|exits, one threshold, drop 0.5|cost|0.2
a|1|exits, one threshold, drop 1|over full width|−0.004 [−0.010, 0.002]
b|2|test: router, budget 0.4|cost|0.4
c|1|fixed exit 1|cost|0.167
c|1|fixed 1|cost|1
d|2|test: random|cost|0.6 [0.5, 0.7]
d|1-3|test: random|cost|0.5 to 0.7
f|1|full width|f1|0.8
f|1|int8: full width|f1|0.7
e|1-3|full width|accuracy|0.674 to 0.691
e|1-3|full width|f1|0.779 to 0.802
e|1-3|exit 2|of all|0.5 to 0.6
e|1-3|routed|cost|0.599 ± 0.002
FIGURES
diff "$scratch/expected.txt" "$scratch/shapes.txt" || failed=1

# No table of the docs drops out of the comparison without a word.
awk -f "$docs/figures.awk" "$docs/experiments.md" "$docs/models.md" "$docs/tasks.md" >"$scratch/figures.txt"
while read -r name least; do
  [ "$(cut -f 1 "$scratch/figures.txt" | grep -cxF -e "$name")" -ge "$least" ] || { echo "$name has fewer than $least figures in the docs"; failed=1; }
done <<'COUNTS'
ablation 70
cola 3
graded 53
minilm-cola 8
minilm-mrpc 28
minilm-rte 8
minilm-sst-2 18
minilm-sst-2-fp32 59
minilm-sst-2-hidden-states 10
minilm-sst-2-whole-vectors 10
minilm-sts-b 8
mpnet-cola 44
mpnet-mrpc 75
mpnet-sst-2 54
mpnet-sst-2-whole-vectors 40
mrpc 15
rte 3
rte-roberta 3
sst-2 17
sts-b 13
sweep 10
wnli 3
COUNTS
exit $failed
