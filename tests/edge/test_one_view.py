"""Two streams of a camera count as one view once they were seen to be; until then, and where not, nothing is stored."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast
from uuid import uuid4

import numpy as np
import pytest
from structlog.testing import capture_logs

from detectors.base import Frame, Image
from edge.looking.camera_faults import CameraFaults
from edge.looking.evidence import EvidenceFolder
from edge.looking.main_pictures import FIND_OUT_EVERY_S, OTHER_VIEW, UNKNOWN_VIEW, MainPictures
from edge.looking.one_view import is_one_view
from edge.looking.studio import Studio
from edge.processes.asking import Asked
from edge.processes.group_requests import GroupRequests
from edge.reading.camera import Look
from edge.reading.feeds import CameraFeed
from ingest.configuration import Camera
from ingest.edge_messages import RequestType
from tests.edge.fakes import FakeClock, car, watch
from tests.edge.scenes import moved, scene
from tests.edge.test_main_evidence import CAMERA, PLACE, FakeMain, Yard, small, street

MASK = [(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5)]
ELSEWHERE = street(with_car=True, base=moved(scene(), zoom=1.4))
NIGHT = np.full_like(ELSEWHERE, 5)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(tmp_path, watch(dwell_s=8, grace_s=6, clear_s=8))
    yield yard
    yard.outbox.close()


@pytest.mark.parametrize(
    ("other", "one"),
    [
        (street(with_car=True), True),
        (street(with_car=False)[:, 160:-160], False),
        (street(with_car=False)[36:-36, 64:-64], False),
        (np.full((720, 1280, 3), 90, dtype=np.uint8), None),
    ],
    ids=["a car came", "cut to 4:3", "cut by 5 %", "nothing to see"],
)
def test_streams_that_are_cut_differently_are_two_views_and_those_that_are_squeezed_one(
    other: Image, one: bool | None
) -> None:
    moment = FakeClock().utc

    assert is_one_view(Frame(small(street(with_car=False)), moment), Frame(other, moment)) is one


def test_a_main_stream_that_shows_another_view_gives_no_evidence(yard: Yard) -> None:
    elsewhere = street(with_car=True, base=moved(scene(), zoom=1.4))
    with capture_logs() as lines:
        yard.look(car(PLACE), times=6, main=elsewhere)

    assert {item.stream for item in yard.events[0].evidence} == {"substream"}
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == [
        "main stream shows another view, gives no evidence"
    ]


def _at_night(folder: Path, camera: Camera = CAMERA) -> Studio | None:
    """Returns the main stream's picture in the dark, of an edge that has just started."""
    main, moment = FakeMain(NIGHT, open=True), FakeClock().now()
    pictures = MainPictures(main, privacy=Yard(folder, watch()).privacy, camera=camera, folder=folder / "views")
    return pictures.near(Look(Frame(small(NIGHT), moment.utc), moment, stream="substream"))


def test_in_the_dark_a_main_stream_gives_evidence_only_if_it_was_known_before(tmp_path: Path, yard: Yard) -> None:
    assert is_one_view(*(Frame(image, FakeClock().utc) for image in (NIGHT, small(NIGHT)))) is None
    assert _at_night(tmp_path / "new") is None

    yard.look(car(PLACE), times=3)  # by day; then the edge starts anew

    assert _at_night(tmp_path) is not None
    assert _at_night(tmp_path, CAMERA.model_copy(update={"url": "rtsp://192.0.2.7/other"})) is None


@pytest.mark.parametrize("kept", [b"", b"[]", b'{"one_view": 1}', b"\xff"])
def test_what_is_kept_of_it_may_be_damaged(tmp_path: Path, kept: bytes) -> None:
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "yard.streams").write_bytes(kept)

    assert _at_night(tmp_path) is None


def test_it_is_found_out_without_waiting_for_an_incident_and_seldom_tried_in_vain(tmp_path: Path, yard: Yard) -> None:
    yard.look(times=60, main=NIGHT)
    assert 0 < yard.main.wanted <= 6
    assert _at_night(tmp_path) is None

    yard.clock.pass_s(FIND_OUT_EVERY_S)
    yard.look(times=3)
    found = yard.main.wanted
    yard.look(times=40)

    assert _at_night(tmp_path) is not None
    assert yard.main.wanted == found


def _fallback(yard: Yard, image: Image, **camera: object) -> str | None:
    """Lets the substream fail: returns why a look at the main stream was not judged."""
    its = CAMERA.model_copy(update=camera)
    privacy, folder = yard.privacy, yard.folder.parent
    yard.looks._main = MainPictures(yard.main, privacy=privacy, camera=its, folder=folder / "views")
    moment = yard.clock.pass_s(2)
    return yard.looks.look(Look(Frame(image, moment.utc), moment, stream="main")).fault


@pytest.mark.parametrize(
    ("seen", "camera", "fault"),
    [
        (ELSEWHERE, {}, OTHER_VIEW),
        (None, {"masks": [MASK]}, UNKNOWN_VIEW),
        (None, {}, None),
        (street(with_car=True), {"masks": [MASK]}, None),
    ],
    ids=["another view", "unknown and masked", "unknown", "one view"],
)
def test_while_the_substream_fails_only_a_main_stream_of_the_same_view_is_looked_at(
    yard: Yard, seen: Image | None, camera: Mapping[str, object], fault: str | None
) -> None:
    if seen is not None:
        yard.look(car(PLACE), times=3, main=seen)
    judged = yard.looks.watches[0].judged

    why = _fallback(yard, ELSEWHERE, **camera)

    assert why == fault
    assert yard.looks.watches[0].judged == judged + (fault is None)
    feeds = {"yard": cast(CameraFeed, _Feed())}
    requests = GroupRequests(
        feeds, evidence=yard.looks._pictures._evidence, keeper=yard.looks._keeper, clock=yard.clock
    )
    requests.take(Asked(uuid4(), RequestType.SNAPSHOT, "yard", time.monotonic() + 60))
    moment = yard.clock.pass_s(2)
    look = Look(Frame(ELSEWHERE, moment.utc), moment, stream="main")
    [answer] = requests.answered_by("yard", look, yard.looks.look(look))
    assert answer.ok is (fault is None)
    assert fault is None or fault in str(answer.error)


class _Feed:
    main = None

    def look_next(self) -> None: ...


def test_looks_that_are_not_to_be_judged_for_long_are_a_fault_of_the_camera(yard: Yard) -> None:
    yard.look(car(PLACE), times=3, main=ELSEWHERE)
    looks = yard.looks
    evidence = EvidenceFolder(yard.folder)
    looks.faults = CameraFaults(CAMERA, kept=[], folder=yard.folder, evidence=evidence, keeper=looks._keeper)

    for _ in range(200):
        _fallback(yard, np.zeros((720, 1280, 3), dtype=np.uint8))

    [event] = yard.events
    assert (event.kind, event.findings[0].label) == ("camera-fault", "no-signal")
