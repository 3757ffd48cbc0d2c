#!/bin/sh
# Runs the trainings again that figures in the docs come from, and compares what comes out with what the docs say.
#
#     sh docs/reproduce.sh path/to/GLUE [NAME]...
#     sh docs/reproduce.sh path/to/GLUE rte wnli
#
# NAME, with the minutes that its three seeds take on one core: cola (3), graded (6), mrpc (6), rte (2), rte-roberta (2), sst-2
# (15), sts-b (3) or wnli (half a one); or of the pretrained encoder MiniLM, on two cores: minilm-sst-2 (45). None: all. GLUE holds
# CoLA, RTE, … as downloaded; graded generates its sentences; examples/fetch_encoder.sh brings MiniLM. sharcs must be in the PATH,
# or its place in SHARCS. What is trained goes to runs/reproduce, or the folder in OUTPUT; what is there already is not trained
# again.
#
# Each training runs with the seeds 1, 2 and 3. The docs have the lowest and the highest figure of the three. A figure may
# lie outside by half of the distance between the two, and by 0.01 at least: another processor rounds otherwise, and a
# training that rounds otherwise is another seed. Where one lies further outside, the script says so and ends with 1.
set -eu

# The lowest and the highest of three seeds: of the first metric by the stored policy, of the cost, of the metric at full width.
table='
cola         0.091 0.121    0.575 0.851    0.100 0.121
graded       0.945 0.955    0.461 0.480    0.946 0.955
minilm-sst-2 0.890 0.900    0.302 0.429    0.895 0.899
mrpc         0.679 0.681    0.599 0.600    0.674 0.691
rte          0.554 0.604    0.562 0.737    0.554 0.583
rte-roberta  0.547 0.568    0.663 0.736    0.547 0.568
sst-2        0.799 0.810    0.499 0.500    0.795 0.808
sts-b        0.256 0.295    0.639 0.721    0.261 0.303
wnli         0.500 0.500    0.515 0.700    0.443 0.500
'

[ $# -ge 1 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
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
    minilm-sst-2)
      train_pretrained minilm sst-2 "$glue/SST-2" --precision bf16
      return
      ;;
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
  [ -s "$run/recording.json" ] ||
    logged "$sharcs" train --task "$task" --data "$data" --output "$run" --threads 1 --seed "$seed" --quiet "$@"
  if [ -z "$budget" ]; then
    cp "$run/recording.json" "$run/measured.json"
    return
  fi
  set -- --model "$run" --task "$task" --data "$data" --threads 1
  logged "$sharcs" calibrate "$@" --policy router --budget "$budget"
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

# measured NAME SEED: the same three, of what sharcs eval prints:
#
#                 accuracy [95 % interval]   cost  time
#     routed          0.945 [0.931, 0.958]  0.480     -
#     full width      0.946 [0.932, 0.959]  1.000     -
measured() {
  "$sharcs" eval --recording "$output/$1-$2/measured.json" --policy model | awk '
    { gsub(/\[[^]]*\]/, "") }
    $1 == "routed" && NF >= 4 { routed = $2; cost = $(NF - 1) }
    $1 == "full" && $2 == "width" && NF >= 5 { full = $3 }
    END { print "found", routed == "" ? "none" : routed, cost == "" ? "none" : cost, full == "" ? "none" : full }'
}

# compare NAME SEED: prints what was measured and what the docs say; false where a figure lies too far outside.
compare() {
  { echo "$table"; measured "$1" "$2"; } | awk -v name="$1" -v seed="$2" '
    $1 == name { for (i = 2; i <= 7; ++i) limit[i] = $i }
    $1 == "found" {
      split("routed cost full", what, " ")
      for (i = 1; i <= 3; ++i) {
        value = $(i + 1); low = limit[2 * i]; high = limit[2 * i + 1]
        more = (high - low) / 2 > 0.01 ? (high - low) / 2 : 0.01
        inside = value ~ /^-?[0-9]+(\.[0-9]+)?$/ && value >= low - more - 1e-9 && value <= high + more + 1e-9
        printf "%-28s %8s   %s %.3f to %.3f\n", name ", seed " seed ": " what[i], value, inside ? "within " : "OUTSIDE", low - more, high + more
        outside += !inside
      }
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
  for seed in 1 2 3; do
    train "$name" "$seed"
    compare "$name" "$seed" || outside=1
  done
done
[ "$outside" = 0 ] || { echo "figures lie outside" >&2; exit 1; }
