"""What real and odd cameras do to a feed: it names the fault, says so once, tells no password, and comes back."""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from edge.reading.camera import CameraReader
from edge.reading.faults import FIRST_WAIT_S, FLAPPING_WAIT_S, LONGEST_WAIT_S, BackOff, redacted
from edge.reading.feeds import WAITING_LOOKS, CameraFeed
from edge.reading.rhythm import Rhythm
from edge.staying.clock import SystemClock
from ingest.configuration import Camera
from ingest.edge_messages import CameraState
from tests.edge.feeding import feeding
from tests.services.clips import write_clip
from tests.services.processes import wait_until
from tests.services.rtsp import RtspServerFactory
from tests.services.scripted_camera import ScriptedCamera, access_units, steady

FPS = 10
SECRETS = ("s3cret", "wr0ng", "viewer")


def _clip(path: Path, *, size_wh: tuple[int, int] = (160, 120)) -> Path:
    width, height = size_wh

    def draw(index: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return np.full((height, width, 3), 60 + 5 * (index % 20), dtype=np.uint8)

    return write_clip(path, seconds=2, fps=FPS, size_wh=size_wh, gop=5, draw=draw)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _clip(tmp_path_factory.mktemp("clips") / "small.mp4")


@pytest.fixture(scope="module")
def units(small: Path) -> list[list[bytes]]:
    return access_units(small)


def _yard(url: str, *, timeout_s: float = 1.0) -> Camera:
    return Camera(id="yard", url=url, look_every_s=0.5, timeout_s=timeout_s)


def _await(feed: CameraFeed, state: CameraState) -> None:
    wait_until(lambda: feed.status().state is state, timeout_s=20, what=f"the camera {state.value}")


def test_a_camera_killed_and_restarted_again_and_again_comes_back_each_time(
    small: Path, tmp_path: Path, rtsp_server: RtspServerFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    large = _clip(tmp_path / "large.mp4", size_wh=(320, 240))
    server = rtsp_server(small, user="viewer", password="s3cret")
    with capture_logs() as lines, feeding(_yard(server.url)) as (feed, mailbox):
        _await(feed, CameraState.LIVE)
        for path, size_wh in ((large, (320, 240)), (small, (160, 120)), (large, (320, 240))):
            server.kill()
            _await(feed, CameraState.LOST)
            while mailbox.take(timeout_s=0) is not None:
                pass
            server.start_again(path)
            _await(feed, CameraState.LIVE)
            taken = mailbox.take(timeout_s=10)
            assert taken is not None
            assert taken[1].frame.size_wh == size_wh
    told = [line["event"] for line in lines if line["event"].startswith("camera")]
    assert told == ["camera live", *["camera lost", "camera live"] * 3]
    assert {line["fault"] for line in lines if line["event"] == "camera lost"} <= {"stalled", "corrupt"}
    assert not [secret for secret in SECRETS if secret in f"{lines} {feed.status()} {capfd.readouterr()}"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("s3cret", "wr0ng"), "unauthorised"),
        (("/street", "/wr0ng"), "not found"),
        (("/street", "/none?password=s3cret"), "not found"),
    ],
    ids=["password", "path", "password in the query"],
)
def test_what_a_camera_refuses_is_told_without_the_password(
    small: Path,
    rtsp_server: RtspServerFactory,
    capfd: pytest.CaptureFixture[str],
    change: tuple[str, str],
    fault: str,
) -> None:
    server = rtsp_server(small, user="viewer", password="s3cret")
    with capture_logs() as lines, feeding(_yard(server.url.replace(*change))) as (feed, _):
        _await(feed, CameraState.LOST)
        assert str(feed.status().fault).startswith(fault)
    assert not [secret for secret in SECRETS if secret in f"{lines} {feed.status()} {feed.camera} {capfd.readouterr()}"]


def test_a_fault_that_becomes_another_is_in_the_status_and_told_once(
    small: Path, rtsp_server: RtspServerFactory
) -> None:
    server = rtsp_server(small)
    with capture_logs() as lines, feeding(_yard(server.url)) as (feed, _):
        _await(feed, CameraState.LIVE)
        server.kill()
        wait_until(lambda: str(feed.status().fault).startswith("refused"), timeout_s=20, what="refused")
    assert [line["event"] for line in lines] == ["camera live", "camera lost"]


def _stands_still(index: int, fps: int) -> int:
    return steady(min(index, 7), fps)


def _jumps_back(index: int, fps: int) -> int:
    return steady(index % 7, fps)


def _jumps_far(index: int, fps: int) -> int:
    return steady(index, fps) + (2_000_000_000 if index % 14 >= 7 else 0)


@pytest.mark.parametrize("ticks", [_stands_still, _jumps_back, _jumps_far])
def test_times_that_a_camera_makes_up_change_nothing(
    units: list[list[bytes]], ticks: Callable[[int, int], int]
) -> None:
    camera = ScriptedCamera(units, fps=FPS, ticks=ticks)
    try:
        with feeding(_yard(camera.url)) as (feed, mailbox):
            looks = [mailbox.take(timeout_s=10) for _ in range(3)]
            assert feed.status().state is CameraState.LIVE
    finally:
        camera.close()
    moments = [taken[1].moment for taken in looks if taken is not None]
    assert len(moments) == 3
    assert 0.5 < moments[-1].since(moments[0]) < 5


