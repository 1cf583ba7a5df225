"""Makes pictures of packets: of a keyframe alone and at once, or of all that came since."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TypeAlias, cast

import av
from av.packet import Packet as AnyPacket
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edge.reading.budget import Meter
from edge.reading.faults import fault_of

Packet: TypeAlias = "AnyPacket[VideoStream]"  # subscriptable only for the type checker

BAD_PACKETS_IN_A_ROW = 50
STRICT_PACKETS = 3
"""So many bad packets before the first picture: then they are no damage, but this camera's way."""

_FILTERED = frozenset({"h264", "hevc"})


class Decoder:
    """The decoders of one stream. A damaged packet alone is no fault, and a damaged picture is none.

    Where packets are missing, a decoder makes up what they held, and says so; that of H.265 only if it is told to be
    strict. What is made up can hide a thing or look like one, so such a picture is dropped and counted, and with it all
    that is made of it, up to a keyframe. Who is strict may take offence at an odd camera, too: where no picture comes
    of it at all, it is not.

    Raises: CameraFault: From its methods, when nothing but damaged packets comes.
    """

    def __init__(self, stream: VideoStream, *, url: str, meter: Meter) -> None:
        self._url = url
        self._meter = meter
        self._bad_packets = 0
        self._broken = False
        self._strict = stream.codec_context.name == "hevc"
        self._gave_one = False
        self._by_keyframe = self._following = stream.codec_context
        if stream.codec_context.name in _FILTERED:
            # Without the filter that smooths the edges of blocks a keyframe costs less. What follows on a keyframe is
            # made from the smoothed picture, so it needs a decoder of its own.
            self._following = like(stream.codec_context)
            self._set_options()

    def _set_options(self) -> None:
        strictness = {"err_detect": "explode"} if self._strict else {}
        self._by_keyframe.options = {"skip_loop_filter": "all", **strictness}
        self._following.options = strictness

    def _yield_to_an_odd_camera(self) -> None:
        self._strict, self._bad_packets = False, 0
        self._by_keyframe, self._following = like(self._by_keyframe), like(self._by_keyframe)
        self._set_options()

    def keyframe(self, packet: Packet) -> VideoFrame | None:
        """Returns the picture of a keyframe."""
        begun_s = time.thread_time()
        frame = self._fed(self._by_keyframe, [packet])
        # A decoder holds frames back for reordering: without this a keyframe would come two keyframes late.
        try:
            for rest in self._by_keyframe.decode(None):
                frame = self._whole(rest)
        except av.FFmpegError:
            self._bad_packets += 1
        finally:
            self._by_keyframe.flush_buffers()
        self._meter.add(time.thread_time() - begun_s)
        return frame

    def begin(self) -> None:
        """What follows begins with a keyframe and has nothing to do with what came before."""
        self._following.flush_buffers()

    def follow(self, packets: Sequence[Packet]) -> tuple[VideoFrame | None, float]:
        """Returns the newest picture that came out, and the seconds of processor time that it took."""
        begun_s = time.thread_time()
        frame = self._fed(self._following, packets)
        cpu_s = time.thread_time() - begun_s
        self._meter.add(cpu_s)
        return frame, cpu_s

    def _fed(self, decoder: VideoCodecContext, packets: Sequence[Packet]) -> VideoFrame | None:
        newest: VideoFrame | None = None
        for packet in packets:
            self._broken = self._broken and not packet.is_keyframe
            try:
                for frame in decoder.decode(packet):
                    newest = self._whole(frame)
                self._bad_packets = 0
            except av.FFmpegError as error:
                self._broken = True
                self._bad_packets += 1
                if self._bad_packets >= BAD_PACKETS_IN_A_ROW:
                    raise fault_of(error, url=self._url, playing=True) from None
                if self._strict and not self._gave_one and self._bad_packets >= STRICT_PACKETS:
                    self._yield_to_an_odd_camera()
                    return None
        return newest

    def _whole(self, frame: VideoFrame) -> VideoFrame | None:
        """Returns a picture that is what the camera sent, or None."""
        self._broken = self._broken or frame.is_corrupt
        if not self._broken:
            self._gave_one = True
            return frame
        self._meter.damaged += 1
        return None


def like(decoder: VideoCodecContext) -> VideoCodecContext:
    """Returns a decoder of its own for the same stream."""
    other = cast(VideoCodecContext, av.CodecContext.create(decoder.name, "r"))
    other.extradata = decoder.extradata
    other.thread_type = "NONE"
    return other


def alone(decoder: VideoCodecContext, keyframe: bytes) -> VideoFrame | None:
    """Returns the picture of one keyframe, with all that the codec smooths; None where it is damaged or incomplete."""
    try:
        frames = [*decoder.decode(cast(Packet, AnyPacket(keyframe))), *decoder.decode(None)]
    except av.FFmpegError:
        return None
    finally:
        decoder.flush_buffers()
    return frames[-1] if frames and not frames[-1].is_corrupt else None


class KeptPackets:
    """The packets since the last keyframe, as long as they are not too many: without all of them none is of use."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._packets: list[Packet] = []
        self._bytes = 0

    def begin(self, keyframe: Packet) -> None:
        self._packets, self._bytes = [keyframe], keyframe.size

    def add(self, packet: Packet) -> None:
        if self._packets:
            self._packets.append(packet)
            self._bytes += packet.size
        if self._bytes > self._most_bytes:
            self.drop()

    def drop(self) -> None:
        self._packets, self._bytes = [], 0

    def take(self) -> list[Packet]:
        """Returns what is kept, a keyframe first, or nothing; from now on nothing is."""
        taken = self._packets
        self.drop()
        return taken
