#!/bin/sh
# Runs the trainings again that figures in the docs come from, and compares what comes out with what the docs say.
#
#     sh docs/reproduce.sh path/to/GLUE [NAME]...
#     sh docs/reproduce.sh path/to/GLUE rte wnli
#
# NAME, with the minutes that it takes on one core: cola (3), graded (6), mrpc (6), rte (2), rte-roberta (2), sst-2 (15), sts-b (3),
# sweep (12) or wnli (half a one); of the pretrained encoder MiniLM, on two cores: ablation (100), minilm-cola (12),
# minilm-mrpc (20), minilm-rte (20), minilm-sst-2 (45), minilm-sst-2-fp32 (25), minilm-sst-2-hidden-states (50),
# minilm-sst-2-whole-vectors (35) or minilm-sts-b (22); or of MPNet: mpnet-cola (30), mpnet-mrpc (60), mpnet-sst-2 (100) or
# mpnet-sst-2-whole-vectors (100). None: all. GLUE holds CoLA, RTE, … as downloaded; graded and sweep generate their sentences;
# examples/fetch_encoder.sh brings the encoders. sharcs must be in the PATH, or its place in SHARCS. What is trained goes to
# runs/reproduce, or the folder in OUTPUT; what is there already is not trained again.
#
# figures.awk says which tables of the docs are compared. How far a figure may lie from what they say (another processor rounds
# otherwise, and a training that rounds otherwise is another seed):
#
#     0.674 to 0.691         the lowest and the highest of the seeds: outside by half of the distance between them, and 0.01 at least
#     0.508 [0.425, 0.588]   not outside the interval, if that reaches 0.01 to either side
#     0.954 ± 0.005          mean and deviation of seeds: by two deviations, and 0.02 at least
#     0.496                  by 0.01
#
# The least cost of a policy for a drop may lie outside by 0.05 at least, since a few samples decide it, and so may what one seed's
# stored policy costs. Where a figure lies further outside, the script says so and ends with 1.
set -eu

[ $# -ge 1 ] || { sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }
glue=$1
shift
docs=$(dirname "$0")
configs=$docs/../configs examples=$docs/../examples
sharcs=${SHARCS:-sharcs} output=${OUTPUT:-runs/reproduce} small=$configs/small-2-widths.json
figures=$(awk -f "$docs/figures.awk" "$docs/experiments.md" "$docs/models.md" "$docs/tasks.md")
names=$(echo "$figures" | cut -f 1 | sort -u)
[ $# -gt 0 ] || set -- $names

# train NAME SEED: unless it is there already. The commands are those of tasks.md and experiments.md. Where they set a budget, the
# recording is made again under the policy for it.
train() {
  name=$1 seed=$2 run=$output/$1-$2 budget=
  [ ! -s "$run/measured.json" ] || return 0
  case $name in
    ablation) return ;; # its script trains and measures
    cola)
      task=cola data=$glue/CoLA
      set -- --config "$small" --thresholds '[[0.6,1.01],[0,0.85]]' --set tokenizer.vocab_size=2000 model.hidden_dropout_prob=0.3 \
        --learning-rate 3e-4 --weight-decay 0.1 --epochs 8
      ;;
    graded)
      task=sst-2 data=$(graded_data "$seed")
      set -- --config "$configs/quickstart.json"
      ;;
    minilm-cola) set -- minilm cola "$glue/CoLA" --epochs 10 ;;
    minilm-mrpc) set -- minilm mrpc "$glue/MRPC" --epochs 12 ;;
    minilm-rte) set -- minilm rte "$glue/RTE" --epochs 15 ;;
    minilm-sst-2) set -- minilm sst-2 "$glue/SST-2" ;;
    minilm-sst-2-fp32) set -- minilm sst-2 "$glue/SST-2" --precision fp32 ;;
    minilm-sst-2-hidden-states) set -- minilm sst-2 "$glue/SST-2" --hidden-loss-weight 1 ;;
    minilm-sst-2-whole-vectors) set -- minilm sst-2 "$glue/SST-2" --no-slice-hidden --widths 0.08,1 ;;
    minilm-sts-b) set -- minilm sts-b "$glue/STS-B" --epochs 10 ;;
    mpnet-cola) set -- mpnet cola "$glue/CoLA" --epochs 8 ;;
    mpnet-mrpc) set -- mpnet mrpc "$glue/MRPC" --epochs 10 ;;
    mpnet-sst-2) set -- mpnet sst-2 "$glue/SST-2" --epochs 3 ;;
    mpnet-sst-2-whole-vectors)
      set -- mpnet sst-2 "$glue/SST-2" --epochs 3 --no-slice-hidden --widths 0.08,1 --hidden-loss-weight 1
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
    sweep)
      logged "$sharcs" sweep --task sst-2 --data "$(graded_data 1)" --config "$configs/sweep-quickstart.json" --output "$run" --threads 1
      return
      ;;
    wnli)
      task=wnli data=$glue/WNLI
      set -- --config "$small" --thresholds '[[0.5,1.01],[0,0.5]]'
      ;;
  esac
  case $name in
    minilm-* | mpnet-*)
      train_pretrained "$@"
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

