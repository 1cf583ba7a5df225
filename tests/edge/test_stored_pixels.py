"""Whatever is stored of a picture with a person in it is decoded again: nowhere does it show the head sharp."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import cast
from uuid import uuid4

import av
import cv2
import numpy as np
import pytest

from detectors.base import BoxXyxy, Finding, Frame, Image
from edge.looking.camera_faults import CameraFaults
from edge.looking.evidence import CROP_MARGIN, EvidenceFolder
from edge.looking.looks import CameraLooks, CameraWatch, Looked
from edge.looking.main_pictures import MainPictures
from edge.looking.recent_looks import RecentLooks
from edge.outbox.box import Outbox
from edge.outbox.keeper import Keeper
from edge.processes.asking import Asked
from edge.processes.group_requests import GroupRequests
from edge.reading.camera import Look
from edge.reading.feeds import CameraFeed
from edge.staying.clock import Moment
from edge.staying.stays import WatchStays
from ingest.configuration import Camera
from ingest.contract import EvidenceItem, StreamName
from ingest.contract import EvidenceRole as Role
from ingest.edge_messages import RequestType
from tests.edge.fakes import FakeClock, car, watch
from tests.edge.scenes import noisy, scene
from tests.edge.test_looks import ScriptedDetector

WHOLE: BoxXyxy = (0.0, 0.0, 1.0, 1.0)
CAR: BoxXyxy = (0.35, 0.3, 0.85, 0.9)
PERSON: BoxXyxy = (0.4, 0.3, 0.5, 0.9)
HEAD: BoxXyxy = (0.4, 0.3, 0.5, 0.45)
BODY: BoxXyxy = (0.4, 0.55, 0.5, 0.85)
SIZES_WH = {"main": (960, 540), "substream": (352, 288), None: (640, 360)}

SHARP = 60.0
"""Grey levels: the checks that a person is drawn in spread by more than a hundred."""


@cache
def _street(*, with_car: bool) -> Image:
    """A person all in checks from head to foot, so that a head is blurred where it is smoother than the body."""
    image = np.asarray(cv2.resize(scene(), SIZES_WH["main"]), dtype=np.uint8)
    if with_car:
        _part(image, CAR)[:] = cv2.resize(scene(7), _part(image, CAR).shape[1::-1])
    person = _part(image, PERSON)
    rows, columns = np.indices(person.shape[:2])
    person[:] = np.where((rows // 24 + columns // 24) % 2, 255, 0)[..., None]
    return image


def _part(image: Image, box: BoxXyxy) -> Image:
    height, width = image.shape[:2]
    x1, x2 = (round(share * width) for share in box[0::2])
    y1, y2 = (round(share * height) for share in box[1::2])
    return image[y1:y2, x1:x2]


def _sharpness(image: Image, box: BoxXyxy, *, within: BoxXyxy) -> float:
    """Returns how much a box of the whole picture spreads in a picture of the part ``within``."""
    wide, high = within[2] - within[0], within[3] - within[1]
    x1, y1 = (box[0] - within[0]) / wide, (box[1] - within[1]) / high
    x2, y2 = (box[2] - within[0]) / wide, (box[3] - within[1]) / high
    return float(cv2.cvtColor(_part(image, (x1, y1, x2, y2)), cv2.COLOR_BGR2GRAY).std())


def _cropped_to(box: BoxXyxy) -> BoxXyxy:
    dx, dy = ((box[i + 2] - box[i]) * CROP_MARGIN for i in (0, 1))
    return max(0.0, box[0] - dx), max(0.0, box[1] - dy), min(1.0, box[2] + dx), min(1.0, box[3] + dy)


def _pictures(file: Path) -> list[Image]:
    """Returns all pictures of a stored file, of a JPEG or of a clip."""
    image = cv2.imread(str(file))
    if image is not None:
        return [np.asarray(image, dtype=np.uint8)]
    with av.open(str(file)) as container:
        return [frame.to_ndarray(format="bgr24").astype(np.uint8) for frame in container.decode(video=0)]


def _shows_no_head(file: Path, *, within: BoxXyxy = WHOLE) -> None:
    pictures = _pictures(file)
    assert pictures
    for picture in pictures:
        assert _sharpness(picture, BODY, within=within) > SHARP, f"{file} does not show the person at all"
        assert _sharpness(picture, HEAD, within=within) < SHARP / 2, f"{file} shows a head"


class MainStream:
    """Has the picture of the moment, each time another."""

    image: Image
    fault: str | None = None

    def want(self, for_s: float) -> None: ...

    def forget(self) -> None: ...

    def nearest(self, moment: Moment, *, within_s: float) -> Frame | None:
        return Frame(self.image, moment.utc - timedelta(seconds=1))


class Corner:
    """A camera that somebody stands before all the time; a look each five seconds."""

    def __init__(self, folder: Path, stream: StreamName | None) -> None:
        self.folder, self.stream = folder, stream
        self.clock, self.main = FakeClock(), MainStream()
        self.detector = ScriptedDetector([])
        self.privacy = ScriptedDetector([Finding(label="person", score=0.4, box_xyxy=PERSON)])
        self.outbox = Outbox(folder / "outbox.sqlite")
        self.evidence, self.keeper = EvidenceFolder(folder / "evidence"), Keeper(self.outbox, edge_id="corner-7")
        camera = Camera(id="yard", url="rtsp://192.0.2.7/stream")
        main = MainPictures(self.main, privacy=self.privacy, camera=camera, folder=folder / "views")
        self.looks = CameraLooks(
            [CameraWatch(WatchStays(watch(dwell_s=60, clear_s=20)), self.detector, frozenset({"car"}))],
            privacy=self.privacy,
            evidence=self.evidence,
            keeper=self.keeper,
            recent=RecentLooks(folder / "looks", "yard"),
            faults=CameraFaults(
                camera,
                kept=[],
                folder=folder / "views",
                evidence=self.evidence,
                keeper=self.keeper,
            ),
            main=main if stream is not None else None,
        )
        self._looks = 0

    def look(self, *findings: Finding, frozen: bool = False, asked: bool = False) -> tuple[Look, Looked]:
        self.detector.findings = list(findings)
        self._looks += not frozen
        self.main.image = noisy(_street(with_car=bool(findings)), self._looks)
        moment = self.clock.pass_s(5)
        image = np.asarray(cv2.resize(self.main.image, SIZES_WH[self.stream], interpolation=cv2.INTER_AREA))
        look = Look(Frame(image.astype(np.uint8), moment.utc), moment, stream=self.stream)
        return look, self.looks.look(look, asked=asked)

    def file(self, item: EvidenceItem) -> Path:
        return self.evidence.path(item.sha256)

    @property
    def files(self) -> set[Path]:
        return {path for path in (self.folder / "evidence").rglob("*") if path.is_file()}


@pytest.fixture(params=[None, "substream"], ids=["one stream", "two streams"])
def corner(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Corner]:
    corner = Corner(tmp_path, cast("StreamName | None", request.param))
    yield corner
    corner.outbox.close()


def test_no_picture_of_an_incident_shows_a_head(corner: Corner) -> None:
    for _ in range(15):
        corner.look(car(CAR))
    for _ in range(8):
        corner.look()

    cleared = corner.outbox.waiting_events(9)[-1].event
    taken = {item.role: item for item in cleared.evidence}
    assert set(taken) == {Role.START, Role.CONFIRM, Role.CROP, Role.TIMELAPSE, Role.AFTER}
    assert corner.files == {corner.file(item) for item in taken.values()}
    if corner.stream is not None:  # else this would prove nothing of the main stream's pictures
        assert {item.stream for role, item in taken.items() if role is not Role.TIMELAPSE} == {"main"}
    for role, item in taken.items():
        _shows_no_head(corner.file(item), within=_cropped_to(CAR) if role is Role.CROP else WHOLE)


def test_no_look_of_the_last_hour_shows_a_head(corner: Corner) -> None:
    for _ in range(4):
        corner.look()

    kept = sorted((corner.folder / "looks").rglob("*.jpg"))
    assert len(kept) == 2
    for file in kept:
        _shows_no_head(file)


def test_no_picture_of_a_camera_fault_shows_a_head(corner: Corner) -> None:
    for frozen, times in ((False, 22), (True, 30), (False, 17)):
        for _ in range(times):
            corner.look(frozen=frozen)

    raised, cleared = (waiting.event for waiting in corner.outbox.waiting_events(9))
    assert (raised.kind, raised.findings[0].label) == ("camera-fault", "frozen")
    assert [item.role for item in cleared.evidence] == [Role.START, Role.CONFIRM, Role.AFTER]
    for item in cleared.evidence:
        _shows_no_head(corner.file(item))


@dataclass
class Feed:
    """What the answers to the centre's questions need of a camera's reader."""

    main: MainStream | None

    def look_next(self) -> None: ...


@pytest.mark.parametrize("kind", [RequestType.SNAPSHOT, RequestType.LOOK_NOW])
def test_no_picture_that_the_centre_asks_for_shows_a_head(corner: Corner, kind: RequestType) -> None:
    feeds = {"yard": cast(CameraFeed, Feed(corner.main if corner.stream is not None else None))}
    requests = GroupRequests(feeds, evidence=corner.evidence, keeper=corner.keeper, clock=corner.clock)
    requests.take(Asked(uuid4(), kind, "yard", time.monotonic() + 60))

    [answer] = requests.answered_by("yard", *corner.look(car(CAR), asked=True))

    [item] = answer.evidence
    assert item.stream == ("main" if corner.stream and kind is RequestType.SNAPSHOT else corner.stream)
    _shows_no_head(corner.file(item))
