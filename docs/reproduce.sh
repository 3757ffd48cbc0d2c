#!/bin/sh
# Runs the trainings again that figures in the docs come from, and compares what comes out with what the docs say.
#
#     sh docs/reproduce.sh path/to/GLUE [NAME]...
#     sh docs/reproduce.sh path/to/GLUE rte wnli
#
# NAME, with the minutes that its three seeds take on one core: cola (3), graded (6), mrpc (6), rte (2), rte-roberta (2), sst-2
# (15), sts-b (3) or wnli (half a one); of the pretrained encoder MiniLM, on two cores: minilm-cola (12), minilm-mrpc (20), minilm-rte
# (20), minilm-sst-2 (45) or minilm-sts-b (22); or of MPNet, one seed: mpnet-cola (30), mpnet-mrpc (60) or mpnet-sst-2 (100). None:
# all. GLUE holds CoLA, RTE, … as downloaded; graded generates its sentences; examples/fetch_encoder.sh brings the encoders. sharcs
# must be in the PATH, or its place in SHARCS. What is trained goes to runs/reproduce, or the folder in OUTPUT; what is there already
# is not trained again.
#
# Each training runs with the seeds 1, 2 and 3, of MPNet with 1. The docs have the lowest and the highest figure of them. A figure may
# lie outside by half of the distance between the two, and by 0.01 at least (the least cost of a policy: 0.05, since a few samples
# decide it): another processor rounds otherwise, and a training that rounds otherwise is another seed. Where one lies further
# outside, the script says so and ends with 1.
set -eu

# The lowest and the highest of three seeds: of the first metric by the stored policy, of the cost, of the metric at full width.
# Of MPNet there is one seed; what a single stored policy costs is left to chance and not compared.
table='
cola         0.091 0.121    0.575 0.851    0.100 0.121
graded       0.945 0.955    0.461 0.480    0.946 0.955
minilm-cola  0.220 0.268    0.390 1.000    0.214 0.266
minilm-mrpc  0.746 0.769    0.519 0.618    0.752 0.776
minilm-rte   0.489 0.540    0.167 0.454    0.496 0.547
minilm-sst-2 0.890 0.900    0.302 0.429    0.895 0.899
minilm-sts-b 0.771 0.833    0.664 0.834    0.771 0.836
mpnet-cola   - -            - -            0.508 0.508
mpnet-mrpc   - -            - -            0.843 0.843
mpnet-sst-2  - -            - -            0.941 0.941
mrpc         0.679 0.681    0.599 0.600    0.674 0.691
rte          0.554 0.604    0.562 0.737    0.554 0.583
rte-roberta  0.547 0.568    0.663 0.736    0.547 0.568
sst-2        0.799 0.810    0.499 0.500    0.795 0.808
sts-b        0.256 0.295    0.639 0.721    0.261 0.303
wnli         0.500 0.500    0.515 0.700    0.443 0.500
'

# The same of sentences that neither the training nor the calibration has seen: the labelled test set.
tests='
sst-2        0.795 0.813    0.507 0.513    0.797 0.812
'

# The same of the least cost that each kind of policy needs, by cross-validation, for half a point and for one point below full width.
costs='
minilm-mrpc  combined 0.533 0.668    0.467 0.617
minilm-mrpc  exits    0.533 0.668    0.467 0.617
minilm-mrpc  cascade  0.771 0.989    0.692 0.918
minilm-mrpc  router   0.841 0.867    0.615 0.806
minilm-sst-2 combined 0.303 0.370    0.271 0.310
minilm-sst-2 exits    0.334 0.410    0.290 0.330
minilm-sst-2 cascade  0.416 0.435    0.377 0.393
mpnet-cola   combined 0.376 0.376    0.375 0.375
mpnet-cola   exits    0.383 0.383    0.383 0.383
mpnet-cola   cascade  0.694 0.694    0.603 0.603
mpnet-cola   router   0.888 0.888    0.888 0.888
mpnet-mrpc   combined 0.451 0.451    0.410 0.410
mpnet-mrpc   exits    0.453 0.453    0.421 0.421
mpnet-mrpc   cascade  0.826 0.826    0.731 0.731
mpnet-mrpc   router   0.801 0.801    0.765 0.765
mpnet-sst-2  combined 0.344 0.344    0.311 0.311
mpnet-sst-2  exits    0.347 0.347    0.317 0.317
mpnet-sst-2  cascade  0.474 0.474    0.387 0.387
mpnet-sst-2  router   0.793 0.793    0.700 0.700
'

