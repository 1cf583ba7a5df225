"""The kinds of streams that a camera may send, beside H.264 over RTSP and TCP."""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

import edge.reading.camera
import edge.reading.feeds
from edge.reading.camera import CameraReader, Look
from edge.reading.faults import Refused
from edge.reading.feeds import CameraFeed, Mailbox
from edge.reading.opening import format_of, is_live, options_of
from edge.staying.clock import SystemClock
from ingest.configuration import Camera, Transport
from ingest.edge_messages import CameraState
from tests.services.clips import write_clip
from tests.services.http_camera import HttpCamera, mjpeg
from tests.services.processes import wait_until
from tests.services.rtsp import RtspServerFactory
from tests.services.scripted_camera import access_units

FPS = 10


def _grey(index: int) -> NDArray[np.uint8]:
    return np.full((120, 160, 3), 40 + 5 * (index % 20), dtype=np.uint8)


def _looks(camera: Camera) -> Generator[Look]:
    return CameraReader(camera, clock=SystemClock(), stop=threading.Event()).looks()


def _first(camera: Camera, count: int) -> list[Look]:
    with closing(_looks(camera)) as looks:
        return list(itertools.islice(looks, count))


def test_udp_is_used_on_request(tmp_path: Path, rtsp_server: RtspServerFactory) -> None:
    server = rtsp_server(write_clip(tmp_path / "c.mp4", seconds=2, fps=FPS, size_wh=(160, 120), gop=5, draw=_grey))
    camera = Camera(id="yard", url=server.url, look_every_s=0.5, transport=Transport.UDP)

    assert options_of(camera)["rtsp_transport"] == "udp"
    assert [look.frame.size_wh for look in _first(camera, 2)] == [(160, 120)] * 2


def test_every_picture_of_mjpeg_over_http_is_a_keyframe() -> None:
    jpegs = [cv2.imencode(".jpg", _grey(index))[1].tobytes() for index in range(20)]
    server = HttpCamera(mjpeg(jpegs), per_s=FPS, content_type="multipart/x-mixed-replace; boundary=picture")
    try:
        reader = CameraReader(
            Camera(id="yard", url=server.url, look_every_s=0.5), clock=SystemClock(), stop=threading.Event()
        )
        with closing(reader.looks()) as looks:
            taken = list(itertools.islice(looks, 4))
    finally:
        server.close()
    assert reader.mode == "keyframes"
    assert 0.9 < taken[-1].moment.since(taken[0].moment) < 5


def test_a_stream_without_any_timestamps_is_read_by_the_clock(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.mp4", seconds=2, fps=FPS, size_wh=(160, 120), gop=5, draw=_grey)
    pieces = [b"".join(b"\0\0\0\1" + nal for nal in unit) for unit in access_units(clip)]
    # FFmpeg finds out what a stream is from some first pictures, which it takes as fast as they come.
    server = HttpCamera(pieces, per_s=5 * FPS, content_type="video/h264")
    try:
        taken = _first(Camera(id="yard", url=server.url, look_every_s=0.5), 3)
    finally:
        server.close()
    assert len(taken) == 3


@pytest.mark.parametrize(("size_wh", "codec"), [((160, 120), "libx265"), ((3840, 2160), "libx264")])
def test_h265_and_4k_are_read(tmp_path: Path, size_wh: tuple[int, int], codec: str) -> None:
    picture = np.full((size_wh[1], size_wh[0], 3), 90, dtype=np.uint8)
    clip = write_clip(tmp_path / "c.mp4", seconds=1, fps=4, size_wh=size_wh, gop=2, draw=lambda _: picture, codec=codec)

    look = _first(Camera(id="yard", url=str(clip), look_every_s=0.5), 2)[-1]

    assert look.frame.size_wh == size_wh
    assert float(look.frame.image.mean()) == pytest.approx(90, abs=3)


def test_a_device_is_read_as_video4linux() -> None:
    camera = Camera(id="yard", url="/dev/video0")

    assert is_live(camera.url)
    assert format_of(camera) == "v4l2"
    assert av.format.ContainerFormat("v4l2", "r").is_input
    assert options_of(camera) == {}


@pytest.mark.parametrize("url", ["rtp://a", "rtmps://a/x", "ftp://a/x", "srt://a:9", "/dev/v4l/by-id/usb-camera"])
def test_whatever_is_no_file_has_time_outs(url: str) -> None:
    assert is_live(url)
    assert not is_live("file:///var/clips/yard.mp4")
    assert not is_live("/var/clips/yard.mp4")


def _lost(feed: CameraFeed, fault: str, *, within_s: float) -> None:
    feed.start()
    wait_until(lambda: feed.status().state is CameraState.LOST, timeout_s=within_s, what="a lost camera")
    assert str(feed.status().fault).startswith(fault)


def test_a_pipe_and_a_silent_host_of_whatever_protocol_hold_no_reader_for_ever(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ts")
    stop = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        for url, fault in (
            (str(tmp_path / "pipe.ts"), "not found"),
            (f"ftp://127.0.0.1:{silent.getsockname()[1]}/x", "unauthorised"),  # what FTP makes of a time-out
        ):
            camera = Camera(id="yard", url=url, timeout_s=0.5)
            feed = CameraFeed(camera, Mailbox(), clock=SystemClock(), stop=stop)
            _lost(feed, fault, within_s=20)
            stop.set()
            feed.join(timeout=10)
            assert not feed.is_alive()
            stop.clear()


def test_a_camera_whose_reader_hangs_in_spite_of_its_time_outs_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()

    def hangs(camera: Camera) -> NoReturn:
        let_go.wait(60)
        raise Refused("at last")

    monkeypatch.setattr(edge.reading.camera, "open_stream", hangs)
    monkeypatch.setattr(edge.reading.feeds, "HUNG_TIMEOUTS", 2)
    stop = threading.Event()
    camera = Camera(id="yard", url="rtsp://viewer:s3cret@192.0.2.7/x", timeout_s=0.5)
    feed = CameraFeed(camera, Mailbox(), clock=SystemClock(), stop=stop)
    try:
        with capture_logs() as lines:
            _lost(feed, "timeout: rtsp://192.0.2.7: the reader hears nothing", within_s=20)
            feed.status()
            let_go.set()
            wait_until(lambda: "at last" in str(feed.status().fault), timeout_s=20, what="a reader that goes on")
        told = [line["event"] for line in lines if line.get("camera") == "yard"]
        assert told == ["camera lost"], "once, though it then says why by itself"
    finally:
        stop.set()
        let_go.set()
        feed.join(timeout=10)
