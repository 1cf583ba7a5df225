"""Small zones are looked at in a part of the picture, and nothing that stands in them is lost or cut by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from detectors.base import BoxXyxy, DetectorIdentity, Finding, Frame, PartDetector
from edge.looking.evidence import EvidenceFolder
from edge.looking.looks import CameraLooks, CameraWatch
from edge.looking.regions import ALL, Region
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.reading.camera import Look
from edge.staying.stays import WatchStays
from tests.edge.fakes import START, FakeClock, car, watch

FRAME = Frame(np.zeros((360, 640, 3), np.uint8), START)
ZONE = [(0.4, 0.5), (0.6, 0.5), (0.6, 0.7), (0.4, 0.7)]
PART: BoxXyxy = (0.32, 0.38, 0.68, 0.73)


@dataclass
class Scene:
    """A :class:`detectors.base.PartDetector` over things that are known; remembers what it was asked."""

    things: list[BoxXyxy]
    parts: list[BoxXyxy] = field(default_factory=list)
    wholes: int = 0
    identity: DetectorIdentity = field(default_factory=lambda: DetectorIdentity(name="scene"))
    labels: frozenset[str] = frozenset({"car"})

    def labels_of_kind(self, kind: str) -> frozenset[str]:
        return self.labels

    def detect(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        self.wholes += len(frames)
        return [[car(box) for box in self.things] for _ in frames]

    def detect_part(self, frame: Frame, part_xyxy: BoxXyxy) -> list[Finding]:
        self.parts.append(part_xyxy)
        left, top, right, bottom = part_xyxy
        cut = [(max(a, left), max(b, top), min(c, right), min(d, bottom)) for a, b, c, d in self.things]
        return [car(box) for box in cut if box[0] < box[2] and box[1] < box[3]]


def _region(scene: Scene, zone: list[tuple[float, float]] = ZONE) -> Region:
    return Region(scene, [zone], matters=lambda finding: finding.label == "car")


def test_the_part_holds_the_zone_and_a_margin() -> None:
    assert _region(Scene([])).box_xyxy == pytest.approx(PART)
    assert isinstance(Scene([]), PartDetector)


@pytest.mark.parametrize(
    ("thing", "asks_whole"),
    [
        ((0.45, 0.5, 0.55, 0.6), False),
        ((0.45, 0.2, 0.55, 0.6), True),
        ((0.1, 0.5, 0.8, 0.6), True),
        ((0.2, 0.5, 0.66, 0.6), True),
        ((0.2, 0.5, 0.4, 0.6), False),
        ((0.45, 0.6, 0.55, 0.9), False),
        ((0.2, 0.4, 0.5, 0.45), False),
        ((0.8, 0.5, 0.9, 0.6), False),
    ],
    ids=["whole", "taller", "wider", "cut, could stand there", "cut, too far off", "below", "behind", "outside"],
)
def test_only_what_is_cut_and_could_stand_in_the_zone_needs_the_whole_picture(thing: BoxXyxy, asks_whole: bool) -> None:
    scene = Scene([thing])

    _, is_whole = _region(scene).detect(FRAME)

    assert (is_whole, scene.wholes) == (asks_whole, int(asks_whole))


def test_the_part_grows_to_hold_what_it_cut_and_the_next_look_needs_no_whole_picture() -> None:
    scene = Scene([(0.45, 0.2, 0.55, 0.6)])
    region = _region(scene)

    first, _ = region.detect(FRAME)
    second, is_whole = region.detect(FRAME)

    assert [f.box_xyxy for f in first] == [f.box_xyxy for f in second] == scene.things
    assert not is_whole
    assert region.box_xyxy == pytest.approx((0.32, 0.18, 0.68, 0.73))


def test_what_nobody_asks_for_may_be_cut() -> None:
    scene = Scene([(0.45, 0.2, 0.55, 0.6)])

    assert not Region(scene, [ZONE], matters=lambda _: False).detect(FRAME)[1]


def test_zones_of_nearly_the_whole_picture_are_looked_at_whole() -> None:
    region = _region(Scene([]), [(0.0, 0.1), (1.0, 0.1), (1.0, 1.0), (0.0, 1.0)])

    assert region.box_xyxy == ALL
    assert region.detect(FRAME) == ([], True)


def test_the_blur_is_made_from_the_whole_picture_and_never_from_a_part(tmp_path: Path) -> None:
    scene = Scene([(0.45, 0.5, 0.55, 0.6), (0.8, 0.1, 0.9, 0.2)])
    outbox = Outbox(tmp_path / "outbox.sqlite")
    its_watch = watch().model_copy(update={"zone": ZONE})
    looks = CameraLooks(
        [CameraWatch(WatchStays(its_watch), scene, scene.labels)],
        privacy=scene,
        evidence=EvidenceFolder(tmp_path / "evidence"),
        keeper=Keeper(outbox, edge_id="corner-7"),
    )

    looked = looks.look(Look(FRAME, FakeClock().pass_s(2)))
    looked.studio.blurred()
    outbox.close()

    assert [finding.box_xyxy for finding in looked.findings] == [(0.45, 0.5, 0.55, 0.6)]
    assert looked.studio.findings is not None
    assert [finding.box_xyxy for finding in looked.studio.findings] == scene.things
    assert (len(scene.parts), scene.wholes) == (1, 1)