[ $# -ge 1 ] || { sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }
glue=$1
shift
[ $# -gt 0 ] || set -- $(echo "$table" | awk 'NF > 1 { print $1 }')
sharcs=${SHARCS:-sharcs} output=${OUTPUT:-runs/reproduce} configs=$(dirname "$0")/../configs examples=$(dirname "$0")/../examples
small=$configs/small-2-widths.json

# train NAME SEED: unless it is there already. The commands are those of tasks.md and experiments.md. Where they set a budget, the
# recording is made again under the policy for it.
train() {
  name=$1 seed=$2 run=$output/$1-$2 budget=
  [ ! -s "$run/measured.json" ] || return 0
  case $name in
    cola)
      task=cola data=$glue/CoLA
      set -- --config "$small" --thresholds '[[0.6,1.01],[0,0.85]]' --set tokenizer.vocab_size=2000 model.hidden_dropout_prob=0.3 \
        --learning-rate 3e-4 --weight-decay 0.1 --epochs 8
      ;;
    graded)
      task=sst-2 data=$output/graded-data-$seed
      [ -s "$data/dev.tsv" ] || "$sharcs" synth --output "$data" --seed "$seed" >/dev/null
      set -- --config "$configs/quickstart.json"
      ;;
    minilm-cola) set -- minilm cola "$glue/CoLA" --epochs 10 ;;
    minilm-mrpc) set -- minilm mrpc "$glue/MRPC" --epochs 12 ;;
    minilm-rte) set -- minilm rte "$glue/RTE" --epochs 15 ;;
    minilm-sst-2) set -- minilm sst-2 "$glue/SST-2" ;;
    minilm-sts-b) set -- minilm sts-b "$glue/STS-B" --epochs 10 ;;
    mpnet-cola) set -- mpnet cola "$glue/CoLA" --epochs 8 ;;
    mpnet-mrpc) set -- mpnet mrpc "$glue/MRPC" --epochs 10 ;;
    mpnet-sst-2) set -- mpnet sst-2 "$glue/SST-2" --epochs 3 ;;
    mrpc)
      task=mrpc data=$glue/MRPC budget=0.6
      set -- --config "$small" --set tokenizer.vocab_size=4000 model.hidden_dropout_prob=0.3 --learning-rate 3e-4
      ;;
    rte)
      task=rte data=$glue/RTE
      set -- --config "$small" --thresholds '[[0.5,1.01],[0,0.5]]' --set tokenizer.vocab_size=4000 model.hidden_dropout_prob=0.3 \
        --learning-rate 3e-4
      ;;
    rte-roberta)
      task=rte data=$glue/RTE
      set -- --config "$configs/small-roberta-2-widths.json" --thresholds '[[0.5,1.01],[0,0.5]]'
      ;;
    sst-2)
      task=sst-2 data=$glue/SST-2 budget=0.5
      set -- --config "$configs/sst-2.json"
      ;;
    sts-b)
      task=sts-b data=$glue/STS-B
      set -- --config "$small" --set model.initializer_range=0.08 --epochs 5 --window 1
      ;;
    wnli)
      task=wnli data=$glue/WNLI
      set -- --config "$small" --thresholds '[[0.5,1.01],[0,0.5]]'
      ;;
  esac
  case $name in
    minilm-* | mpnet-*)
      train_pretrained "$@" --precision bf16
      return
      ;;
  esac
  [ -s "$run/recording.json" ] ||
    logged "$sharcs" train --task "$task" --data "$data" --output "$run" --threads 1 --seed "$seed" --quiet "$@"
  if [ -z "$budget" ]; then
    cp "$run/recording.json" "$run/measured.json"
    return
  fi
  set -- --model "$run" --task "$task" --data "$data" --threads 1
  logged "$sharcs" calibrate "$@" --policy router --budget "$budget"
  logged "$sharcs" eval --model "$run" --task "$task" --file "$data/test-labeled.tsv" --threads 1 --output "$run/test.json"
  logged "$sharcs" eval "$@" --output "$run/measured.json"
}

