#!/bin/sh
# Tests docs/reproduce.sh without training: a stand-in for sharcs prints what a real `sharcs eval` printed.
#
#     sh tests/reproduce/check.sh DOCS SCRATCH
set -eu
docs=$1 scratch=$2 recorded=$(dirname "$0")/recorded
rm -rf "$scratch"
mkdir -p "$scratch/bin"

# train makes a recording that has the run's name, and eval another one of a model, which says whether it was calibrated; of a
# recording eval and calibrate print the recorded output, of seed 1 for all seeds.
cat >"$scratch/bin/sharcs" <<'STAND_IN'
#!/bin/sh
command=$1
while [ $# -gt 0 ]; do
  case $1 in
    --output) output=$2 ;; --recording) recording=$2 ;; --seed) seed=$2 ;; --model) model=$2 ;; --max-drop) drop=$2 ;;
  esac
  shift
done
case $command in
  train) mkdir -p "$output" && echo "$output" >"$output/recording.json" && echo "$output $seed" >>"$TRAINED" ;;
  calibrate)
    if [ -z "$recording" ]; then
      echo "$model" >"$model/calibrated"
    else
      name=$(basename "$(dirname "$recording")") && cat "$RECORDED/${name%-*}-drop-$drop.txt"
    fi
    ;;
  eval)
    if [ -n "$output" ]; then
      if [ -s "$model/calibrated" ]; then cp "$model/calibrated" "$output"; else echo "dev and test" >"$output"; fi
    else
      name=$(basename "$(dirname "$recording")") && cat "$RECORDED/${name%-*}.txt"
    fi
    ;;
esac
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
expect 0 "minilm-sst-2, seed 2: cascade-1" minilm-sst-2
grep -q "dev and test" "$scratch/runs/minilm-sst-2-2/measured.json" || { echo "minilm-sst-2 was not measured on dev and test"; failed=1; }
expect 0 "wnli, seed 1: routed 0.500 within 0.490 to 0.510" wnli
expect 0 "rte, seed 3: full" rte
expect 0 "mrpc, seed 2: cost" mrpc
expect 2 "there is no wmli; expected some of cola graded minilm-cola minilm-mrpc minilm-rte minilm-sst-2 minilm-sts-b mpnet-cola mpnet-mrpc mpnet-sst-2 mrpc rte rte-roberta sst-2 sts-b wnli" wnli wmli
if [ "$(sort -u "$scratch/trained" | wc -l)" != 12 ] || [ "$(wc -l <"$scratch/trained")" != 12 ]; then
  echo "expected one training for each of four names and three seeds, found:"
  cat "$scratch/trained"
  failed=1
fi

# A figure that has moved, one that is missing, and one that is no number.
recorded_here=$scratch/moved
mkdir -p "$recorded_here"
cp "$recorded"/minilm-sst-2* "$recorded_here"
sed -i 's/^cascade .* 0.377 /cascade  drop 1  0.477 /' "$recorded_here/minilm-sst-2-drop-1.txt"
expect 1 "minilm-sst-2, seed 3: cascade-1 0.477 OUTSIDE 0.327 to 0.443" minilm-sst-2
sed -i '/^cascade /d' "$recorded_here/minilm-sst-2-drop-1.txt"
expect 1 "minilm-sst-2, seed 3: cascade-1 none OUTSIDE" minilm-sst-2
sed 's/^routed          0.500/routed          0.571/' "$recorded/wnli.txt" >"$recorded_here/wnli.txt"
expect 1 "wnli, seed 2: routed 0.571 OUTSIDE 0.490 to 0.510" wnli
sed '/^full width/d' "$recorded/wnli.txt" >"$recorded_here/wnli.txt"
expect 1 "wnli, seed 1: full none OUTSIDE" wnli
sed 's/^routed          0.500/routed            nan/' "$recorded/wnli.txt" >"$recorded_here/wnli.txt"
expect 1 "wnli, seed 1: routed nan OUTSIDE" wnli

# The docs say what the script compares with: "a to b" on a line that has the name, or one number where all seeds have it. Where
# there is one seed, the name stands once in its section.
said() {
  [ "$2" != - ] || return 0
  name=$1 text="$2 to $3"
  [ "$2" != "$3" ] || text=$2
  case $name in
    mpnet-*) awk -v name="\`$name\`" '/^#/ { show(); lines = "" } { lines = lines $0 "\n" } END { show() }
      function show() { if (index(lines, name)) printf "%s", lines }' "$docs/experiments.md" ;;
    *) grep -hF "\`$name\`" "$docs/tasks.md" "$docs/experiments.md" ;;
  esac | grep -qF -e "$text" || { echo "$name: no row of tasks.md or experiments.md has \`$name\` and $text"; failed=1; }
}
for table in table tests costs; do
  awk -v begin="^$table=" '$0 ~ begin { inside = 1; next } inside && $0 == "\x27" { exit } inside' "$docs/reproduce.sh" >"$scratch/$table"
  [ "$(wc -l <"$scratch/$table")" -ge 1 ] || { echo "reproduce.sh has no lines in $table"; failed=1; }
done
while read -r name routed_low routed_high cost_low cost_high full_low full_high; do
  said "$name" "$routed_low" "$routed_high"
  said "$name" "$cost_low" "$cost_high"
  said "$name" "$full_low" "$full_high"
done <<TABLES
$(cat "$scratch/table" "$scratch/tests")
TABLES
while read -r name _ half_low half_high one_low one_high; do
  said "$name" "$half_low" "$half_high"
  said "$name" "$one_low" "$one_high"
done <"$scratch/costs"
exit $failed
