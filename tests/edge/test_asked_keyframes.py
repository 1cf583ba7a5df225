"""Keyframes that are asked for: looks come in time and cost a keyframe each; a camera that gives none is left alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from edge.reading import asked_keyframes
from edge.reading.asked_keyframes import AskedKeyframes, KeyframeRefused
from edge.reading.feeds import CameraFeed, Mailbox
from edge.reading.onvif_asker import onvif_asker
from edge.reading.rhythm import Rhythm
from ingest.configuration import Camera
from tests.edge.feeding import feeding
from tests.services.clips import Pixels, write_clip
from tests.services.onvif_camera import PASSWORD, USER, OnvifCamera, Stream
from tests.services.processes import wait_until
from tests.services.scripted_camera import ScriptedCamera, access_units

FPS = 10
GOP_S = 12


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[list[bytes]]:
    def draw(index: int) -> Pixels:
        return np.full((120, 160, 3), 60 + 5 * (index % 20), dtype=np.uint8)

    path = tmp_path_factory.mktemp("clips") / "rare.mp4"
    return access_units(write_clip(path, seconds=GOP_S, fps=FPS, size_wh=(160, 120), gop=GOP_S * FPS, draw=draw))


class Asker:
    """Asks a scripted camera, or does what else the test wants."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act = act
        self.times = 0

    def ask(self) -> None:
        self.times += 1
        self.act()


def _refuse() -> None:
    raise KeyframeRefused("http://127.0.0.1: the action is not supported")


@contextmanager
def _feeding(
    camera: ScriptedCamera, asker: Asker, *, every_s: float = 0.5, rarest_s: float = 0.0
) -> Iterator[tuple[CameraFeed, Mailbox]]:
    of_it = Camera(id="yard", url=camera.url, look_every_s=every_s, timeout_s=5)
    with closing(camera), feeding(of_it, rarest_s=rarest_s, asker_of=lambda _: asker) as fed:
        yield fed


def _told(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns what the log says of the camera; threads of other tests may end meanwhile, and say so."""
    return [line["event"] for line in lines if line.get("camera") == "yard"]


def test_a_look_that_is_due_asks_for_its_keyframe(units: list[list[bytes]]) -> None:
    camera = ScriptedCamera(units, fps=FPS)
    asker = Asker(camera.keyframe)
    with capture_logs() as lines, _feeding(camera, asker) as (feed, mailbox):
        looks = [mailbox.take(timeout_s=10) for _ in range(4)]
        status = feed.status()

    moments = [taken[1].moment for taken in looks if taken is not None]
    gaps_s = [later.since(earlier) for earlier, later in itertools.pairwise(moments)]
    assert len(gaps_s) == 3
    assert max(gaps_s) < GOP_S / 2
    assert (status.reading_by, status.degraded) == ("asked", None)
    assert asker.times >= 3
    assert _told(lines) == ["camera live"]


@pytest.mark.parametrize(("rarest_s", "reading_by"), [(20.0, "rarer"), (0.5, "continuous")])
def test_a_camera_that_refuses_is_read_as_one_that_cannot_be_asked(
    units: list[list[bytes]], rarest_s: float, reading_by: str
) -> None:
    camera = ScriptedCamera(units, fps=FPS)
    asker = Asker(_refuse)
    with capture_logs() as lines, _feeding(camera, asker, rarest_s=rarest_s) as (feed, _):
        wait_until(lambda: feed.status().reading_by == reading_by, timeout_s=30, what=f"reading by {reading_by}")
        assert feed.status().degraded == "keyframes, asked for: http://127.0.0.1: the action is not supported"

    assert asker.times == 1
    assert _told(lines) == ["camera live", "camera gives no keyframes when asked"]


def test_asking_is_tried_again_after_a_while(units: list[list[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked_keyframes, "FIRST_WAIT_S", 0.4)
    camera = ScriptedCamera(units, fps=FPS)
    asker = Asker(_refuse)
    with capture_logs() as lines, _feeding(camera, asker, rarest_s=20) as (feed, _):
        wait_until(lambda: asker.times > 0, timeout_s=15, what="a question")
        asker.act = camera.keyframe
        wait_until(lambda: feed.status().degraded is None and asker.times > 1, timeout_s=20, what="an answer")
        wait_until(lambda: feed.status().reading_by == "asked", timeout_s=10, what="reading by asking")

    told = _told(lines)
    assert told == ["camera live", "camera gives no keyframes when asked", "camera gives keyframes when asked"]


def test_a_camera_that_agrees_and_gives_none_is_given_up_after_some_times() -> None:
    now_s = 0.0
    asker = Asker(lambda: None)
    asked = AskedKeyframes(asker, camera_id="yard", monotonic=lambda: now_s)
    for times in range(1, asked_keyframes.UNANSWERED + 1):
        assert asked.works
        asked.ask()
        asked.join(5)
        now_s += asked_keyframes.ANSWER_S
        assert not asked.is_open
        assert asker.times == times

    assert not asked.works
    assert asked.fault == "it was asked 3 times, and no keyframe came"
    assert not asked.keyframe()
    now_s += asked_keyframes.FIRST_WAIT_S
    assert asked.works


@pytest.mark.parametrize(
    ("keyframes", "mode"),
    [
        ([(12, False), (12, False), (4.5, True), (4.5, True), (3, False)], "rarer"),
        # The GOP goes on where it was: what lies between one asked for and the next by itself is no interval.
        ([(12, False), (4.5, True), (3, False), (4.5, True), (3, False), (4.5, True), (3, False)], "rarer"),
        ([(12, False), (4.5, True), (2, False), (2, False), (2, False), (2, False)], "keyframes"),
    ],
)
def test_what_was_asked_for_says_nothing_of_how_often_keyframes_come(
    keyframes: Sequence[tuple[float, bool]], mode: str
) -> None:
    rhythm, now_s = Rhythm(every_s=4, rarest_s=15), 0.0
    rhythm.keyframe(now_s)
    for after_s, asked in keyframes:
        now_s += after_s
        rhythm.keyframe(now_s, asked=asked)

    assert rhythm.mode == mode


class Heard(list[str]):
    """The keyframes that an ONVIF camera was asked for; each one comes in its stream."""

    def __init__(self, stream: ScriptedCamera) -> None:
        self._stream = stream

    def append(self, token: str) -> None:
        super().append(token)
        self._stream.keyframe()


@pytest.mark.parametrize("knows_password", [True, False])
def test_a_camera_with_onvif_is_asked_with_the_login_of_its_stream(
    units: list[list[bytes]], knows_password: bool
) -> None:
    stream = ScriptedCamera(units, fps=FPS)
    host = stream.url.removeprefix("rtsp://")
    onvif = OnvifCamera([Stream("sub", stream.url)])
    onvif.asked = Heard(stream)
    login = f"{USER}:{PASSWORD if knows_password else 'wr0ng'}"
    camera = Camera(id="yard", url=f"rtsp://{login}@{host}", onvif=onvif.url, look_every_s=0.5, timeout_s=5)
    mode = "asked" if knows_password else "rarer"
    with (
        capture_logs() as lines,
        closing(stream),
        closing(onvif),
        feeding(camera, rarest_s=20, asker_of=onvif_asker) as (feed, _),
    ):
        wait_until(lambda: feed.status().reading_by == mode, timeout_s=20, what=f"reading by {mode}")
        if knows_password:
            wait_until(lambda: len(onvif.asked) >= 2, timeout_s=20, what="questions")
        status = feed.status()
    assert (status.degraded is None) == knows_password
    assert not [secret for secret in ("wr0ng", PASSWORD) if secret in f"{lines} {status} {camera}"]