# train_pretrained ENCODER TASK DATA OPTION...: a fine-tuned encoder, measured on dev and the labelled test set.
train_pretrained() {
  encoder=$1 task=$2 data=$3
  shift 3
  folder=$output/$encoder
  [ -s "$folder/config.json" ] || logged sh "$examples/fetch_encoder.sh" "$encoder" "$folder"
  logged sh "$examples/compare_policies.sh" "$task" "$folder" "$configs/$encoder.json" "$data" "$run" --seed "$seed" --quiet "$@"
  recording=$run/recording.json
  [ ! -s "$run/dev-and-test.json" ] || recording=$run/dev-and-test.json
  cp "$recording" "$run/measured.json"
}

# logged COMMAND...: what it prints goes into the log of the run, and is shown where it fails.
logged() {
  "$@" >>"$run.log" 2>&1 || { cat "$run.log" >&2; exit 1; }
}

# measured NAME SEED: the same, a line each: a word for what it is, and its value. `sharcs eval` and `sharcs calibrate` print
#
#                 accuracy [95 % interval]   cost  time
#     routed          0.945 [0.931, 0.958]  0.480     -
#     full width      0.946 [0.932, 0.959]  1.000     -
#
#     policy                             target   cost  score [95 % interval]          over full width …
#     router                           drop 0.5  0.867   0.802 [0.788, 0.814]  -0.004 [-0.007, -0.001] …
measured() {
  run=$output/$1-$2
  answered "$run/measured.json" ""
  [ ! -s "$run/test.json" ] || answered "$run/test.json" test-
  case "$costs" in *"
$1 "*) ;; *) return 0 ;; esac
  for drop in 0.5 1; do
    "$sharcs" calibrate --recording "$run/measured.json" --max-drop "$drop" --compare | awk -v drop="$drop" '
      $2 == "drop" && $3 == drop { print $1 "-" drop, $4 }'
  done
}

# answered RECORDING PREFIX
answered() {
  "$sharcs" eval --recording "$1" --policy model | awk -v prefix="$2" '
    { gsub(/\[[^]]*\]/, "") }
    $1 == "routed" && NF >= 4 { print prefix "routed", $2; print prefix "cost", $(NF - 1) }
    $1 == "full" && $2 == "width" && NF >= 5 { print prefix "full", $3 }'
}

# expected NAME: the lines of the tables, in the same words, with the lowest and the highest figure and how far one may lie outside.
expected() {
  { echo "$table" | sed "s/^$1 /& - /"; echo "$tests" | sed "s/^$1 /& test- /"; } | awk -v name="$1" '
    $1 == name {
      prefix = $2 == "-" ? "" : $2
      split("routed cost full", what, " ")
      for (i = 1; i <= 3; ++i) if ($(2 * i + 1) != "-") print prefix what[i], $(2 * i + 1), $(2 * i + 2), 0.01
    }'
  echo "$costs" | awk -v name="$1" '$1 == name { print $2 "-0.5", $3, $4, 0.05; print $2 "-1", $5, $6, 0.05 }'
}

# compare NAME SEED: prints what was measured and what the docs say; false where a figure lies too far outside.
compare() {
  { measured "$1" "$2"; expected "$1"; } | awk -v name="$1" -v seed="$2" '
    NF == 2 { found[$1] = $2 }
    NF == 4 {
      value = $1 in found ? found[$1] : "none"
      more = ($3 - $2) / 2 > $4 ? ($3 - $2) / 2 : $4
      inside = value ~ /^-?[0-9]+(\.[0-9]+)?$/ && value >= $2 - more - 1e-9 && value <= $3 + more + 1e-9
      printf "%-34s %7s   %s %.3f to %.3f\n", name ", seed " seed ": " $1, value, inside ? "within " : "OUTSIDE", $2 - more, $3 + more
      outside += !inside
    }
    END { exit outside > 0 }'
}

for name in "$@"; do
  echo "$table" | awk -v name="$name" '$1 == name { found = 1 } END { exit !found }' || {
    echo "$0: there is no $name; expected some of$(echo "$table" | awk 'NF > 1 { printf " %s", $1 }')" >&2
    exit 2
  }
done
mkdir -p "$output"
outside=0
for name in "$@"; do
  case $name in mpnet-*) seeds=1 ;; *) seeds="1 2 3" ;; esac
  for seed in $seeds; do
    train "$name" "$seed"
    compare "$name" "$seed" || outside=1
  done
done
[ "$outside" = 0 ] || { echo "figures lie outside" >&2; exit 1; }
