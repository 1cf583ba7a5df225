"""Evidence from the main stream: which picture is taken when, what it says of itself, and what is never stored."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

import cv2
import numpy as np
import pytest
from structlog.testing import capture_logs

from detectors.base import BoxXyxy, Finding, Frame, Image
from edge.looking.evidence import EvidenceFolder
from edge.looking.looks import CameraLooks, CameraWatch
from edge.looking.main_pictures import MainPictures
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.processes.asking import Asked
from edge.processes.group_requests import GroupRequests
from edge.reading.camera import Look
from edge.reading.feeds import CameraFeed
from edge.reading.side_stream import SideStream
from edge.staying.clock import Moment, SystemClock
from edge.staying.stays import WatchStays
from ingest.configuration import Camera, Watch
from ingest.contract import Event, EvidenceItem, EvidenceRole
from ingest.contract import EvidenceRole as Role
from ingest.edge_messages import RequestType
from tests.edge.fakes import FakeClock, car, watch
from tests.edge.scenes import scene
from tests.edge.test_looks import ScriptedDetector
from tests.services.clips import Pixels, write_clip
from tests.services.processes import wait_until
from tests.services.rtsp import RtspServerFactory

MAIN_WH, SUB_WH = (1280, 720), (352, 288)
CAMERA = Camera(id="yard", url="rtsp://192.0.2.7/main", substream="rtsp://192.0.2.7/sub")
PLACE: BoxXyxy = (0.4, 0.4, 0.6, 0.6)


def street(*, with_car: bool, base: Image | None = None) -> Image:
    image = np.asarray(cv2.resize(scene() if base is None else base, MAIN_WH), dtype=np.uint8)
    if with_car:
        x1, y1, x2, y2 = (round(s * side) for s, side in zip(PLACE, MAIN_WH * 2, strict=True))
        image[y1:y2, x1:x2] = cv2.resize(scene(7), (x2 - x1, y2 - y1))
    return image


def small(image: Image) -> Image:
    """As a substream shows it: squeezed, and softer."""
    return np.asarray(cv2.resize(image, SUB_WH, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@dataclass
class FakeMain:
    """Has a picture of what the street shows, ``behind_s`` before the look, once it was wanted a look before."""

    image: Image | None = None
    behind_s: float = 1.0
    fault: str | None = None
    wanted: int = 0
    open: bool = field(default=False)

    def want(self, for_s: float) -> None:
        self.wanted += 1
        self.open = True

    def forget(self) -> None:
        """What was wanted for some seconds is open for so long."""

    def nearest(self, moment: Moment, *, within_s: float) -> Frame | None:
        if not self.open or self.image is None or self.behind_s > within_s:
            return None
        return Frame(self.image, moment.utc - timedelta(seconds=self.behind_s))


class Blurring(ScriptedDetector):
    """Notes the sizes of the frames that it was asked about."""

    def detect(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        self.sizes_wh = [*getattr(self, "sizes_wh", []), *(frame.size_wh for frame in frames)]
        return super().detect(frames)


class Yard:
    """A camera looked at by its substream each two seconds, on a clock that only looks move."""

    def __init__(self, folder: Path, its_watch: Watch) -> None:
        self.clock, self.main = FakeClock(), FakeMain()
        self.detector, self.privacy = ScriptedDetector(), Blurring([])
        self.outbox, self.folder = Outbox(folder / "outbox.sqlite"), folder / "evidence"
        self.looks = CameraLooks(
            [CameraWatch(WatchStays(its_watch), self.detector, frozenset({"car"}))],
            privacy=self.privacy,
            evidence=EvidenceFolder(self.folder),
            keeper=Keeper(self.outbox, edge_id="corner-7"),
            main=MainPictures(self.main, privacy=self.privacy, camera=CAMERA, folder=folder / "views"),
        )

    def look(self, *findings: Finding, times: int = 1, main: Image | None = None) -> None:
        """main: What the main stream shows, where that is not what the substream shows."""
        self.detector.findings = list(findings)
        image = street(with_car=bool(findings))
        for _ in range(times):
            self.main.image = image if main is None else main
            moment = self.clock.pass_s(2)
            self.looks.look(Look(Frame(small(image), moment.utc), moment, stream="substream"))

    def size_wh(self, item: EvidenceItem) -> tuple[int, int]:
        image = cv2.imread(str(self.folder / item.sha256[:2] / item.sha256))
        assert image is not None
        return image.shape[1], image.shape[0]

    @property
    def events(self) -> list[Event]:
        return [waiting.event for waiting in self.outbox.waiting_events(100)]


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(tmp_path, watch(dwell_s=8, grace_s=6, clear_s=8))
    yield yard
    yard.outbox.close()


def _by_role(event: Event) -> dict[EvidenceRole, EvidenceItem]:
    return {item.role: item for item in event.evidence}


def test_pictures_of_an_incident_come_from_the_main_stream_each_with_its_own_time(yard: Yard) -> None:
    yard.look(car(PLACE), times=6)
    yard.look(times=8)

    raised, cleared = yard.events
    items = _by_role(cleared)
    assert {item.stream for item in items.values()} == {"main"}
    assert [yard.size_wh(items[role]) for role in (Role.START, Role.CONFIRM, Role.AFTER)] == [MAIN_WH] * 3
    # The box of the substream's look, cut from the main stream's picture: 0.2 and a margin of half of it.
    assert yard.size_wh(items[Role.CROP]) == pytest.approx((0.3 * MAIN_WH[0], 0.3 * MAIN_WH[1]), abs=2)
    assert items[Role.CONFIRM].taken_at == raised.occurred_at - timedelta(seconds=1)
    assert items[Role.AFTER].taken_at == cleared.occurred_at - timedelta(seconds=1)
    assert raised.first_seen_at < items[Role.START].taken_at < items[Role.CONFIRM].taken_at
    # A run on the main stream's own frame says what is to be blurred in it.
    assert set(yard.privacy.sizes_wh) == {MAIN_WH}


def test_without_the_main_stream_the_look_itself_is_the_evidence_and_says_so(yard: Yard) -> None:
    yard.main.behind_s = 60

    yard.look(car(PLACE), times=6)
    yard.look(times=8)

    items = _by_role(yard.events[-1])
    assert set(items) == {Role.START, Role.CONFIRM, Role.CROP, Role.AFTER}
    assert {item.stream for item in items.values()} == {"substream"}
    assert {yard.size_wh(items[role]) for role in (Role.START, Role.CONFIRM, Role.AFTER)} == {SUB_WH}
    assert items[Role.CONFIRM].taken_at == yard.events[0].occurred_at


def test_a_thing_that_moved_between_the_two_pictures_is_shown_where_it_was_found(yard: Yard) -> None:
    yard.look(car(PLACE), times=6, main=street(with_car=False))

    assert {item.stream for item in yard.events[0].evidence} == {"substream"}


def test_what_cannot_be_blurred_is_not_stored(yard: Yard) -> None:
    yard.privacy.findings = None

    yard.look(car(PLACE), times=6)

    assert yard.events[0].evidence == []
    assert not [path for path in yard.folder.rglob("*") if path.is_file()]


def test_the_main_stream_is_open_only_while_evidence_is_about_to_be_made(tmp_path: Path) -> None:
    yard = Yard(tmp_path, watch(dwell_s=120, grace_s=6, clear_s=60))
    asked = []
    yard.look(times=3)  # now it is known that both streams show one view
    before_it = yard.main.wanted
    yard.look(car(PLACE))
    passer_by = yard.main.wanted - before_it
    for _ in range(70):
        before = yard.main.wanted
        yard.look(car(PLACE))
        asked.append(yard.main.wanted > before)
    yard.outbox.close()

    assert passer_by == 0
    first, last = asked.index(True), len(asked) - 1 - asked[::-1].index(True)
    # Two seconds a look: the start of what was seen again, and the last seconds of the dwell.
    assert first == 0
    assert not any(asked[3:50])
    assert last == pytest.approx(60, abs=2)


class FakeFeed:
    """A camera that nobody reads; the test looks."""

    def __init__(self, main: FakeMain) -> None:
        self.main, self.asked_next = main, 0

    def look_next(self) -> None:
        self.asked_next += 1


@pytest.mark.parametrize(
    ("main_comes_after_s", "fault", "answered_at_s", "stream"),
    [(4, None, 4, "main"), (None, None, 16, "substream"), (None, "refused", 2, "substream")],
    ids=["it comes", "it does not come", "it cannot be had"],
)
def test_a_snapshot_waits_a_little_for_the_main_stream(
    yard: Yard, main_comes_after_s: float | None, fault: str | None, answered_at_s: float, stream: str
) -> None:
    feed = FakeFeed(yard.main)
    requests = GroupRequests(
        cast(dict[str, CameraFeed], {"yard": feed}),
        evidence=EvidenceFolder(yard.folder),
        keeper=Keeper(yard.outbox, edge_id="corner-7"),
        clock=yard.clock,
    )
    requests.take(Asked(uuid4(), RequestType.SNAPSHOT, "yard", time.monotonic() + 60))
    yard.main.fault, yard.main.behind_s = fault, 0.0
    asked = yard.clock.now()
    for _ in range(10):
        moment = yard.clock.pass_s(2)
        passed_s = moment.since(asked)
        comes = main_comes_after_s is not None and passed_s >= main_comes_after_s
        yard.main.image = street(with_car=False) if comes else None
        look = Look(Frame(small(street(with_car=False)), moment.utc), moment, stream="substream")
        if answers := requests.answered_by("yard", look, yard.looks.look(look, asked=requests.waits_for("yard"))):
            break

    [item] = answers[0].evidence
    assert (passed_s, item.stream) == (answered_at_s, stream)
    assert feed.asked_next == answered_at_s / 2  # once at first, and after each look that was none


@contextmanager
def _side(camera: Camera) -> Iterator[SideStream]:
    stop = threading.Event()
    side = SideStream(camera, clock=SystemClock(), stop=stop, name="main stream")
    try:
        yield side
    finally:
        stop.set()
        side.join(10)
        assert not side.is_open


def _moving(index: int) -> Pixels:
    return np.full((240, 320, 3), 60 + 5 * (index % 20), dtype=np.uint8)


def test_a_side_stream_is_open_while_it_is_wanted_and_masks_hold_on_it(
    tmp_path: Path, rtsp_server: RtspServerFactory
) -> None:
    # A keyframe each 12 s: what comes on connecting has to do.
    clip = write_clip(tmp_path / "main.mp4", seconds=13, fps=5, size_wh=(320, 240), gop=60, draw=_moving)
    server = rtsp_server(clip, user="viewer", password="s3cret")
    mask = [(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5)]
    camera = Camera(id="yard", url=server.url, substream="rtsp://127.0.0.1/sub", masks=[mask], timeout_s=10)
    clock = SystemClock()
    with _side(camera) as side, capture_logs() as lines:
        assert side.nearest(clock.now(), within_s=60) is None

        def comes() -> bool:
            side.want(1.5)
            return side.has_pictures

        wait_until(comes, timeout_s=20, what="a keyframe of the main stream")
        frame = side.nearest(clock.now(), within_s=15)
        assert frame is not None
        assert frame.size_wh == (320, 240)
        assert frame.image[:110, :150].max() == 0
        assert frame.image[130:, 170:].min() > 0
        assert frame is side.nearest(clock.now(), within_s=15)
        wait_until(lambda: not side.is_open, timeout_s=10, what="a closed main stream")
        side.forget()
        assert side.nearest(clock.now(), within_s=60) is None

        server.kill()
        side.want(5)
        wait_until(lambda: side.fault is not None, timeout_s=10, what="a fault")
        assert "refused" in str(side.fault)
    assert [line["event"] for line in lines] == ["stream lost"]
    assert "s3cret" not in f"{lines} {side.fault}"


def test_no_more_side_streams_are_open_at_once_than_there_are_slots(
    tmp_path: Path, rtsp_server: RtspServerFactory
) -> None:
    clip = write_clip(tmp_path / "main.mp4", seconds=2, fps=5, size_wh=(320, 240), gop=5, draw=_moving)
    camera = Camera(id="yard", url=rtsp_server(clip).url, timeout_s=10)
    stop, slots = threading.Event(), threading.BoundedSemaphore(1)
    first, second = (SideStream(camera, clock=SystemClock(), stop=stop, slots=slots) for _ in range(2))
    first.want(2)
    second.want(2)
    assert [side.is_open for side in (first, second)] == [True, False]

    wait_until(lambda: not first.is_open, timeout_s=15, what="a free slot")
    second.want(2)
    assert second.is_open
    stop.set()
    second.join(10)
