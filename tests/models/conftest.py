"""A small model folder to break in many ways; its weights are four bytes, which the zoo only checks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

WEIGHTS = b"onnx"

MakeModel = Callable[..., Path]


def card(**changes: Any) -> dict[str, Any]:
    """Returns a valid card with some keys replaced; a value of None leaves its key out."""
    valid = {
        "schema_version": 1,
        "name": "tiny",
        "version": "1",
        "task": "detect",
        "labels": ["car", "stall"],
        "kinds": {"car": ["illegal-parking", "fire-lane-blocked"], "stall": ["street-vendor"]},
        "input": {
            "width": 64,
            "height": 32,
            "resizable": True,
            "layout": "NCHW",
            "colour": "RGB",
            "scaling": "0..1",
            "letterbox": 114,
        },
        "output": "yolov8",
        "thresholds": {"score": 0.25, "nms_iou": 0.7},
        "weights": {
            "file": "weights.onnx",
            "format": "onnx",
            "precision": "f32",
            "size_bytes": len(WEIGHTS),
            "sha256": hashlib.sha256(WEIGHTS).hexdigest(),
        },
        "training_data": [{"name": "drawn", "pictures": 3, "used_as": "true labels", "licence": "CC0"}],
        "licence": "AGPL-3.0",
    }
    return {key: value for key, value in (valid | changes).items() if value is not None}


@pytest.fixture
def model_folder(tmp_path: Path) -> MakeModel:
    """Makes a model folder whose card has some keys replaced."""

    def make(**changes: Any) -> Path:
        folder = tmp_path / "tiny"
        folder.mkdir()
        (folder / "weights.onnx").write_bytes(WEIGHTS)
        (folder / "model.yaml").write_text(yaml.safe_dump(card(**changes)))
        return folder

    return make
