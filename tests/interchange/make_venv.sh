#!/bin/sh
# Makes the virtual environment that the interchange tests run in: PyTorch for the CPU, transformers and what trains small
# tokenizers, in the build
# folder. Without it these tests are skipped.
#
#     sh tests/interchange/make_venv.sh [FOLDER]     FOLDER: build/interchange without one
set -eu
cd "$(dirname "$0")/../.."
folder=${1:-build/interchange}
[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.24.0 numpy \
  sentencepiece==0.2.3 protobuf==7.36.2
