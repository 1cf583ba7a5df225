"""Puts a keyframe together that a server sends in several packets.

Some servers (GStreamer's payloader among them) repeat the parameter sets before each slice of a keyframe, and FFmpeg
takes what follows on them for another picture of the same time. Each part alone is half a picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias, cast

from av.packet import Packet as AnyPacket
from av.video.stream import VideoStream

Packet: TypeAlias = "AnyPacket[VideoStream]"  # subscriptable only for the type checker

MOST_PARTS = 32
"""A stream whose clock stands still, all of keyframes, has no end of packets of one time."""

_IN_SLICES = frozenset({"h264", "hevc"})


def whole_keyframes(packets: Iterable[Packet], *, codec: str) -> Iterator[Packet]:
    """Yields the packets, with the parts of a keyframe as one packet.

    A keyframe waits for the packet behind it only from the first split one on; of that one the first part is yielded
    twice, alone and with the others.
    """
    if codec not in _IN_SLICES:
        yield from packets
        return
    parts: list[Packet] = []
    before: Packet | None = None
    splits = False
    for packet in packets:
        if parts and _goes_on(parts[0], packet) and len(parts) < MOST_PARTS:
            parts.append(packet)
            continue
        if parts:
            yield _together(parts)
            parts = []
        if before is not None and _goes_on(before, packet):
            splits, parts, before = True, [before, packet], None
            continue
        before = None if splits or not packet.is_keyframe else packet
        if splits and packet.is_keyframe:
            parts = [packet]
        else:
            yield packet
    if parts:
        yield _together(parts)


def _goes_on(first: Packet, packet: Packet) -> bool:
    return packet.is_keyframe and packet.pts is not None and packet.pts == first.pts


def _together(parts: list[Packet]) -> Packet:
    first = parts[0]
    if len(parts) == 1:
        return first
    whole = cast(Packet, AnyPacket(b"".join(bytes(part) for part in parts)))
    whole.pts, whole.dts, whole.is_keyframe = first.pts, first.dts, True
    if first.time_base is not None:
        whole.time_base = first.time_base
    return whole
