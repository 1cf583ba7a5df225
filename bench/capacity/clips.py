"""Makes a file for each camera out of four clips: none is encoded twice, and no two cameras have keyframes together.

The clips are those of bench.cameras (idle and busy, H.264, GOP 2 s) and two more of the idle street: one with a GOP of
12 s, one of H.265. A camera's file is their packets from another GOP on, the first GOP cut short by another time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from typing import TypeAlias, cast

import av
from av.packet import Packet as AnyPacket
from av.video.frame import PictureType
from av.video.stream import VideoStream

from bench.cameras.clips import FPS, make_clips

Packet: TypeAlias = "AnyPacket[VideoStream]"  # subscriptable only for the type checker

CLIP_S = 24
RARE_GOP_S = 12
IN_150 = {"rare": 15, "h265": 15}
BUSY_OF = 5
STRIDE = 37
"""Frames between the phases of two cameras that follow each other; prime to every GOP in frames."""


@dataclass(frozen=True, slots=True)
class Clips:
    """The four clips that all cameras' files are made of."""

    idle: Path
    busy: Path
    rare: Path
    h265: Path

    def of_camera(self, number: int) -> Path:
        """Of each 150 cameras 15 have rare keyframes and 15 are H.265; every fifth of the others is busy."""
        place = number % 10
        if place == 3:
            return self.rare
        if place == 7:
            return self.h265
        return self.busy if number % BUSY_OF == 0 else self.idle


def make_all(folder: Path) -> Clips:
    """Returns the clips, made where the folder does not hold them yet."""
    idle, busy = make_clips(folder, seconds=CLIP_S)
    rare, h265 = folder / f"rare-{CLIP_S}s.mp4", folder / f"h265-{CLIP_S}s.mp4"
    if not rare.exists():
        _encode_again(idle, rare, codec="libx264", gop=RARE_GOP_S * FPS)
    if not h265.exists():
        _encode_again(idle, h265, codec="libx265", gop=2 * FPS)
    return Clips(idle, busy, rare, h265)


def _encode_again(source: Path, path: Path, *, codec: str, gop: int) -> None:
    part = path.with_suffix(".part.mp4")
    with av.open(source) as read, av.open(part, "w", format="mp4") as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=FPS))
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.bit_rate = 4_000_000
        stream.options = {"g": str(gop), "keyint_min": str(gop), "bf": "0", "preset": "superfast"}
        if codec == "libx264":
            stream.options |= {"sc_threshold": "0"}
        else:
            stream.options |= {"preset": "ultrafast", "x265-params": f"scenecut=0:keyint={gop}:bframes=0:log-level=1"}
        for index, frame in enumerate(read.decode(video=0)):
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            frame.pict_type = PictureType.NONE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    part.replace(path)


def write_camera(clip: Path, path: Path, *, number: int, seconds: float) -> None:
    """Writes the file of one camera: ``seconds`` of ``clip``, gone through again and again, in a phase of its own."""
    with av.open(clip) as read, av.open(path, "w", format="mp4") as container:
        stream = read.streams.video[0]
        copy = container.add_stream_from_template(stream)
        gops = _gops(packet for packet in read.demux(stream) if packet.size)
        kept = 1 + number * STRIDE % len(gops[0])
        turned = islice(cycle(gops), number % len(gops), None)
        time_base = stream.time_base or Fraction(1, FPS)
        step = round(1 / FPS / time_base)
        index = 0
        first = True
        while index < seconds * FPS:
            for packet in next(turned)[: kept if first else None]:
                data = cast(Packet, AnyPacket(bytes(packet)))
                data.stream, data.time_base = copy, time_base
                data.pts = data.dts = index * step
                data.is_keyframe = packet.is_keyframe
                container.mux(data)
                index += 1
            first = False


def _gops(packets: Iterator[Packet]) -> Sequence[list[Packet]]:
    gops: list[list[Packet]] = []
    for packet in packets:
        if packet.is_keyframe:
            gops.append([])
        gops[-1].append(packet)
    return gops
