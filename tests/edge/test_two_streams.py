"""A whole edge and a real camera of two streams: looked at by the small one, evidence from the large one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detectors.base import Image
from ingest.edge_messages import CameraState
from tests.edge.running import PARKING, running_edge
from tests.edge.small_centre import small_centre, wait_until
from tests.services.clips import write_clip
from tests.services.rtsp import RtspServerFactory

MAIN_WH, SUB_WH = (1536, 1152), (640, 360)
SECRETS = ("m4in", "s3cret", "viewer")


def _clip(path: Path, image: Image, size_wh: tuple[int, int], *, gop_s: int) -> Path:
    picture = np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return write_clip(path, seconds=gop_s + 1, fps=4, size_wh=size_wh, gop=4 * gop_s, draw=lambda _: picture)


def _shape(content: bytes) -> tuple[int, ...]:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return () if image is None else image.shape


def test_an_incident_found_on_the_substream_is_shown_by_the_main_stream(
    tmp_path: Path, street_picture: Image, rtsp_server: RtspServerFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    # 4:3, a keyframe each 12 s, and squeezed to 16:9, a keyframe each second.
    main = rtsp_server(_clip(tmp_path / "main.mp4", street_picture, MAIN_WH, gop_s=12), user="viewer", password="m4in")
    sub = rtsp_server(_clip(tmp_path / "sub.mp4", street_picture, SUB_WH, gop_s=1), user="viewer", password="s3cret")
    cameras = [{"id": "yard", "url": main.url, "substream": sub.url, "look_every_s": 1, "timeout_s": 10}]
    watches = [PARKING | {"dwell_s": 10}]
    with (
        small_centre() as centre,
        running_edge(tmp_path / "edge", port=centre.port, cameras=cameras, watches=watches) as edge,
    ):
        wait_until(lambda: any(camera.state is CameraState.LIVE for camera in edge.status().cameras))
        assert edge.status().cameras[0].reading_by == "substream"
        wait_until(lambda: any(event["phase"] == "raised" for event in centre.events))
        evidence: list[dict[str, Any]] = next(e for e in centre.events if e["phase"] == "raised")["evidence"]
        wait_until(lambda: all(item["sha256"] in centre.evidence for item in evidence))
        said = f"{edge.status()} {capfd.readouterr()}"

    streams = {item["role"]: item["stream"] for item in evidence}
    assert set(streams) == {"start", "confirm", "crop"}
    assert (streams["confirm"], streams["crop"]) == ("main", "main")
    confirm = next(item for item in evidence if item["role"] == "confirm")
    assert _shape(centre.evidence[confirm["sha256"]]) == (960, 1280, 3)  # as wide as evidence goes, and 4:3
    assert not [secret for secret in SECRETS if secret in said]
