"""The drawn street is one that the product's own detector sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import av
import numpy as np
import pytest
import yaml

from detectors.base import Finding, Frame
from detectors.yolo import YoloConfiguration, YoloDetector
from edge.looking.zones import Zone, stands_in
from models.zoo import load_model
from streetcase.demo.scene import SIZE_WH, render_scene

SECONDS = 80
LOOK_EVERY_S = 2
VEHICLES = {"car", "truck", "bus"}


@dataclass(frozen=True, slots=True)
class Clip:
    """What is in the rendered file: the frames' size and number, where keyframes lie, and a frame every 2 s."""

    size_wh: tuple[int, int]
    frames: int
    keyframes: list[int]
    looks: list[Frame]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    path = tmp_path_factory.mktemp("scene") / "street.mp4"
    render_scene(path, seconds=SECONDS)
    looks, keyframes, index = [], [], -1
    began = datetime(2026, 5, 4, 9, tzinfo=UTC)
    with av.open(path) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if frame.key_frame:
                keyframes.append(index)
            if index % (LOOK_EVERY_S * 10) == 0:
                looks.append(
                    Frame(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), began + timedelta(seconds=index / 10))
                )
    return Clip(looks[0].size_wh, index + 1, keyframes, looks)


def test_the_clip_is_like_the_footage_that_it_stands_in_for(clip: Clip) -> None:
    assert clip.size_wh == SIZE_WH
    assert clip.frames == SECONDS * 10
    assert clip.keyframes == [0, 250, 500, 750]


def test_no_two_looks_are_the_same_picture(clip: Clip) -> None:
    assert len({look.image.tobytes() for look in clip.looks}) == len(clip.looks)


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_clip_needs_a_length(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        render_scene(tmp_path / "street.mp4", seconds=seconds)


@pytest.fixture(scope="module")
def zones() -> dict[str, Zone]:
    """The zones of the demonstration's own watches, by watch."""
    text = resources.files("streetcase.demo").joinpath("edge.yaml").read_text(encoding="utf-8")
    watches = yaml.safe_load(text)["watches"]
    return {watch["id"]: watch["zone"] for watch in watches if "zone" in watch}


def _standing(findings: Sequence[Finding], zone: Zone, *, labels: set[str], min_score: float) -> int:
    """Counts the findings of these labels that stand in the zone."""
    seen = [finding for finding in findings if finding.label in labels and (finding.score or 0.0) >= min_score]
    return sum(finding.box_xyxy is not None and stands_in(finding.box_xyxy, zone) for finding in seen)


def test_the_detector_sees_walkers_and_exactly_two_parked_vehicles(clip: Clip, zones: dict[str, Zone]) -> None:
    detector = YoloDetector(load_model("street"), YoloConfiguration(model="street"))
    looks = detector.detect(clip.looks)
    parked = [_standing(found, zones["parking-north"], labels=VEHICLES, min_score=0.4) for found in looks]
    walking = [_standing(found, zones["loiterers-path"], labels={"person"}, min_score=0.35) for found in looks]
    assert len(looks) == 40
    assert parked.count(2) >= 38
    assert sum(number > 0 for number in walking) >= 25
