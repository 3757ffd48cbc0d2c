# Lists the figures of experiments.md, models.md and tasks.md for reproduce.sh: name, seeds, row, column and text, a figure a line, as in
#
#     mpnet-sst-2<TAB>1<TAB>cascade, drop 0.5<TAB>cost<TAB>0.474
#
# Row and column are those of the tables that sharcs prints. A table with figures stands behind a comment with the name of what is
# trained and its seed, <!-- figures: mpnet-sst-2 1 -->, "test" behind them for the labelled test set, and has one of these shapes:
#
#     | policy  | cost, drop 0.5 | …     rows and columns as printed; the drop belongs to the row
#     | router  | cost | …               rows "budget 0.3"
#     | fixed   | exit 1 | exit 2 | …    the other way round: rows "cost" and "accuracy"
#     | seed    | routed: cost | …       row and column in the head; a row for each seed, and one for "1 to 3"
#     | precision | routed: cost | …     the same with a row for each precision that the model is run in
#     | task    | metric | routed | …    rows of several names, which stand in backquotes; seeds 1 to 3. Two metrics: "a; b"
#
# Where a table has a row "1 to 3", what another row says of one seed is compared only if it has an interval. In a first cell, words in
# brackets and behind ", which", ", in", ", at" or ": the" are for the reader alone, and so is a cell without a figure.
BEGIN { OFS = "\t"; figure = "^-?[0-9.]+( to -?[0-9.]+| ± [0-9.]+| \\[-?[0-9.]+, -?[0-9.]+\\])?$" }

function shown(row, column, text) {
  if (text ~ figure) print name, seeds, prefix row, column, text
}

# Where the head of a column says row and column, as in "routed: cost".
function shown_by_head(head, text) {
  if (match(head, /: [^:]*$/)) shown(substr(head, 1, RSTART - 1), substr(head, RSTART + 2), text)
}

# The first cell of a row, without what is for the reader alone.
function plain(text) {
  sub(/ \(.*/, "", text)
  sub(/(, which|, in|, at|: the) .*/, "", text)
  sub(/^mix of .*/, "mix", text)
  return text
}

/^<!-- figures/ { name = $3; seeds = $4; prefix = $5 == "test" ? "test: " : ""; waiting = 1; next }
!/^\|/ { if (inside) waiting = 0; inside = 0; next }
!waiting || /^\|-/ { next }
{
  gsub(/\*\*/, "")
  gsub(/−/, "-")
  count = split($0, cell, / *\| */) - 1
}
!inside { for (i = 2; i <= count; ++i) head[i] = cell[i]; inside = 1; next }
{
  for (i = 3; i <= count; ++i) {
    row = plain(cell[2])
    column = head[i]
    if (head[2] == "fixed") {
      shown("fixed " column, tolower(row), cell[i])
    } else if (head[2] == "seed") {
      seeds = cell[2]
      sub(/ to /, "-", seeds)
      if (cell[i] ~ /to|\[/ && seeds ~ /^[0-9-]+$/) shown_by_head(column, cell[i])
    } else if (head[2] == "precision") {
      prefix = cell[2] == "fp32" ? "" : cell[2] ": "
      shown_by_head(column, cell[i])
    } else if (head[2] == "task") {
      name = $0
      sub(/`[^`]*$/, "", name)
      sub(/.*`/, "", name)
      seeds = "1-3"
      metrics = split(cell[3], metric, "; ")
      values = split(cell[i], value, "; ")
      if (column == "cost") shown("routed", column, cell[i])
      if (column ~ /^exit /) shown(column, "of all", cell[i])
      if (column ~ /^(full width|routed)$/) for (j = 1; j <= metrics; ++j) shown(column, tolower(metric[j]), value[j])
    } else {
      if (head[2] == "router") row = "router, " row
      if (match(column, /, drop /)) { row = row substr(column, RSTART); column = substr(column, 1, RSTART - 1) }
      shown(row, column, cell[i])
    }
  }
}
