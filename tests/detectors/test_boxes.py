"""Boxes of one thing merge as in a slow, plain reference, and an answer that is no number is an error."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.base import DetectionError
from detectors.boxes import decode, suppressed

Floats = NDArray[np.float32]


def _iou(one: Floats, other: Floats) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (one, other)]
    return float(width * height) / (sum(areas) - float(width * height))


def _slowly_suppressed(xyxy: Floats, labels: NDArray[np.intp], max_iou: float) -> list[int]:
    kept: list[int] = []
    for place in range(len(xyxy)):
        if all(labels[place] != labels[better] or _iou(xyxy[place], xyxy[better]) <= max_iou for better in kept):
            kept.append(place)
    return kept


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("max_iou", [0.3, 0.7])
def test_suppression_keeps_what_the_plain_reference_keeps(seed: int, max_iou: float) -> None:
    random = np.random.default_rng(seed)
    corners = random.uniform(0, 100, (200, 2))
    xyxy = np.concatenate([corners, corners + random.uniform(5, 60, (200, 2))], axis=1).astype(np.float32)
    labels = random.integers(0, 3, 200).astype(np.intp)
    kept = suppressed(xyxy, labels, max_iou=max_iou, max_kept=1000)
    assert kept.tolist() == _slowly_suppressed(xyxy, labels, max_iou)
    assert 0 < len(kept) < 200


def _output(*cells: tuple[float, ...]) -> Floats:
    """Returns a model's raw output of these cells, each ``cx, cy, w, h, score, score``."""
    return np.array(cells, dtype=np.float32).T


def test_a_cell_becomes_the_box_of_its_best_label() -> None:
    boxes = decode(_output((50, 60, 20, 40, 0.2, 0.9)), min_score=0.5, nms_iou=0.7)
    assert boxes.xyxy.tolist() == [[40, 40, 60, 80]]
    assert boxes.labels.tolist() == [1]
    assert boxes.scores.tolist() == pytest.approx([0.9])


def test_boxes_come_best_first_and_weak_ones_not_at_all() -> None:
    output = _output((50, 50, 9, 9, 0.6, 0), (90, 50, 9, 9, 0.8, 0), (130, 50, 9, 9, 0.3, 0))
    boxes = decode(output, min_score=0.5, nms_iou=0.7)
    assert boxes.scores.tolist() == pytest.approx([0.8, 0.6])


def test_two_labels_at_one_place_both_stay() -> None:
    boxes = decode(_output((50, 50, 20, 20, 0.9, 0), (50, 50, 20, 20, 0, 0.8)), min_score=0.5, nms_iou=0.7)
    assert boxes.labels.tolist() == [0, 1]


def test_boxes_without_extent_neither_fail_nor_remove_others() -> None:
    output = _output((50, 50, 0, 0, 0.9, 0), (50, 50, 0, 0, 0.8, 0), (50, 50, 20, 20, 0.7, 0))
    assert decode(output, min_score=0.5, nms_iou=0.7).scores.tolist() == pytest.approx([0.9, 0.8, 0.7])


def test_no_more_boxes_than_asked_for() -> None:
    output = _output(*((20.0 * place, 50, 10, 10, 0.9, 0) for place in range(50)))
    assert len(decode(output, min_score=0.5, nms_iou=0.7, max_findings=7).scores) == 7


def test_nothing_above_the_score_is_no_box() -> None:
    boxes = decode(_output((50, 50, 20, 20, 0.1, 0.1)), min_score=0.5, nms_iou=0.7)
    assert boxes.xyxy.shape == (0, 4)


@pytest.mark.parametrize(
    ("cell", "message"),
    [((50, 50, 20, 20, float("nan"), 0.9), "scores"), ((50, float("inf"), 20, 20, 0.9, 0), "boxes")],
)
def test_an_answer_that_is_no_number_is_an_error_and_not_an_empty_street(cell: tuple[float, ...], message: str) -> None:
    with pytest.raises(DetectionError, match=message):
        decode(_output(cell), min_score=0.5, nms_iou=0.7)
