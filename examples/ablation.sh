#!/bin/sh
# What each part of the recipe is worth: trains an encoder by the recipe `distilled`, then again with one part left out or done
# in another way. A row for each shows what full width and the largest narrow width know, and the least cost of a policy at half a point
# and at one point below the model's own full width (by cross-validation, as examples/compare_policies.sh). The paper's recipe is the
# last row.
#
#     sh examples/ablation.sh TASK ENCODER CONFIG DATA OUTPUT SENTENCES [OPTION OF sharcs train]...
#     sh examples/ablation.sh sst-2 models/minilm configs/minilm.json path/to/SST-2 runs/ablation 12000 --seed 1
#
# SENTENCES of the training set are used, as draw_samples.sh draws them. sharcs must be in the PATH, or its place in SHARCS.
# ENCODER comes from examples/fetch_encoder.sh. What is in OUTPUT already is not trained again. ROWS names the rows to do.
set -eu
[ $# -ge 6 ] || { sed -n '7,8p' "$0" >&2; exit 2; }
task=$1 encoder=$2 config=$3 data=$4 output=$5 sentences=$6
shift 6
sharcs=${SHARCS:-sharcs}
layers=$("$sharcs" inspect "$encoder" --json | sed -n 's/.*"layers": \([0-9]*\).*/\1/p')
[ -s "$output/data/train.tsv" ] || sh "$(dirname "$0")/draw_samples.sh" "$data" "$sentences" "$output/data"
file=$data/dev.tsv
if [ -s "$data/test-labeled.tsv" ]; then
  file=$output/data/dev-and-test.tsv
  { awk 1 "$data/dev.tsv"; sed 1d "$data/test-labeled.tsv"; } >"$file"
fi

# row NAME [OPTION OF sharcs train]...
row() {
  name=$1 run=$output/$1
  shift
  case " ${ROWS:-$name} " in *" $name "*) ;; *) return 0 ;; esac
  [ -s "$run/recording.json" ] ||
    "$sharcs" train --task "$task" --init "$encoder" --config "$config" --data "$output/data" --output "$run" --quiet "$@" \
      >"$run.log" 2>&1 || { cat "$run.log" >&2; exit 1; }
  [ -s "$run.json" ] || "$sharcs" eval --model "$run" --task "$task" --file "$file" --output "$run.json" >/dev/null
  {
    "$sharcs" eval --recording "$run.json"
    for drop in 0.5 1; do "$sharcs" calibrate --recording "$run.json" --max-drop "$drop" --compare; done
  } | awk -v name="$name" '
    /^full width/ { full = $3 }
    /^0\./ { narrow = $(NF - 1) }
    $2 == "drop" { cost[$1, $3] = $4 }
    END {
      printf "%-27s  %10s  %6s", name, full, narrow
      for (drop = 0.5; drop <= 1; drop += 0.5)
        printf "  %13s  %14s  %12s  %15s", shown("router"), shown("cascade"), shown("exits"), shown("combined")
      print ""
    }
    function shown(kind) { return (kind, drop) in cost ? cost[kind, drop] : "-" }'
}
printf '%-27s  full width  narrow' recipe
for drop in 0.5 1; do
  printf '  %13s  %14s  %12s  %15s' "router at $drop" "cascade at $drop" "exits at $drop" "combined at $drop"
done
echo
row distilled "$@"
row no-distillation --distillation-weight 0 "$@"
row only-distillation --distillation-weight 1 "$@"
row hidden-states --hidden-loss-weight 1 "$@"
row no-reordering --reordering none "$@"
row reordered-heads-and-neurons --reordering heads_and_neurons "$@"
row router-layer-1 --adaptive-layer-idx 1 "$@"
row router-in-the-middle --adaptive-layer-idx $((layers / 2)) "$@"
row private-norm --full-width-norm private "$@"
row target-hardness --router-target hardness "$@"
row width-half --widths 0.5,1 "$@"
row two-tails --widths 0.25,0.5,1 "$@"
row whole-vectors --no-slice-hidden --widths 0.08,1 "$@"
row whole-vectors-hidden-states --no-slice-hidden --widths 0.08,1 --hidden-loss-weight 1 "$@"
row whole-vectors-router-layer-1 --no-slice-hidden --widths 0.08,1 --adaptive-layer-idx 1 "$@"
row half-the-depth --widths 0.5,1 --depth-mult-list 0.5,1 "$@"
row no-exits --exits none "$@"
row exits-alternating --exit-training alternating "$@"
row exits-two-stage --exit-training two_stage "$@"
row exits-self-distilled --exit-training self_distilled "$@"
row exits-of-the-first-token --exit-pooling first_token "$@"
row paper --recipe sharcs --full-width-norm private --exits none "$@"
