#!/bin/sh
# Makes the venv for training and for benches that compare with ultralytics; the product itself never needs it.
# Usage: bench/make_venv.sh [DIR]   (default .venv-bench; an existing venv is completed)
#
# torchvision comes from the stub beside this script: the released wheel does not fit a CPU build of torch
# ("operator torchvision::nms does not exist"), and ultralytics asks for its metadata on import.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
venv=${1:-.venv-bench}

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"

# Built from a copy: building in place would leave build/ and egg-info beside the committed files.
stub=$(mktemp -d)
trap 'rm -rf "$stub"' EXIT
cp -R "$here/torchvision_stub/." "$stub"

"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    "torch==2.13.0" "$stub" "ultralytics-opencv-headless==8.4.190" lap \
    onnx onnxslim onnxruntime openvino pydantic pyyaml

YOLO_AUTOINSTALL=false YOLO_OFFLINE=true YOLO_CONFIG_DIR="$stub" "$venv/bin/python" -c '
import torch, torchvision, ultralytics
print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, ultralytics {ultralytics.__version__}")
'
