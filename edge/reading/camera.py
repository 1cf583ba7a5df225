"""Reads one camera stream and hands out a frame whenever a look is due.

Only keyframes are decoded as long as they come often enough. Where they are rarer than the look interval the
packets since the last keyframe are decoded too, all of them from then on. Files are paced by their own timestamps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Literal, Protocol, TypeAlias

import av
from av.container import InputContainer
from av.packet import Packet as AnyPacket
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from detectors.base import Frame
from edge.reading.faults import Corrupt, fault_of, redacted
from edge.reading.pixels import DecodedFrame
from edge.staying.clock import Clock, Moment
from ingest.configuration import Camera

Packet: TypeAlias = "AnyPacket[VideoStream]"  # subscriptable only for the type checker
Mode = Literal["keyframes", "continuous"]

EARLY = 0.1
"""A keyframe this share of the interval before its time is taken: the next one may come far too late."""

SETTLED_AFTER = 3
"""After this many keyframe intervals in a row within the look interval, packets are no longer kept for catching up."""

MAX_PIXELS = 7680 * 4320
BAD_PACKETS_IN_A_ROW = 50
BACK_S = 1.0
"""B-frames jump back by some tenths of a second; more than this is a loop or a new start."""

GAP_S = 3600.0
FALLBACK_RATE = 25
_LIVE = ("rtsp://", "rtsps://", "rtmp://", "http://", "https://", "udp://", "tcp://", "/dev/video")


@dataclass(frozen=True, slots=True)
class Look:
    """A frame that is due, the moment it was taken, and how late the reader was with it, in seconds."""

    frame: Frame
    moment: Moment
    late_s: float = 0.0


def is_live(url: str) -> bool:
    """True for a stream that goes on by itself; a file is paced, and ends."""
    return url.startswith(_LIVE)


class Pace(Protocol):
    """How fast the packets of a file come out."""

    def wait(self, media_s: float | None) -> tuple[float, float]:
        """Returns when the packet is due: its media time, and by how many seconds it is late."""
        ...


PaceOf = Callable[[float], Pace]
"""Makes the pace of a file from its packets a second."""


class CameraReader:
    """One opening of one stream. Iterate :meth:`looks` in a thread of its own; it returns when a file has ended.

    pace_of: How a file is paced; left out, by its own timestamps in real time.
    Raises: CameraFault: From :meth:`looks`, typed, without credentials.
    """

    def __init__(self, camera: Camera, *, clock: Clock, stop: Event, pace_of: PaceOf | None = None) -> None:
        self.mode: Mode = "keyframes"
        self._camera = camera
        self._clock = clock
        self._stop = stop
        self._pace: Pace | None = None
        self._pace_of = pace_of or (lambda packets_per_s: _Pace(stop, packets_per_s=packets_per_s))
        self._since_keyframe: list[Packet] = []
        self._short_intervals = 0
        self._last_keyframe_s: float | None = None
        self._next_due_s: float | None = None
        self._bad_packets = 0
        self._asked = self._answered = 0

    def look_next(self) -> None:
        """Asks, from one other thread, for a look out of turn: the next picture that a look could be made of."""
        self._asked += 1

    def looks(self) -> Iterator[Look]:
        container = self._open()
        try:
            stream = _video_stream(container, self._camera.url)
            if not is_live(self._camera.url):
                self._pace = self._pace_of(float(stream.average_rate or FALLBACK_RATE))
            for packet in self._packets(container, stream):
                look = self._take(packet, stream)
                if look is not None:
                    yield look
                if self._stop.is_set():
                    return
        finally:
            container.close()

    def _open(self) -> InputContainer:
        url = self._camera.url
        options = {"rtsp_transport": "tcp", "timeout": str(int(self._camera.timeout_s * 1e6))}
        try:
            return av.open(
                url.removeprefix("file://"),
                options=options if url.startswith(("rtsp://", "rtsps://")) else {},
                timeout=(self._camera.timeout_s, self._camera.timeout_s) if is_live(url) else None,
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            raise fault_of(error, url=url, playing=False) from None

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
        try:
            for packet in container.demux(stream):
                if packet.size:
                    yield packet
        except (av.FFmpegError, OSError) as error:
            raise fault_of(error, url=self._camera.url, playing=True) from None

    def _take(self, packet: Packet, stream: VideoStream) -> Look | None:
        """Takes one packet; returns a look if it completes a frame that is due."""
        asked = self._asked  # read before the moment: a look answers only what was asked before it was taken
        media_s = _seconds(packet, stream)
        moment = self._clock.now()
        late_s = 0.0
        if self._pace is not None:
            media_s, late_s = self._pace.wait(media_s)
            moment = self._clock.now()
        # A file's own time decides which frames are due, so that a slow start drops no look.
        now_s = media_s if media_s is not None and self._pace is not None else moment.boot_s
        due = asked > self._answered or self._is_due(now_s, early=packet.is_keyframe and self.mode == "keyframes")
        if self.mode == "keyframes":
            frame = self._by_keyframe(packet, stream, now_s=now_s, due=due)
        else:
            frame = self._decode([packet], stream)
        if frame is None or not due:
            return None
        self._answered = asked
        self._set_next_due(now_s)
        self._check_size(frame)
        return Look(DecodedFrame(frame, moment.utc, masks=self._camera.masks), moment, late_s)

    def _is_due(self, now_s: float, *, early: bool) -> bool:
        every_s = self._camera.look_every_s
        if self._next_due_s is None or now_s < self._next_due_s - 2 * every_s:  # first look, or time jumped back
            return True
        return now_s >= self._next_due_s - (EARLY * every_s if early else 0.0)

    def _set_next_due(self, now_s: float) -> None:
        every_s = self._camera.look_every_s
        if not self._is_due(now_s, early=True):  # a look out of turn leaves the grid as it is
            return
        planned = (self._next_due_s if self._next_due_s is not None else now_s) + every_s
        # A grid keeps the rate over late looks; after a longer gap it starts afresh from here.
        self._next_due_s = planned if abs(planned - now_s - every_s) < every_s else now_s + every_s

    def _by_keyframe(self, packet: Packet, stream: VideoStream, *, now_s: float, due: bool) -> VideoFrame | None:
        every_s = self._camera.look_every_s
        if packet.is_keyframe:
            if self._last_keyframe_s is not None:
                within = now_s - self._last_keyframe_s <= every_s * (1 + EARLY)
                self._short_intervals = self._short_intervals + 1 if within else 0
            self._last_keyframe_s = now_s
            self._since_keyframe = [packet]
            if not due:
                return None
            frame = self._decode([packet], stream)
            rest = self._drain(stream)
            return rest or frame
        if self._last_keyframe_s is None:
            return None
        if self._short_intervals < SETTLED_AFTER:
            self._since_keyframe.append(packet)
        if not due or now_s - self._last_keyframe_s < every_s:
            return None
        if self._short_intervals >= SETTLED_AFTER:
            self._short_intervals = 0  # keyframes became rarer: wait for the next one, then catch up again
            self._last_keyframe_s = None
            return None
        self.mode = "continuous"
        stream.codec_context.flush_buffers()
        waiting, self._since_keyframe = self._since_keyframe, []
        return self._decode(waiting, stream)

    def _decode(self, packets: list[Packet], stream: VideoStream) -> VideoFrame | None:
        """Feeds packets and returns the newest frame that came out; a damaged packet alone is no fault."""
        newest: VideoFrame | None = None
        for packet in packets:
            try:
                for frame in stream.codec_context.decode(packet):
                    newest = frame
                self._bad_packets = 0
            except av.FFmpegError as error:
                self._bad_packets += 1
                if self._bad_packets >= BAD_PACKETS_IN_A_ROW:
                    raise fault_of(error, url=self._camera.url, playing=True) from None
        return newest

    def _drain(self, stream: VideoStream) -> VideoFrame | None:
        # A decoder holds frames back for reordering: without this a keyframe would come two keyframes late.
        newest: VideoFrame | None = None
        try:
            for frame in stream.codec_context.decode(None):
                newest = frame
        except av.FFmpegError:
            self._bad_packets += 1
        finally:
            stream.codec_context.flush_buffers()
        return newest

    def _check_size(self, frame: VideoFrame) -> None:
        if frame.width * frame.height > MAX_PIXELS:
            raise Corrupt(
                f"{redacted(self._camera.url)}: {frame.width}x{frame.height} is more than {MAX_PIXELS} pixels"
            )


class _Pace:
    """Lets the packets of a file out at the speed of their timestamps, or of the frame rate where there are none."""

    def __init__(self, stop: Event, *, packets_per_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stop = stop
        self._monotonic = monotonic
        self._step_s = 1.0 / packets_per_s
        self._offset_s: float | None = None
        self._last_media_s = -self._step_s

    def wait(self, media_s: float | None) -> tuple[float, float]:
        """Waits until the packet is due; returns its media time and by how many seconds it is late."""
        if media_s is None:
            media_s = self._last_media_s + self._step_s
        now_s = self._monotonic()
        jumped = not -BACK_S <= media_s - self._last_media_s <= GAP_S
        if self._offset_s is None or jumped:
            # The first packet, or a jump: one step after the last packet, so that a loop plays on at its own speed.
            self._offset_s = now_s - media_s + (0.0 if self._offset_s is None else self._step_s)
        self._last_media_s = media_s if jumped else max(media_s, self._last_media_s)
        ahead_s = media_s + self._offset_s - now_s
        if ahead_s > 0:
            self._stop.wait(ahead_s)
        return media_s, max(0.0, -ahead_s)


def _video_stream(container: InputContainer, url: str) -> VideoStream:
    if not container.streams.video:
        raise Corrupt(f"{redacted(url)}: holds no video")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise Corrupt(f"{redacted(url)}: its video codec is not known here")
    stream.thread_type = "NONE"  # one picture now and then gains nothing from threads, and each one holds frames back
    return stream


def _seconds(packet: Packet, stream: VideoStream) -> float | None:
    ticks = packet.pts if packet.pts is not None else packet.dts
    base = packet.time_base or stream.time_base
    return None if ticks is None or base is None else float(ticks * base)
