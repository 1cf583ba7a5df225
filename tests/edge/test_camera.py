"""Reading streams: keyframes where they suffice, everything where not, and typed faults that show no password."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.base import Frame
from edge.reading.camera import CameraReader, Look
from edge.reading.faults import CameraFault, Corrupt, NotFound, Refused, Stalled, TimedOut, Unauthorised
from edge.reading.feeds import CameraFeed, Mailbox
from edge.reading.pace import RealPace
from edge.staying.clock import SystemClock
from ingest.configuration import Camera
from ingest.edge_messages import CameraState
from tests.edge.fakes import FakeClock
from tests.services.clips import write_clip
from tests.services.rtsp import RtspServerFactory

FPS = 10


def _numbered(index: int) -> NDArray[np.uint8]:
    """A picture whose brightness tells its number."""
    picture = np.full((120, 160, 3), 40 + 5 * index, dtype=np.uint8)
    picture[20:40, 20:40] = 255
    return picture


def _clip(path: Path, *, seconds: float, gop: int) -> Path:
    return write_clip(path, seconds=seconds, fps=FPS, size_wh=(160, 120), gop=gop, draw=_numbered)


def _number(look: Look) -> int:
    return round((float(look.frame.image[80:].mean()) - 38) / 5)


def _reader(url: str, *, every_s: float, timeout_s: float = 1.0, masks: bool = False) -> CameraReader:
    mask = [[(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5)]] if masks else []
    camera = Camera(id="yard", url=url, look_every_s=every_s, timeout_s=timeout_s, masks=mask)
    return CameraReader(camera, clock=SystemClock(), stop=threading.Event())


def test_where_keyframes_come_often_enough_only_they_are_decoded(tmp_path: Path) -> None:
    reader = _reader(str(_clip(tmp_path / "often.mp4", seconds=2.5, gop=5)), every_s=1.0)

    looks = list(reader.looks())

    assert reader.mode == "keyframes"
    assert [_number(look) for look in looks] == pytest.approx([0, 10, 20], abs=1)


def test_where_keyframes_are_rare_everything_is_decoded_and_no_look_is_missed(tmp_path: Path) -> None:
    reader = _reader(str(_clip(tmp_path / "rare.mp4", seconds=2, gop=250)), every_s=0.5)

    looks = list(reader.looks())

    assert reader.mode == "continuous"
    assert [_number(look) for look in looks] == pytest.approx([0, 5, 10, 15], abs=1)


def test_a_file_is_played_at_the_speed_of_its_own_timestamps(tmp_path: Path) -> None:
    begun = time.monotonic()

    looks = list(_reader(str(_clip(tmp_path / "clip.mp4", seconds=2, gop=5)), every_s=0.5).looks())

    assert time.monotonic() - begun >= 1.5
    gaps_s = [b.moment.since(a.moment) for a, b in itertools.pairwise(looks)]
    assert sum(gaps_s) == pytest.approx(1.5, abs=0.4)
    assert min(gaps_s) > 0.2


def test_masks_are_black_before_anybody_sees_the_frame(tmp_path: Path) -> None:
    look = next(_reader(str(_clip(tmp_path / "clip.mp4", seconds=1, gop=5)), every_s=1.0, masks=True).looks())

    assert look.frame.image[:60, :80].max() == 0
    assert look.frame.image[65:, 85:].min() > 0


def test_a_live_stream_gives_looks_at_the_asked_rate(tmp_path: Path, rtsp_server: RtspServerFactory) -> None:
    camera = rtsp_server(_clip(tmp_path / "clip.mp4", seconds=3, gop=5))
    looks: Iterator[Look] = _reader(camera.url, every_s=0.5, timeout_s=5.0).looks()

    first = [next(looks) for _ in range(5)]

    assert first[-1].moment.since(first[0].moment) == pytest.approx(2.0, abs=0.8)


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"", Corrupt), (b"not a video" * 500, Corrupt), (None, NotFound)],
    ids=["empty", "no video", "missing"],
)
def test_a_file_that_is_no_video_is_a_typed_fault(
    tmp_path: Path, content: bytes | None, fault: type[CameraFault]
) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(fault):
        list(_reader(str(path), every_s=1.0).looks())


def test_a_truncated_clip_is_a_fault_and_never_a_crash(tmp_path: Path) -> None:
    whole = _clip(tmp_path / "clip.mp4", seconds=4, gop=5).read_bytes()
    path = tmp_path / "truncated.mp4"
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(Corrupt):
        list(_reader(str(path), every_s=1.0).looks())


def test_nobody_listening_is_refused_and_the_password_is_not_told(free_port: int) -> None:
    with pytest.raises(Refused) as fault:
        list(_reader(f"rtsp://viewer:s3cret@127.0.0.1:{free_port}/street?token=t0ken", every_s=1.0).looks())

    assert "s3cret" not in str(fault.value)
    assert "t0ken" not in str(fault.value)
    assert fault.value.__cause__ is None


def test_a_host_that_says_nothing_is_a_timeout() -> None:
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begun = time.monotonic()

        with pytest.raises(TimedOut):
            list(_reader(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/street", every_s=1.0).looks())

        assert time.monotonic() - begun < 10


def test_a_camera_that_wants_a_password_is_unauthorised_without_it_and_plays_with_it(
    tmp_path: Path, rtsp_server: RtspServerFactory
) -> None:
    camera = rtsp_server(_clip(tmp_path / "clip.mp4", seconds=3, gop=5), user="viewer", password="s3cret")

    with pytest.raises(Unauthorised):
        list(_reader(camera.open_url, every_s=1.0, timeout_s=5.0).looks())
    with pytest.raises(Unauthorised) as fault:
        list(_reader(camera.url.replace("s3cret", "wr0ng"), every_s=1.0, timeout_s=5.0).looks())

    assert "wr0ng" not in str(fault.value)
    assert next(_reader(camera.url, every_s=1.0, timeout_s=5.0).looks()).frame.size_wh == (160, 120)


def test_a_path_that_the_camera_does_not_have_is_not_found(tmp_path: Path, rtsp_server: RtspServerFactory) -> None:
    camera = rtsp_server(_clip(tmp_path / "clip.mp4", seconds=3, gop=5))

    with pytest.raises(NotFound):
        list(_reader(camera.url.replace("/street", "/nowhere"), every_s=1.0, timeout_s=5.0).looks())


def test_a_camera_that_stalls_is_lost_and_comes_back_by_itself(tmp_path: Path, rtsp_server: RtspServerFactory) -> None:
    camera = rtsp_server(_clip(tmp_path / "clip.mp4", seconds=3, gop=5))
    mailbox, stop = Mailbox(), threading.Event()
    feed = CameraFeed(
        Camera(id="yard", url=camera.url, look_every_s=0.5, timeout_s=1.0), mailbox, clock=SystemClock(), stop=stop
    )
    feed.start()
    try:
        assert mailbox.take(timeout_s=10) is not None
        camera.pause()
        assert _until(lambda: feed.status().state is CameraState.LOST)
        assert Stalled.name in str(feed.status().fault)
        camera.resume()
        assert _until(lambda: feed.status().state is CameraState.LIVE, within_s=30)
    finally:
        camera.resume()
        stop.set()
        feed.join(timeout=10)
    assert not feed.is_alive()


def test_a_finite_file_ends_and_is_no_fault(tmp_path: Path) -> None:
    stop = threading.Event()
    path = _clip(tmp_path / "clip.mp4", seconds=1, gop=5)
    feed = CameraFeed(Camera(id="yard", url=str(path), look_every_s=0.5), Mailbox(), clock=SystemClock(), stop=stop)

    feed.start()
    feed.join(timeout=10)

    assert feed.status().state is CameraState.ENDED
    assert feed.status().fault is None


def test_looks_that_wait_too_long_give_way_to_new_ones(tmp_path: Path) -> None:
    mailbox = Mailbox()
    looks = list(_reader(str(_clip(tmp_path / "clip.mp4", seconds=2, gop=1)), every_s=0.2).looks())

    for look in looks:
        mailbox.put("yard", look)

    taken = mailbox.take(timeout_s=0)
    assert taken is not None
    assert taken[1] is looks[-4]
    assert mailbox.dropped == {"yard": len(looks) - 4}


def test_who_waits_longest_goes_first_also_when_the_clock_was_set_back() -> None:
    mailbox, clock = Mailbox(), FakeClock()
    picture = Frame(np.zeros((2, 2, 3), dtype=np.uint8), clock.utc)
    mailbox.put("yard", Look(picture, clock.now()))
    clock.step(-3600)
    mailbox.put("kerb", Look(picture, clock.pass_s(1)))

    taken = [mailbox.take(timeout_s=0) for _ in range(2)]

    assert [look[0] for look in taken if look is not None] == ["yard", "kerb"]


def _until(true: Callable[[], bool], *, within_s: float = 15) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("media_s", "waits_s"),
    [
        ([0.0, 10.0, 20.0], 20.0),  # a frame each ten seconds
        ([None] * 26, 1.0),  # no timestamps: 25 a second
        ([0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0], 6.04),  # a loop plays on at its own speed
        ([0.0, 0.12, 0.04, 0.08, 0.24], 0.24),  # B-frames
        ([5000.0, 5001.0], 1.0),
    ],
    ids=["slow", "no timestamps", "a loop", "B-frames", "a late start"],
)
def test_a_file_is_paced_whatever_its_timestamps(media_s: list[float | None], waits_s: float) -> None:
    waited = 0.0

    class Waiting(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            nonlocal waited
            waited += timeout or 0.0
            return False

    pace = RealPace(Waiting(), packets_per_s=25, monotonic=lambda: waited)
    for moment in media_s:
        pace.wait(moment)

    assert waited == pytest.approx(waits_s, abs=0.01)


def test_a_file_with_a_codec_that_nobody_knows_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    with av.open(path, "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuvj420p"
        for index in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(_numbered(index), format="bgr24")))
        container.mux(stream.encode(None))
    path.write_bytes(path.read_bytes().replace(b"MJPG", b"ZZZ9"))

    with pytest.raises(Corrupt):
        list(_reader(str(path), every_s=1.0).looks())


def test_a_fault_is_told_in_as_many_words_as_a_status_takes(tmp_path: Path) -> None:
    camera = Camera(id="yard", url="/" + "far/" * 400)
    stop = threading.Event()
    feed = CameraFeed(camera, Mailbox(), clock=SystemClock(), stop=stop)
    feed.start()
    try:
        assert _until(lambda: feed.status().state is CameraState.LOST)
        assert str(feed.status().fault).startswith("not found: /far/")
    finally:
        stop.set()
        feed.join(timeout=5)
