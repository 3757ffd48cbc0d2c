#!/bin/sh
# Runs the short trainings again that figures in the docs come from, and compares what comes out with what the docs say.
#
#     sh docs/reproduce.sh path/to/GLUE [NAME]...
#     sh docs/reproduce.sh path/to/GLUE rte wnli
#
# NAME, with the minutes that its three seeds take on one core: cola (3), graded (6), mrpc (6), rte (2), rte-roberta (2), sts-b
# (3) or wnli (half a one); none: all. GLUE holds CoLA, RTE, … as downloaded; graded generates its sentences. sharcs must be in
# the PATH, or its place in SHARCS. What is trained goes to runs/reproduce, or the folder in OUTPUT; what is there already is not
# trained again.
#
# Each training runs with the seeds 1, 2 and 3. The docs have the lowest and the highest figure of the three. A figure may
# lie outside by half of the distance between the two, and by 0.01 at least: another processor rounds otherwise, and a
# training that rounds otherwise is another seed. Where one lies further outside, the script says so and ends with 1.
set -eu

# The lowest and the highest of three seeds: of the first metric by the stored policy, of the cost, of the metric at full width.
table='
cola         0.091 0.121    0.575 0.851    0.100 0.121
graded       0.945 0.955    0.461 0.480    0.946 0.955
mrpc         0.679 0.681    0.599 0.600    0.674 0.691
rte          0.554 0.604    0.562 0.737    0.554 0.583
rte-roberta  0.547 0.568    0.663 0.736    0.547 0.568
sts-b        0.256 0.295    0.639 0.721    0.261 0.303
wnli         0.500 0.500    0.515 0.700    0.443 0.500
'

[ $# -ge 1 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
glue=$1
shift
[ $# -gt 0 ] || set -- $(echo "$table" | awk 'NF > 1 { print $1 }')
sharcs=${SHARCS:-sharcs} output=${OUTPUT:-runs/reproduce} configs=$(dirname "$0")/../configs
small=$configs/small-2-widths.json

# train NAME SEED: unless it is there already. The commands are those of tasks.md and experiments.md. Where they set a budget, the
# recording is made again under the policy for it.
train() {
  name=$1 seed=$2 run=$output/$1-$2 budget=
  [ ! -s "$run/measured.json" ] || return 0
  case $name in
    cola)
      set -- --task cola --data "$glue/CoLA" --config "$small" --thresholds '[[0.6,1.01],[0,0.85]]' \
        --set tokenizer.vocab_size=2000 model.hidden_dropout_prob=0.3 --learning-rate 3e-4 --weight-decay 0.1 --epochs 8
      ;;
    graded)
      [ -s "$output/graded-data-$seed/dev.tsv" ] || "$sharcs" synth --output "$output/graded-data-$seed" --seed "$seed" >/dev/null
      set -- --task sst-2 --data "$output/graded-data-$seed" --config "$configs/quickstart.json"
      ;;
    mrpc)
      budget=0.6
      set -- --task mrpc --data "$glue/MRPC" --config "$small" \
        --set tokenizer.vocab_size=4000 model.hidden_dropout_prob=0.3 --learning-rate 3e-4
      ;;
    sts-b)
      set -- --task sts-b --data "$glue/STS-B" --config "$small" --set model.initializer_range=0.08 --epochs 5 --window 1
      ;;
    rte)
      set -- --task rte --data "$glue/RTE" --config "$small" --thresholds '[[0.5,1.01],[0,0.5]]' \
        --set tokenizer.vocab_size=4000 model.hidden_dropout_prob=0.3 --learning-rate 3e-4
      ;;
    rte-roberta)
      set -- --task rte --data "$glue/RTE" --config "$configs/small-roberta-2-widths.json" --thresholds '[[0.5,1.01],[0,0.5]]'
      ;;
    wnli) set -- --task wnli --data "$glue/WNLI" --config "$small" --thresholds '[[0.5,1.01],[0,0.5]]' ;;
  esac
  [ -s "$run/recording.json" ] || "$sharcs" train --output "$run" --threads 1 --seed "$seed" --quiet "$@" >"$run.log" 2>&1 ||
    { cat "$run.log" >&2; exit 1; }
  if [ -z "$budget" ]; then
    cp "$run/recording.json" "$run/measured.json"
  else
    set -- --model "$run" --task "$2" --data "$4" --threads 1
    { "$sharcs" calibrate "$@" --policy router --budget "$budget" && "$sharcs" eval "$@" --output "$run/measured.json"; } \
      >>"$run.log" 2>&1 || { cat "$run.log" >&2; exit 1; }
  fi
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
