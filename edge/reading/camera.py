"""Reads one camera stream and hands out a frame whenever a look is due.

Only keyframes are decoded as long as they come often enough. Where they are rarer than the look interval the
packets since the last keyframe are decoded too, all of them from then on. Files are paced by their own timestamps.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Literal, TypeAlias, cast

import av
from av.container import InputContainer
from av.packet import Packet as AnyPacket
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from detectors.base import Frame
from edge.reading.faults import Corrupt, Stalled, fault_of, redacted
from edge.reading.opening import is_live, open_stream, video_stream
from edge.reading.pace import Pace, PaceOf, RealPace
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
FALLBACK_RATE = 25
PICTURELESS_TIMEOUTS = 12
"""A live stream of which no picture can be made for so many time-outs of its camera is lost."""


@dataclass(frozen=True, slots=True)
class Look:
    """A frame that is due, the moment it was taken, and how late the reader was with it, in seconds."""

    frame: Frame
    moment: Moment
    late_s: float = 0.0


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
        self._pace_of = pace_of or (lambda packets_per_s: RealPace(stop, packets_per_s=packets_per_s))
        self._since_keyframe: list[Packet] = []
        self._short_intervals = 0
        self._last_keyframe_s: float | None = None
        self._keyframe_every_s: float | None = None
        self._next_due_s: float | None = None
        self._bad_packets = 0
        self._last_packet_s = self._last_picture_s = time.monotonic()
        self._asked = self._answered = 0

    def look_next(self) -> None:
        """Asks, from one other thread, for a look out of turn: the next picture that a look could be made of."""
        self._asked += 1

    def looks(self) -> Generator[Look]:
        container = open_stream(self._camera)
        try:
            stream = video_stream(container, self._camera.url)
            self._last_packet_s = self._last_picture_s = time.monotonic()
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

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
        try:
            for packet in container.demux():
                # A part that goes on alone, such as sound, must not hide that the picture has stopped.
                if packet.stream.index == stream.index and packet.size:
                    self._last_packet_s = time.monotonic()
                    yield cast(Packet, packet)
                elif self._pace is None and time.monotonic() - self._last_packet_s > self._camera.timeout_s:
                    raise Stalled(f"{redacted(self._camera.url)}: no packet of the picture any more")
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
        self._check_pictures(frame)
        if frame is None or not due:
            return None
        self._answered = asked
        self._set_next_due(now_s)
        self._check_size(frame)
        return Look(DecodedFrame(frame, moment.utc, masks=self._camera.masks), moment, late_s)

    def _check_pictures(self, frame: VideoFrame | None) -> None:
        """Raises: Corrupt: Packets come, and for long no picture could be made of them."""
        now_s = time.monotonic()
        if frame is not None or self._pace is not None:  # of a file, demuxing tells when it is damaged
            self._last_picture_s = now_s
        every_s = max(self._camera.look_every_s, self._keyframe_every_s or 0.0)
        if now_s - self._last_picture_s > max(PICTURELESS_TIMEOUTS * self._camera.timeout_s, 4 * every_s):
            raise Corrupt(f"{redacted(self._camera.url)}: packets come, and no picture can be made of them")

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
                self._keyframe_every_s = now_s - self._last_keyframe_s
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


def _seconds(packet: Packet, stream: VideoStream) -> float | None:
    ticks = packet.pts if packet.pts is not None else packet.dts
    base = packet.time_base or stream.time_base
    return None if ticks is None or base is None else float(ticks * base)
