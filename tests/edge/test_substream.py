"""A camera with a substream is looked at by it, by the main stream while it fails, and by it again when it is back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from edge.configuration.load import ConfigurationError, load_configuration
from edge.reading import streams
from edge.reading.feeds import Mailbox
from edge.reading.streams import looked_at
from ingest.configuration import Camera
from ingest.edge_messages import CameraState
from tests.edge.feeding import feeding
from tests.services.clips import Pixels, write_clip
from tests.services.processes import wait_until
from tests.services.rtsp import RtspServerFactory

FPS = 10
MAIN_WH, SUB_WH = (640, 360), (160, 120)
SECRETS = ("s3cret", "m4in", "viewer")


def _clip(path: Path, size_wh: tuple[int, int], *, gop: int = 5) -> Path:
    def draw(index: int) -> Pixels:
        return np.full((size_wh[1], size_wh[0], 3), 60 + 5 * (index % 20), dtype=np.uint8)

    return write_clip(path, seconds=2, fps=FPS, size_wh=size_wh, gop=gop, draw=draw)


def _looks_at(mailbox: Mailbox, size_wh: tuple[int, int]) -> None:
    """Waits for a look of this size, of the stream that is called so."""

    def comes() -> bool:
        taken = mailbox.take(timeout_s=5)
        if taken is None or taken[1].frame.size_wh != size_wh:
            return False
        assert taken[1].stream == ("main" if size_wh == MAIN_WH else "substream")
        return True

    wait_until(comes, timeout_s=30, what=f"looks of {size_wh}")


def test_the_main_stream_is_looked_at_only_while_the_substream_fails(
    tmp_path: Path,
    rtsp_server: RtspServerFactory,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "FIRST_WAIT_S", 0.5)
    main = rtsp_server(_clip(tmp_path / "main.mp4", MAIN_WH), user="viewer", password="m4in")
    small = _clip(tmp_path / "small.mp4", SUB_WH)
    sub = rtsp_server(small, user="viewer", password="s3cret")
    camera = Camera(id="yard", url=main.url, substream=sub.url, look_every_s=0.5, timeout_s=3)
    with capture_logs() as lines, feeding(camera) as (feed, mailbox):
        _looks_at(mailbox, SUB_WH)
        assert (feed.status().reading_by, feed.status().degraded) == ("substream", None)

        sub.kill()
        _looks_at(mailbox, MAIN_WH)
        wait_until(lambda: feed.status().degraded is not None, timeout_s=5, what="a degraded camera")
        assert feed.status().state is CameraState.LIVE
        assert feed.status().reading_by == "keyframes"
        assert str(feed.status().degraded).startswith("substream: ")

        sub.start_again(small)
        _looks_at(mailbox, SUB_WH)
        wait_until(lambda: feed.status().degraded is None, timeout_s=5, what="a camera as it was")
        said = f"{feed.status()} {camera} {capfd.readouterr()}"
    told = [line["event"] for line in lines]
    assert told == ["camera live", "substream lost, the main stream is looked at", "substream back"]
    assert not [secret for secret in SECRETS if secret in f"{lines} {said}"]


def test_a_camera_of_which_neither_stream_can_be_had_is_lost_once(
    tmp_path: Path, rtsp_server: RtspServerFactory
) -> None:
    main, sub = (rtsp_server(_clip(tmp_path / f"{name}.mp4", SUB_WH)) for name in ("main", "sub"))
    camera = Camera(id="yard", url=main.url, substream=sub.url, look_every_s=0.5, timeout_s=3)
    with capture_logs() as lines, feeding(camera) as (feed, mailbox):
        _looks_at(mailbox, SUB_WH)
        main.kill()
        sub.kill()
        wait_until(lambda: feed.status().state is CameraState.LOST, timeout_s=20, what="a lost camera")
        sub.start_again(tmp_path / "sub.mp4")
        wait_until(lambda: feed.status().state is CameraState.LIVE, timeout_s=20, what="a live camera")
    assert [line["event"] for line in lines] == ["camera live", "camera lost", "camera live"]


def test_a_camera_without_a_substream_is_looked_at_as_it_is() -> None:
    camera = Camera(id="yard", url="rtsp://192.0.2.7/main")

    assert looked_at(camera) is camera


@pytest.mark.parametrize(
    ("substream", "expected"),
    [
        ("${CAM_SUB}", "the environment has no variable CAM_SUB"),
        ("/clips/yard.mp4", "a substream goes with a stream"),
        ("['s3cret']", "should be a valid string"),
    ],
)
def test_a_wrong_substream_is_told_with_its_line_and_without_its_password(
    tmp_path: Path, substream: str, expected: str
) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(
        f"edge_id: corner-7\ncameras:\n  - id: yard\n    url: rtsp://192.0.2.7/main\n    substream: {substream}\n"
    )

    with pytest.raises(ConfigurationError, match=r"line 5: cameras\[0\].substream") as refused:
        load_configuration(file, {})

    assert expected in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "onvif", "expected"),
    [
        ("rtsp://192.0.2.7/main", "s3cret@192.0.2.7", "should match pattern"),
        ("/clips/yard.mp4", "http://192.0.2.7/onvif", "a file cannot be asked"),
    ],
)
def test_a_wrong_onvif_address_is_told_with_its_line(tmp_path: Path, url: str, onvif: str, expected: str) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(f"edge_id: corner-7\ncameras:\n  - id: yard\n    url: {url}\n    onvif: {onvif}\n")

    with pytest.raises(ConfigurationError, match=r"line 5: cameras\[0\].onvif") as refused:
        load_configuration(file, {})

    assert expected in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_the_password_of_a_substream_comes_from_the_environment_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(
        "edge_id: corner-7\ncameras:\n  - {id: yard, url: 'rtsp://192.0.2.7/main', substream: 'rtsp://a:${PW}@h/sub'}\n"
    )

    [camera] = load_configuration(file, {"PW": "s3cret"}).cameras

    assert camera.substream == "rtsp://a:s3cret@h/sub"
    assert "s3cret" not in repr(camera)
