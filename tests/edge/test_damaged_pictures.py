"""A picture of which a part was lost on the way is not looked at: what a decoder makes up hides things."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import pytest

from detectors.base import Image
from edge.reading.budget import Meter
from edge.reading.decoding import Decoder, Packet, alone, like
from edge.reading.feeds import CameraFeed, Mailbox
from edge.staying.clock import SystemClock
from ingest.configuration import Camera
from ingest.edge_messages import CameraState
from tests.edge.scenes import noisy, scene
from tests.services.clips import write_clip

SIZE_WH = (320, 180)
TS = 188
"""Bytes of one packet of an MPEG transport stream."""


def _draw(index: int) -> Image:
    return noisy(np.asarray(cv2.resize(scene(), SIZE_WH), dtype=np.uint8), index)


def _sent(folder: Path, *, damaged: Collection[int] = (), codec: str = "libx264") -> Path:
    """Returns a clip as it goes over a network, a keyframe a second; of ``damaged`` ones a part is lost."""
    street = write_clip(folder / "street.mp4", seconds=3, fps=4, size_wh=SIZE_WH, gop=4, draw=_draw, codec=codec)
    whole, sent = folder / "whole.ts", folder / "street.ts"
    with av.open(str(street)) as source, av.open(str(whole), "w") as sink:
        stream = sink.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                sink.mux(packet)
    with av.open(str(whole)) as source:
        begins = [packet.pos or 0 for packet in source.demux(video=0) if packet.size and packet.is_keyframe]
    content = whole.read_bytes()
    for number in damaged:
        at = begins[number]
        content = content[: at + 10 * TS] + content[at + 20 * TS :]
    sent.write_bytes(content)
    return sent


@pytest.fixture(scope="module", params=["libx264", "libx265"])
def clip(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    return _sent(tmp_path_factory.mktemp("clips"), codec=request.param)


def _half(packet: Packet) -> Packet:
    """The second half was lost on the way."""
    half = cast(Packet, av.Packet(bytes(packet)[: packet.size // 2]))
    half.pts, half.dts, half.time_base = packet.pts, packet.dts, packet.time_base
    half.is_keyframe = packet.is_keyframe
    return half


def _opened(clip: Path) -> tuple[Decoder, Meter, Sequence[Packet], av.VideoStream]:
    container = av.open(str(clip))
    stream = container.streams.video[0]
    stream.thread_type = "NONE"
    meter = Meter()
    return Decoder(stream, url="x", meter=meter), meter, [p for p in container.demux(stream) if p.size], stream


def test_half_a_keyframe_is_no_picture_and_the_next_one_is(clip: Path) -> None:
    decoder, meter, packets, stream = _opened(clip)
    first, second, third = (packet for packet in packets if packet.is_keyframe)

    assert decoder.keyframe(first) is not None
    assert decoder.keyframe(_half(second)) is None
    assert decoder.keyframe(third) is not None
    assert meter.damaged <= 1  # some decoders give no picture of it at all
    assert alone(like(stream.codec_context), bytes(first)) is not None
    if stream.codec_context.name == "h264":
        assert alone(like(stream.codec_context), bytes(_half(first))) is None


def test_a_camera_at_which_only_a_strict_decoder_takes_offence_is_looked_at(tmp_path: Path) -> None:
    decoder, _, packets, _ = _opened(_sent(tmp_path, codec="libx265"))
    odd = [_half(packet) for packet in packets if packet.is_keyframe]

    assert [decoder.keyframe(packet) is not None for packet in [*odd, *odd]] == [False] * 3 + [True] * 3


def test_what_follows_on_a_damaged_picture_is_none_up_to_the_next_keyframe(clip: Path) -> None:
    decoder, meter, packets, _ = _opened(clip)
    keyframes = [index for index, packet in enumerate(packets) if packet.is_keyframe]

    decoder.begin()
    whole = [decoder.follow([packet])[0] for packet in packets[: keyframes[1]]]
    decoder.begin()
    broken = [decoder.follow([_half(packets[keyframes[1]])])[0]]
    broken += [decoder.follow([packet])[0] for packet in packets[keyframes[1] + 1 : keyframes[2]]]
    decoder.begin()
    again = [decoder.follow([packet])[0] for packet in packets[keyframes[2] :]]

    assert any(whole)
    assert not any(broken)
    assert any(again)
    assert meter.damaged > 0


def test_damaged_pictures_are_left_out_and_counted_in_the_status(tmp_path: Path) -> None:
    clip = _sent(tmp_path, damaged=[1])
    mailbox = Mailbox()
    feed = CameraFeed(
        Camera(id="yard", url=str(clip), look_every_s=1), mailbox, clock=SystemClock(), stop=threading.Event()
    )

    feed.start()
    feed.join(timeout=20)

    assert feed.status().state is CameraState.ENDED
    assert feed.status().damaged == 1
    looks = [taken[1] for taken in iter(lambda: mailbox.take(timeout_s=0), None)]
    assert len(looks) == 2
    for look in looks:
        assert np.abs(look.frame.image.astype(int) - _draw(0)).mean() < 15