def test_a_camera_that_sends_garbage_is_corrupt(units: list[list[bytes]]) -> None:
    noise = random.Random(7)  # noqa: S311 - the same garbage each time
    # Whole headers, so that it looks like video, and nothing behind them that is.
    garbage = [[unit[:1] + noise.randbytes(60) if len(unit) > 40 else unit for unit in units_] for units_ in units]
    camera = ScriptedCamera(garbage, fps=FPS)
    try:
        with feeding(_yard(camera.url, timeout_s=0.5)) as (feed, mailbox):
            wait_until(lambda: feed.status().fault is not None, timeout_s=20, what="a fault")
            assert str(feed.status().fault).startswith("corrupt")
            assert mailbox.is_empty
    finally:
        camera.close()


def test_who_looks_at_other_cameras_does_not_notice_and_memory_stays_flat(units: list[list[bytes]]) -> None:
    sound, broken = ScriptedCamera(units, fps=FPS), ScriptedCamera(units, fps=5 * FPS)
    rhythm, resident_mb = Rhythm(every_s=0.2), []
    try:
        with feeding(_yard(sound.url)) as (feed, mailbox):
            _await(feed, CameraState.LIVE)
            for _ in range(14):
                camera = Camera(id="kerb", url=broken.url, look_every_s=0.2)
                reader = CameraReader(camera, clock=SystemClock(), stop=threading.Event(), rhythm=rhythm)
                with closing(reader.looks()) as looks:
                    assert next(looks).frame.image.shape == (120, 160, 3)
                resident_mb.append(_resident_mb())
            taken = []
            while (look := mailbox.take(timeout_s=0)) is not None:
                taken.append(look[1].moment)
            assert all(later.since(earlier) < 2 for earlier, later in itertools.pairwise(taken))
    finally:
        sound.close()
        broken.close()
    assert len(taken) == WAITING_LOOKS
    assert resident_mb[-1] - resident_mb[len(resident_mb) // 2] < 5


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_waits_grow_up_to_a_ceiling_and_are_never_the_same_for_two() -> None:
    back_offs = [BackOff() for _ in range(100)]

    first = sorted(back_off.next_s(played_s=0) for back_off in back_offs)
    tenth = [[back_off.next_s(played_s=0) for _ in range(9)][-1] for back_off in back_offs]

    assert 0 < first[0] < 0.3 * FIRST_WAIT_S
    assert 0.7 * FIRST_WAIT_S < first[-1] <= FIRST_WAIT_S
    assert LONGEST_WAIT_S / 2 < max(tenth) <= LONGEST_WAIT_S
    assert len(set(tenth)) == 100


@pytest.mark.parametrize(
    ("played_s", "longest_s"), [(0.0, LONGEST_WAIT_S), (0.01, FLAPPING_WAIT_S), (90.0, FIRST_WAIT_S)]
)
def test_only_a_camera_that_played_for_a_while_is_tried_again_soon(played_s: float, longest_s: float) -> None:
    waits_s = [[b.next_s(played_s=played_s) for _ in range(8)][-1] for b in [BackOff() for _ in range(100)]]

    assert 0.6 * longest_s < max(waits_s) <= longest_s


@pytest.mark.parametrize(
    "url", ["viewer:s3cret@192.0.2.7/h264", "viewer:s3/cret@192.0.2.7/a?b=s3cret", "http://a:s3cret@192.0.2.7/v.mjpg"]
)
def test_an_address_without_its_scheme_keeps_its_password_too(url: str) -> None:
    assert redacted(url) in {"192.0.2.7", "http://192.0.2.7"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://viewer:s3cret@192.0.2.7:554/h264?token=t", "rtsp://192.0.2.7:554"),
        ("rtsp://192.0.2.7/user=admin&password=s3cret", "rtsp://192.0.2.7"),
        ("rtsp://viewer:s3@ret@192.0.2.7/h264", "rtsp://192.0.2.7"),
        ("rtsp://viewer:s3/ret@192.0.2.7/h264", "rtsp://192.0.2.7"),
        ("rtsp://viewer:1234/5@cam.local/h264", "rtsp://..."),
        ("http://cam/mjpeg?user=admin&pwd=se@cret", "http://..."),
        ("rtsp://192.0.2.7:554/user=admin&password=ab@cd&channel=1", "rtsp://192.0.2.7:554"),
        ("rtsp://[2001:db8::7]:554/user=admin&password=ab@cd", "rtsp://[2001:db8::7]:554"),
        ("rtsp://viewer:s3cret@cam.local:554/h264", "rtsp://cam.local:554"),
        ("rtsp://viewer:s3cret", "rtsp://..."),
        ("//admin:s3cret@cam/x", "..."),
        ("rtsp:/admin:s3cret@cam/x", "..."),
        ("admin:pa@ss", "..."),
        ("admin:s3cret@cam/x?from=http://cam", "..."),
        ("viewer:s3cret@192.0.2.7/h264", "192.0.2.7"),
        ("cam.local/user:s3cret@x", "..."),
        ("cam.local/x?user=admin&password=s3cret", "cam.local/x..."),
        ("cam.local/user=admin&password=s3cret", "cam.local/user..."),
        ("file:///var/clips/08:00@yard.mp4", "file:///var/clips/08:00@yard.mp4"),
        ("/var/clips/yard.mp4", "/var/clips/yard.mp4"),
    ],
)
def test_credentials_are_taken_out_of_what_is_said_about_a_stream(url: str, shown: str) -> None:
    assert redacted(url) == shown