# train_pretrained ENCODER TASK DATA OPTION...: a fine-tuned encoder, measured on dev and the labelled test set; in bf16, unless OPTION
# says otherwise.
train_pretrained() {
  encoder=$1 task=$2 data=$3
  shift 3
  logged sh "$examples/compare_policies.sh" "$task" "$(fetched_encoder)" "$configs/$encoder.json" "$data" "$run" --seed "$seed" --quiet \
    --precision bf16 "$@"
  recording=$run/recording.json
  [ ! -s "$run/dev-and-test.json" ] || recording=$run/dev-and-test.json
  cp "$recording" "$run/measured.json"
}

# fetched_encoder: the folder of $encoder.
fetched_encoder() {
  [ -s "$output/$encoder/config.json" ] || logged sh "$examples/fetch_encoder.sh" "$encoder" "$output/$encoder"
  echo "$output/$encoder"
}

# ablation RUN SEED: what is trained already is only shown again.
ablation() {
  encoder=minilm
  sh "$examples/ablation.sh" sst-2 "$(fetched_encoder)" "$configs/minilm.json" "$glue/SST-2" "$1" 12000 --seed "$2" --epochs 5 \
    --precision bf16
}

# graded_data SEED: the folder with the generated sentences.
graded_data() {
  [ -s "$output/graded-data-$1/dev.tsv" ] || logged "$sharcs" synth --output "$output/graded-data-$1" --seed "$1"
  echo "$output/graded-data-$1"
}

# logged COMMAND...: what it prints goes into the log of the run, and is shown where it fails.
logged() {
  "$@" >>"$run.log" 2>&1 || { cat "$run.log" >&2; exit 1; }
}

# measured NAME SEED: what sharcs prints of the run, as figures.awk lists them: a row, a column and a number a line.
measured() {
  run=$output/$1-$2
  case $1 in
    ablation) ablation "$run" "$2" | cells && return ;;
    sweep) over_seeds <"$run/sweep-seeds.tsv" && return ;;
  esac
  "$sharcs" eval --recording "$run/measured.json" --policy model --compare | cells
  [ ! -s "$run/test.json" ] || "$sharcs" eval --recording "$run/test.json" --policy model --compare | cells | sed 's/^/test: /'
  for precision in $(of_run "$1" "$2" | sed -n 's/^\(bf16\|int8\): .*/\1/p' | sort -u); do
    "$sharcs" eval --model "$run" --file "$run/dev-and-test.tsv" --precision "$precision" | cells | sed "s/^/$precision: /"
  done
  for drop in $(targets "$1" "$2" drop); do
    "$sharcs" calibrate --recording "$run/measured.json" --max-drop "$drop" --compare | cells
  done
  budgets=$(targets "$1" "$2" budget | paste -s -d ,)
  [ -z "$budgets" ] || "$sharcs" calibrate --recording "$run/measured.json" --policy router --curve "$budgets" | cells
}

# targets NAME SEED WORD: 0.5 and 1 where the docs have rows as "cascade, drop 0.5" and "router, drop 1", and the word is drop.
targets() {
  of_run "$1" "$2" | cut -f 1 | sed -n "s/.*, $3 //p" | sort -nu
}

# seeds NAME: those that the docs have figures of.
seeds() {
  echo "$figures" | awk -F '\t' -v name="$1" '
    $1 == name { last = split($2, seed, "-"); for (i = seed[1]; i <= seed[last]; ++i) print i }' | sort -nu
}

