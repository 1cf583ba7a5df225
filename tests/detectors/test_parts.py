"""A part of a picture costs a part of a run, and things are found in it where they are in the whole."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.base import DetectionError, Frame, PartDetector
from detectors.openvino_runtime import OpenVinoRuntime, RuntimeSettings, cell_count
from detectors.yolo import YoloConfiguration, YoloDetector, build
from models.zoo import load_model, load_weights
from tests.detectors import drawings
from tests.detectors.conftest import NOON


@pytest.fixture(scope="module")
def detector() -> YoloDetector:
    return build(YoloConfiguration(model="street", threads=1))


def test_a_thing_is_found_in_a_part_where_it_is_in_the_whole(detector: YoloDetector) -> None:
    frame = Frame(drawings.street_with_chair(), NOON)
    x1, y1, x2, y2 = drawings.CHAIR_BOX
    part = max(0.0, x1 - 0.1), max(0.0, y1 - 0.15), min(1.0, x2 + 0.1), min(1.0, y2 + 0.05)

    found = [finding for finding in detector.detect_part(frame, part) if finding.label == "chair"]

    assert isinstance(detector, PartDetector)
    assert found[0].box_xyxy == pytest.approx(drawings.CHAIR_BOX, abs=0.03)


@pytest.mark.parametrize(
    ("part_wh", "frame_wh", "input_wh"),
    [
        ((1920, 1080), (1920, 1080), (640, 384)),
        ((1080, 1920), (1080, 1920), (384, 640)),
        ((768, 576), (768, 576), (640, 480)),
        ((1920, 540), (1920, 1080), (640, 192)),
        ((960, 800), (1920, 1080), (320, 288)),
        ((100, 100), (3840, 2160), (192, 192)),
    ],
)
def test_the_input_keeps_the_scale_of_the_whole_frame(
    detector: YoloDetector, part_wh: tuple[int, int], frame_wh: tuple[int, int], input_wh: tuple[int, int]
) -> None:
    assert detector._input_for(part_wh, frame_wh) == input_wh


@pytest.mark.parametrize("part", [(0.5, 0.0, 0.5, 1.0), (0.0, 0.0, 1.2, 1.0), (-0.1, 0.0, 0.5, 0.5)])
def test_a_part_that_lies_outside_is_refused(detector: YoloDetector, part: tuple[float, float, float, float]) -> None:
    with pytest.raises(DetectionError, match="part inside"):
        detector.detect_part(Frame(drawings.empty_street(), NOON), part)


def test_one_compiled_model_takes_all_smaller_sizes_and_answers_as_one_of_that_size() -> None:
    weights = load_weights(load_model("street"))
    any_size = OpenVinoRuntime(
        weights, labels=14, settings=RuntimeSettings(input_wh=(320, 320), threads=1, smaller_too=True)
    )
    that_size = OpenVinoRuntime(weights, labels=14, settings=RuntimeSettings(input_wh=(256, 192), threads=1))
    picture = np.random.default_rng(3).integers(0, 256, (192, 256, 3), dtype=np.uint8)

    answer = any_size.run(picture)

    assert answer.shape[1] == cell_count((256, 192))
    assert np.abs(answer - that_size.run(picture)).max() < 0.01
    for refused in ((192, 250, 3), (352, 320, 3), (0, 320, 3)):
        with pytest.raises(DetectionError, match="up to"):
            any_size.run(np.zeros(refused, np.uint8))
