"""The recipe's own arithmetic: labels, boxes and the choice of a candidate; teaching itself needs the bench venv."""

from __future__ import annotations

import subprocess
import sys

import pytest

from models.recipes.street.candidates import Candidate, choice
from models.recipes.street.labels import COCO_IDS, KINDS, LABELS
from models.recipes.street.lessons import LabelledBox, remapped
from models.recipes.street.measure import Figures
from models.zoo import load_card


def test_the_card_says_what_the_recipe_says() -> None:
    card = load_card("street")
    assert card.labels == LABELS
    assert card.kinds == KINDS
    assert set(KINDS) == set(LABELS)


def test_label_files_keep_the_fourteen_and_number_them_anew() -> None:
    bus, airplane, table = "5 0.5 0.5 0.1 0.1", "4 0.5 0.5 0.2 0.2", "60 0.1 0.2 0.3 0.4"
    assert remapped([bus, airplane, "", table]) == ["4 0.5 0.5 0.1 0.1", "13 0.1 0.2 0.3 0.4"]
    assert COCO_IDS["bus"] == 5


@pytest.mark.parametrize(
    ("other", "iou"),
    [((0.5, 0.5, 0.2, 0.2), 1.0), ((0.6, 0.5, 0.2, 0.2), 1 / 3), ((0.8, 0.5, 0.2, 0.2), 0.0)],
)
def test_boxes_overlap_by_their_shared_area(other: tuple[float, ...], iou: float) -> None:
    assert LabelledBox("car", (0.5, 0.5, 0.2, 0.2)).iou(LabelledBox("car", other)) == pytest.approx(iou)


def _candidate(on_coco: float, on_top_view: float) -> Candidate:
    coco, above = (Figures(map50_95=value, map50=value, of_label={}) for value in (on_coco, on_top_view))
    return Candidate(network=None, on_coco=coco, on_top_view=above)


@pytest.mark.parametrize(
    ("taught", "chosen"),
    [
        ((0.419, 0.50), "taught"),
        ((0.415, 0.50), "taught"),
        ((0.413, 0.50), "base"),
        ((0.430, 0.42), "base"),
    ],
)
def test_the_best_from_above_is_kept_unless_it_forgot_too_much(taught: tuple[float, float], chosen: str) -> None:
    assert choice({"base": _candidate(0.419, 0.43), "taught": _candidate(*taught)}) == chosen


def test_reading_the_recipe_needs_neither_torch_nor_ultralytics() -> None:
    program = (
        "import sys, models.recipes.street.__main__; print(sorted({'torch', 'ultralytics', 'onnx'} & set(sys.modules)))"
    )
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "[]"
