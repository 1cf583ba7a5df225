"""A camera of which something comes, and no picture, is lost: sound alone, or packets that begin nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from structlog.testing import capture_logs

import edge.reading.camera
from edge.reading.feeds import CameraFeed, Mailbox
from edge.staying.clock import SystemClock
from ingest.configuration import Camera
from tests.services.clips import Pixels, write_clip
from tests.services.http_camera import HttpCamera
from tests.services.processes import wait_until
from tests.services.scripted_camera import ScriptedCamera, access_units

SIZE_WH, FPS = (160, 120), 5
IDR = 5
"""The type of a NAL unit that a decoder can begin with."""

SOUND_S, RATE_HZ, FRAME = 90, 16_000, 1152


def _draw(index: int) -> Pixels:
    return np.full((SIZE_WH[1], SIZE_WH[0], 3), 60 + 5 * (index % 20), dtype=np.uint8)


@contextmanager
def _lost(url: str) -> Iterator[list[str]]:
    """Reads a camera and gives what the log says it is lost for."""
    stop = threading.Event()
    camera = Camera(id="yard", url=url, look_every_s=0.5, timeout_s=1)
    feed = CameraFeed(camera, Mailbox(), clock=SystemClock(), stop=stop)
    told: list[str] = []
    with capture_logs() as lines:
        feed.start()
        try:
            wait_until(
                lambda: any(line["event"] == "camera lost" for line in lines), timeout_s=30, what="a lost camera"
            )
            told += [line["detail"] for line in lines if line["event"] == "camera lost"]
            yield told
        finally:
            stop.set()
            feed.join(timeout=10)


def _with_sound(folder: Path) -> bytes:
    """Returns a transport stream: three seconds of pictures and sound, and from then on sound alone."""
    street = write_clip(folder / "street.mp4", seconds=3, fps=FPS, size_wh=SIZE_WH, gop=FPS, draw=_draw)
    with av.open(str(street)) as source, av.open(str(folder / "sound.ts"), "w") as sink:
        pictures = sink.add_stream_from_template(source.streams.video[0])
        sound = sink.add_stream("mp2", rate=RATE_HZ, layout="mono")
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = pictures
                sink.mux(packet)
        for number in range(SOUND_S * RATE_HZ // FRAME):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, FRAME), dtype=np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, number * FRAME, Fraction(1, RATE_HZ)
            sink.mux(sound.encode(frame))
        sink.mux(sound.encode(None))
    return (folder / "sound.ts").read_bytes()


def test_sound_that_goes_on_does_not_hide_that_the_picture_has_stopped(tmp_path: Path) -> None:
    stream, piece = _with_sound(tmp_path), 188 * 10
    pieces = [stream[at : at + piece] for at in range(0, len(stream), piece)]
    server = HttpCamera(pieces, per_s=len(pieces) / 40, content_type="video/mp2t")
    try:
        with _lost(server.url) as told:
            assert told == [f"{server.url.removesuffix('/video')}: no packet of the picture any more"]
    finally:
        server.close()


def test_packets_of_which_no_picture_can_be_made_for_long_are_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge.reading.camera, "PICTURELESS_TIMEOUTS", 2)
    units = access_units(write_clip(tmp_path / "c.mp4", seconds=3, fps=FPS, size_wh=SIZE_WH, gop=FPS, draw=_draw))
    headless = [[nal for nal in unit if nal[0] & 0x1F != IDR] for unit in units]
    server = ScriptedCamera(headless, fps=FPS)
    try:
        with _lost(server.url) as told:
            assert told == [f"{server.url.removesuffix('/street')}: packets come, and no picture can be made of them"]
    finally:
        server.close()