# of_run NAME SEED: the row, column and text of its figures.
of_run() {
  echo "$figures" | awk -F '\t' -v OFS='\t' -v name="$1" -v seed="$2" '
    $1 == name { last = split($2, from, "-"); if (from[1] <= seed && seed <= from[last]) print $3, $4, $5 }'
}

# over_seeds: of a sweep's table, the same; a row is called by its settings, as in "window 3, thresholds [[0.8,1.01],[0.0,0.8]]".
over_seeds() {
  awk -F '\t' -v OFS='\t' '
    NR == 1 { for (i = 1; i <= NF; ++i) { name[i] = $i; sub(/.*\./, "", name[i]); if ($i == "runs") settings = i - 1 } next }
    {
      row = ""
      for (i = 1; i <= settings; ++i) if ($i != "") row = row (row == "" ? "" : ", ") name[i] " " $i
      for (i = settings + 1; i <= NF; ++i) if ($i ~ /^-?[0-9.e-]+$/) print row, name[i], sprintf("%.3f", $i)
    }'
}

# cells: of tables that sharcs prints, a row, a column and a number a line. A table begins behind a blank line with the names of its
# columns; two spaces stand between cells. A row is called by its first cell; "cascade  drop 0.5" is one name.
cells() {
  awk -v OFS='\t' '
    NF == 0 { columns = 0; next }
    { gsub(/ \[[^]]*\]/, ""); count = split($0, cell, /  +/) }
    !columns {
      columns = count
      named = 1
      for (i = 1; i <= count; ++i) { name[i] = cell[i]; if (cell[i] == "target") named = i }
      next
    }
    {
      sub(/^mix of .*/, "mix", cell[1])
      row = cell[1]
      if (named == 2) row = row ", " cell[2]
      for (i = named + 1; i <= count; ++i) if (cell[i] ~ /^-?([0-9.]+|nan)$/) print row, name[i], cell[i]
    }'
}

# compare NAME SEED: prints what was measured and what the docs say; false where a figure lies too far outside.
compare() {
  { measured "$1" "$2"; of_run "$1" "$2" | sed 's/^/docs\t/'; } | awk -F '\t' -v name="$1" -v seed="$2" '
    $1 != "docs" { if (!(($1, $2) in found)) found[$1, $2] = $3; next }
    {
      value = ($2, $3) in found ? found[$2, $3] : "none"
      least = ($2 ~ /, drop / && $3 == "cost") || $3 ~ / at [0-9.]+$/ ? 0.05 : 0.01
      stored = $2 ~ /^((bf16|int8): )?(routed|random|by length|mix)$/ && $3 == "cost"
      text = $4
      gsub(/[][,]|to|±/, " ", text)
      count = split(text, number, " ")
      if (count == 1) {
        more = stored ? 0.05 : least
        low = number[1] - more; high = number[1] + more
      } else if (count == 3) {
        low = number[2] < number[1] - 0.01 ? number[2] : number[1] - 0.01
        high = number[3] > number[1] + 0.01 ? number[3] : number[1] + 0.01
      } else if ($4 ~ /±/) {
        more = 2 * number[2] > 0.02 ? 2 * number[2] : 0.02
        low = number[1] - more; high = number[1] + more
      } else {
        more = (number[2] - number[1]) / 2
        if (more < least) more = least
        low = number[1] - more; high = number[2] + more
      }
      inside = value ~ /^-?[0-9]+(\.[0-9]+)?$/ && value >= low - 1e-9 && value <= high + 1e-9
      printf "%-70s %7s   %s %.3f to %.3f\n", name ", seed " seed ": " $2 ", " $3, value, inside ? "within " : "OUTSIDE", low, high
      outside += !inside
    }
    END { exit outside > 0 }'
}

for name in "$@"; do
  echo "$names" | grep -qxF -e "$name" || {
    echo "$0: there is no $name; expected some of" $names >&2
    exit 2
  }
done
mkdir -p "$output"
outside=0
for name in "$@"; do
  for seed in $(seeds "$name"); do
    train "$name" "$seed"
    compare "$name" "$seed" || outside=1
  done
done
[ "$outside" = 0 ] || { echo "figures lie outside" >&2; exit 1; }
