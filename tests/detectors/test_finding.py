"""The installed model finds what is drawn, where it is drawn, and nothing on the empty street."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from detectors.base import BoxXyxy, Finding, Frame, Image
from detectors.yolo import YoloConfiguration, YoloDetector, build
from tests.detectors import drawings
from tests.detectors.conftest import NOON

THINGS = [
    (drawings.street_with_chair, "chair", [drawings.CHAIR_BOX]),
    # The model may take an umbrella with its stick or without.
    (drawings.street_with_umbrella, "umbrella", [drawings.UMBRELLA_BOX, drawings.CANOPY_BOX]),
]


@pytest.fixture(scope="module")
def detector() -> YoloDetector:
    """The model as its card sets it: 640 pixels, its own thresholds."""
    return build(YoloConfiguration(model="street"))


def _found(detector: YoloDetector, image: Image) -> list[Finding]:
    return detector.detect([Frame(image=image, captured_at=NOON)])[0]


def _iou(one: BoxXyxy, other: BoxXyxy) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared)


@pytest.mark.parametrize(("draw", "label", "places"), THINGS)
@pytest.mark.parametrize("size_wh", [(640, 480), (1920, 1080), (3840, 2160)])
def test_what_is_drawn_is_found_where_it_is_drawn(
    detector: YoloDetector, size_wh: tuple[int, int], draw: Callable[[], Image], label: str, places: list[BoxXyxy]
) -> None:
    picture = np.asarray(cv2.resize(draw(), size_wh), dtype=np.uint8)
    boxes = [one.box_xyxy for one in _found(detector, picture) if one.label == label and one.box_xyxy]
    assert max(_iou(box, place) for box in boxes for place in places) > 0.7


def test_the_empty_street_is_empty(detector: YoloDetector) -> None:
    assert _found(detector, drawings.empty_street()) == []
