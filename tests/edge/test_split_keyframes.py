"""A keyframe that a server sends in several packets is one picture."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.packet import Packet as AnyPacket

from detectors.base import Image
from edge.reading.split_keyframes import MOST_PARTS, Packet, whole_keyframes
from ingest.configuration import Camera
from tests.edge.feeding import feeding
from tests.edge.scenes import noisy, scene
from tests.services.clips import write_clip
from tests.services.rtsp import RtspServerFactory

SIZE_WH = (320, 192)


def _draw(index: int) -> Image:
    return noisy(np.asarray(cv2.resize(scene(), SIZE_WH), dtype=np.uint8), index)


def _packet(pts: int | None, content: bytes, *, is_keyframe: bool = True) -> Packet:
    packet = cast(Packet, AnyPacket(content))
    packet.pts = packet.dts = pts
    packet.is_keyframe = is_keyframe
    return packet


def _contents(packets: list[Packet], *, codec: str = "h264") -> list[tuple[int | None, bytes]]:
    return [(packet.pts, bytes(packet)) for packet in whole_keyframes(packets, codec=codec)]


def test_the_parts_of_a_keyframe_come_as_one_from_the_second_on() -> None:
    sent = [_packet(0, b"a"), _packet(0, b"b"), _packet(1, b"c", is_keyframe=False), _packet(2, b"d"), _packet(2, b"e")]
    sent += [_packet(2, b"f"), _packet(3, b"g", is_keyframe=False), _packet(4, b"h")]
    assert _contents(sent) == [(0, b"a"), (0, b"ab"), (1, b"c"), (2, b"def"), (3, b"g"), (4, b"h")]


def test_pictures_without_a_time_or_with_one_that_stands_still_are_left_alone() -> None:
    untimed = [_packet(None, b"a"), _packet(None, b"b")]
    assert _contents(untimed) == [(None, b"a"), (None, b"b")]
    pictures = [_packet(0, b"a"), _packet(0, b"b")]
    assert _contents(pictures, codec="mjpeg") == [(0, b"a"), (0, b"b")]
    still = [_packet(0, b"x") for _ in range(4 * MOST_PARTS)]
    assert len(_contents(still)) > 1, "there is an end of one keyframe"


def test_a_camera_of_several_slices_is_looked_at(tmp_path: Path, rtsp_server: RtspServerFactory) -> None:
    clip = write_clip(tmp_path / "s.mp4", seconds=4, fps=10, size_wh=SIZE_WH, gop=10, draw=_draw, slices=4)
    with av.open(str(clip)) as source:
        assert sum(1 for packet in source.demux(video=0) if packet.size) == 40
    camera = Camera(id="yard", url=rtsp_server(clip).url, look_every_s=1)
    with feeding(camera) as (feed, mailbox):
        taken = [mailbox.take(timeout_s=20)]
        noticed = feed.status().damaged
        taken += [mailbox.take(timeout_s=20) for _ in range(2)]
        damaged = feed.status().damaged
    assert damaged == noticed, "the first part alone, by which it is noticed"
    for one in taken:
        assert one is not None
        difference = np.abs(one[1].frame.image.astype(int) - _draw(0).astype(int)).mean()
        assert difference < 12, "a whole picture"
