"""What the centre asks is done once, and its pictures are at the centre before the answer."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import cv2
import numpy as np
import pytest

from edge.centre.requests import Requests
from edge.processes.asking import failed
from edge.processes.run import Edge
from edge.uplink.link import CentreLink
from ingest.configuration import Centre as CentreSettings
from ingest.contract import EvidenceRole, EvidenceState
from ingest.edge_messages import CameraState, EdgeRequest, RequestResult
from tests.edge.running import PARKING, running_edge
from tests.edge.small_centre import SmallCentre, small_centre, wait_until
from tests.services.ports import HOST, free_port

# The loop alone, against the small centre.


class Loop:
    """The long poll with an answer that a test gives."""

    def __init__(self, link: CentreLink) -> None:
        self.stop = threading.Event()
        self.asked: list[UUID] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._link = link
        self.requests = Requests(link, self._answer, stop=self.stop, poll_wait_s=1)
        self._thread = threading.Thread(target=self.requests.run)
        self._thread.start()

    def _answer(self, request: EdgeRequest, deadline_s: float) -> RequestResult:
        self.asked.append(request.request_id)
        self.may_answer.wait(timeout=20)
        return failed(request.request_id, "as the test wants")

    def close(self) -> None:
        self.stop.set()
        self.may_answer.set()
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()
        self._link.close()


@pytest.fixture
def centre() -> Iterator[SmallCentre]:
    with small_centre() as centre:
        yield centre


@pytest.fixture
def loop(centre: SmallCentre) -> Iterator[Loop]:
    loop = Loop(centre.link())
    yield loop
    loop.close()


def test_a_request_that_comes_again_and_again_is_done_once_and_does_not_make_the_edge_spin(
    loop: Loop, centre: SmallCentre
) -> None:
    loop.may_answer.clear()
    first = centre.ask("snapshot")
    wait_until(lambda: loop.asked == [first])
    second = centre.ask("snapshot")
    wait_until(lambda: loop.asked == [first, second])
    polls = centre.polls
    time.sleep(1.5)

    assert centre.polls - polls <= 2
    loop.may_answer.set()
    assert centre.result(first).error == "as the test wants"
    assert centre.result(second).error == "as the test wants"
    assert loop.asked == [first, second]


def test_what_has_expired_is_not_done_and_the_centres_clock_says_when(loop: Loop, centre: SmallCentre) -> None:
    late = centre.ask("snapshot", expires_in_s=-1)
    good = centre.ask("snapshot")

    assert centre.result(good)
    assert loop.asked == [good]
    assert late not in centre.results


def test_an_answer_waits_for_a_centre_that_went_away(tmp_path: Path) -> None:
    port = free_port()
    link = CentreLink(CentreSettings(url=f"http://{HOST}:{port}", key_env="KEY"), "sc_edge_key")
    loop = Loop(link)  # nobody listens yet
    try:
        with small_centre(port) as centre:
            loop.may_answer.clear()
            asked = centre.ask("snapshot", expires_in_s=50)
            wait_until(lambda: loop.asked == [asked])
            requests = centre.requests
        loop.may_answer.set()
        time.sleep(0.5)
        with small_centre(port) as centre:
            centre.requests = requests
            assert centre.result(asked).error == "as the test wants"
            assert loop.asked == [asked]
    finally:
        loop.close()


def test_what_this_edge_does_not_understand_keeps_it_from_nothing_else(loop: Loop, centre: SmallCentre) -> None:
    centre.ask("wave_at_the_camera")
    good = centre.ask("snapshot")

    assert centre.result(good)
    assert loop.asked == [good]
    polls = centre.polls
    time.sleep(1.5)
    assert centre.polls - polls <= 2


# A whole edge with a real camera group.


@pytest.fixture(scope="module")
def whole_centre() -> Iterator[SmallCentre]:
    with small_centre() as centre:
        yield centre


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory, street_clip: Path, whole_centre: SmallCentre) -> Iterator[Edge]:
    """An edge that looks at a file so seldom that only a look out of turn comes in the time of a test."""
    cameras = [
        {
            "id": "yard",
            "url": str(street_clip),
            "look_every_s": 40,
            "masks": [[[0, 0.5], [0.5, 0.5], [0.5, 1], [0, 1]]],
        },
        {"id": "gone", "url": str(street_clip) + "-which-is-not-there", "look_every_s": 1},
    ]
    watches = [PARKING | {"dwell_s": 300, "grace_s": 80}]
    folder = tmp_path_factory.mktemp("edge")
    with running_edge(folder, port=whole_centre.port, cameras=cameras, watches=watches) as edge:
        wait_until(lambda: _state(edge, "yard") is CameraState.LIVE and _looks(edge, "yard") == 1)
        yield edge


def _state(edge: Edge, camera: str) -> CameraState | None:
    return next((c.state for c in edge.status().cameras if c.id == camera), None)


def _looks(edge: Edge, camera: str) -> int:
    return next((c.looks for c in edge.status().cameras if c.id == camera), 0)


def _image(content: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def test_a_snapshot_is_masked_and_at_the_centre_before_it_is_told(edge: Edge, whole_centre: SmallCentre) -> None:
    asked_s = time.monotonic()

    result = whole_centre.result(whole_centre.ask("snapshot"))

    assert result.ok, result.error
    [item] = result.evidence
    assert (item.role, item.state) == (EvidenceRole.WIDE, EvidenceState.PRESENT)
    picture = _image(whole_centre.evidence[item.sha256])
    assert picture.shape == (576, 768, 3)
    assert picture[300:560, 10:370].max() < 20, "the mask is not black"
    assert picture[60:130, 540:760].std() > 10
    assert time.monotonic() - asked_s < 20


def test_look_now_looks_out_of_turn_and_tells_what_counts(edge: Edge, whole_centre: SmallCentre) -> None:
    before, asked_s = _looks(edge, "yard"), time.monotonic()

    result = whole_centre.result(whole_centre.ask("look_now"))

    assert result.ok, result.error
    assert {finding.label for finding in result.findings} <= {"car", "truck", "bus"}
    assert len(result.findings) >= 1
    assert len(result.evidence) == 1
    wait_until(lambda: _looks(edge, "yard") > before)
    assert time.monotonic() - asked_s < 20


def test_a_camera_that_gives_no_picture_is_told_with_its_fault(edge: Edge, whole_centre: SmallCentre) -> None:
    result = whole_centre.result(whole_centre.ask("snapshot", "gone", expires_in_s=6))

    assert not result.ok
    assert result.error is not None
    assert "camera 'gone'" in result.error
    assert "not found" in result.error


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"kind": "snapshot", "camera": "yrad"}, "no camera 'yrad' on this edge; there is: yard, gone"),
        ({"kind": "try_watch"}, "watch number 1: id: is missing"),
        ({"kind": "try_watch", "watch": PARKING | {"camera": "gone"}}, "watch 'parking': camera: expected 'yard'"),
        ({"kind": "try_watch", "watch": PARKING | {"dwell": 1}}, "watch 'parking': dwell: unknown key"),
        (
            {"kind": "try_watch", "camera": "gone", "watch": PARKING | {"camera": "gone"}},
            "watch 'parking' could not be tried: no look of the last hour is kept for camera 'gone'",
        ),
    ],
)
def test_what_cannot_be_done_is_told(edge: Edge, whole_centre: SmallCentre, asked: dict[str, Any], says: str) -> None:
    result = whole_centre.result(whole_centre.ask(**asked))

    assert not result.ok
    assert result.error is not None
    assert says in result.error


def test_a_draft_is_tried_on_the_looks_that_were_kept(edge: Edge, whole_centre: SmallCentre) -> None:
    draft = PARKING | {"id": "draft", "dwell_s": 1, "grace_s": 80}

    result = whole_centre.result(whole_centre.ask("try_watch", watch=draft))

    assert result.ok, result.error
    assert result.looks_tried is not None
    assert result.looks_tried >= 1


def test_a_picture_that_the_centre_refuses_is_told_with_the_reason(edge: Edge, whole_centre: SmallCentre) -> None:
    whole_centre.takes_evidence = False
    try:
        result = whole_centre.result(whole_centre.ask("snapshot"))
    finally:
        whole_centre.takes_evidence = True

    assert not result.ok
    assert result.error == "refused by the gateway: 422"


def test_a_group_that_dies_with_a_request_in_hand_is_asked_again(edge: Edge, whole_centre: SmallCentre) -> None:
    group = next(p for g in edge._fleet._groups for p in g.processes if "yard" in p.cameras)
    pid = group.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # so that it cannot answer before it dies
    asked = whole_centre.ask("snapshot", expires_in_s=60)
    wait_until(lambda: bool(group._questions._open) and group._questions.all_sent)
    os.kill(pid, signal.SIGKILL)

    result = whole_centre.result(asked)

    assert result.ok, result.error
    assert group.pid not in (None, pid)
