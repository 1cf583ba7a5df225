"""Measures a detector on labelled pictures with ultralytics' own validation, one setting for all candidates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.recipes.street.labels import LABELS

SETTINGS = {"imgsz": 640, "rect": False, "conf": 0.001, "iou": 0.7, "batch": 16, "max_det": 300}


@dataclass(frozen=True, slots=True)
class Figures:
    """Mean average precision over the labels that occur, and per label (mAP50-95)."""

    map50_95: float
    map50: float
    of_label: dict[str, float]

    def rounded(self) -> dict[str, Any]:
        figures = asdict(self)
        figures["of_label"] = {label: round(value, 4) for label, value in self.of_label.items()}
        return figures | {"map50_95": round(self.map50_95, 4), "map50": round(self.map50, 4)}


def measured(detector: Any, data_file: Path, *, runs: Path, one_label: bool = False) -> Figures:
    """Returns the figures of an ultralytics YOLO on the validation pictures of ``data_file``.

    one_label: All labels count as one, where the pictures' boxes do not tell them apart.
    """
    quiet = {"plots": False, "verbose": False, "workers": 0, "device": "cpu", "single_cls": one_label}
    answer = detector.val(data=str(data_file), split="val", project=str(runs), name="val", **SETTINGS, **quiet)
    places = [] if one_label else answer.box.ap_class_index
    of_label = {LABELS[place]: float(answer.box.maps[place]) for place in places}
    return Figures(map50_95=float(answer.box.map), map50=float(answer.box.map50), of_label=of_label)
