"""Of a crowd, stored pictures show the surroundings of the incident alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from detectors.base import Finding, Frame
from edge.looking.evidence import EvidenceFolder
from edge.looking.looks import CameraLooks, CameraWatch
from edge.looking.recent_looks import RecentLooks, recent_looks
from edge.outbox.keeper import Keeper
from edge.reading.camera import Look
from edge.staying.stays import WatchStays
from ingest.contract import EvidenceItem
from tests.edge.fakes import CAR_BOX, car, watch
from tests.edge.test_looks import Yard
from tests.edge.test_pictures import noise

MAX_PEOPLE = 3


@pytest.fixture
def square(tmp_path: Path) -> Iterator[Yard]:
    """A yard whose camera shows no more than three persons, and keeps small looks."""
    its_watch = watch(dwell_s=6, grace_s=6, clear_s=8)
    yard = Yard(tmp_path, its_watch)
    yard.looks = CameraLooks(
        [CameraWatch(WatchStays(its_watch), yard.detector, frozenset({"car"}))],
        privacy=yard.detector,
        evidence=EvidenceFolder(yard.folder),
        keeper=Keeper(yard.outbox, edge_id="corner-7"),
        recent=RecentLooks(tmp_path / "looks", "yard"),
        max_people=MAX_PEOPLE,
    )
    yield yard
    yard.outbox.close()


def people(count: int, *, score: float = 0.8) -> list[Finding]:
    boxes = [(0.1 * number, 0.6, 0.1 * number + 0.05, 0.9) for number in range(count)]
    return [Finding(label="person", score=score, box_xyxy=box) for box in boxes]


def widths_shown(yard: Yard, items: list[EvidenceItem]) -> dict[str, float]:
    """How much of the width of the frame, 640 pixels, each picture shows."""
    shown = {}
    for item in items:
        picture = cv2.imread(str(next(yard.folder.rglob(item.sha256))))
        assert picture is not None
        shown[item.role.value] = picture.shape[1] / 640
    return shown


@pytest.mark.parametrize(
    ("others", "is_cut"), [(people(MAX_PEOPLE), False), (people(MAX_PEOPLE + 1), True), (people(9, score=0.2), False)]
)
def test_more_than_so_many_persons_cut_the_pictures_to_the_incident(
    *, square: Yard, tmp_path: Path, others: list[Finding], is_cut: bool
) -> None:
    square.look(car(), *others, times=5)
    square.detector.findings = others
    for _ in range(6):
        moment = square.clock.pass_s(2)
        square.looks.look(Look(Frame(noise(2), moment.utc), moment))

    _, cleared = square.events
    shown = widths_shown(square, cleared.evidence)
    thing_with_margins = 1.5 * (CAR_BOX[2] - CAR_BOX[0])
    for role in ("start", "confirm", "after"):
        assert (shown[role] == pytest.approx(thing_with_margins, abs=0.01)) is is_cut, role
    kept = recent_looks(tmp_path / "looks", "yard", now=square.clock.now().utc)
    assert (kept == []) is is_cut
