#!/bin/sh
# Makes the virtual environment that the interchange tests run in, in the build folder: PyTorch for the CPU, transformers,
# what trains small tokenizers, ONNX with its runtime, and schemathesis, which tests the server. Without it these tests are
# skipped.
#
#     sh tests/interchange/make_venv.sh [FOLDER]     FOLDER: build/interchange without one
set -eu
cd "$(dirname "$0")/../.."
folder=${1:-build/interchange}
[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.24.0 numpy \
  sentencepiece==0.2.3 protobuf==7.36.2 onnx==1.23.2 onnxruntime==1.32.0 schemathesis==4.32.5
