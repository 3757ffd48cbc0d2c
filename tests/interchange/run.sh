#!/bin/sh
# Runs a Python test in the virtual environment of make_venv.sh; skipped (77) where there is none.
#
#     sh tests/interchange/run.sh VENV SCRIPT ARGUMENTS...
set -eu
python="$1/bin/python"
shift
if [ ! -x "$python" ]; then
  echo "skipped: there is no $python; sh tests/interchange/make_venv.sh makes it"
  exit 77
fi
# One thread, since the models are small: torch's threads wait for each other where another test has the cores.
OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 exec "$python" "$@"
