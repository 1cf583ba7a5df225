"""Reads one camera stream and hands out a frame whenever a look is due.

Only keyframes are decoded as long as they come often enough for what is watched. Where they do not, the packets since
the last keyframe are decoded too, all of them from then on, within a budget of processor time. Files are paced by
their own timestamps.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Literal, cast

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from detectors.base import Frame
from edge.reading.asked_keyframes import AskedKeyframes
from edge.reading.budget import Allowance, DecodeBudget, Meter
from edge.reading.decoding import Decoder, KeptPackets, Packet
from edge.reading.faults import Corrupt, Stalled, fault_of, redacted
from edge.reading.grid import EARLY, LookGrid
from edge.reading.opening import MAX_PIXELS, is_live, open_stream, video_stream
from edge.reading.pace import Pace, PaceOf, RealPace
from edge.reading.pixels import DecodedFrame
from edge.reading.rhythm import Mode, Rhythm
from edge.reading.split_keyframes import whole_keyframes
from edge.staying.clock import Clock, Moment
from ingest.configuration import Camera
from ingest.contract import StreamName

FALLBACK_RATE = 25
KEPT_BYTES = 8_000_000
"""Packets kept for catching up; where there are more, everything is decoded from the next keyframe on."""

PICTURELESS_TIMEOUTS = 12
"""A live stream of which no picture can be made for so many time-outs of its camera is lost."""


@dataclass(frozen=True, slots=True)
class Look:
    """A frame that is due, the moment it was taken, and how late the reader was with it, in seconds.

    stream: Which of the camera's two streams it is of; None where there is one.
    """

    frame: Frame
    moment: Moment
    late_s: float = 0.0
    stream: StreamName | None = None


class CameraReader:
    """One opening of one stream. Iterate :meth:`looks` in a thread of its own; it returns when a file has ended.

    pace_of: How a file is paced; left out, by its own timestamps in real time.
    rhythm: What is known of the keyframes from earlier openings.
    budget: What decoding everything may take; left out, all that it needs.
    spread: See :class:`edge.reading.grid.LookGrid`; for live streams.
    stream: Which of the camera's streams ``camera.url`` is, for its looks.
    asking: How its keyframes are asked for, where the camera may give some.
    Raises: CameraFault: From :meth:`looks`, typed, without credentials.
    """

    def __init__(
        self,
        camera: Camera,
        *,
        clock: Clock,
        stop: Event,
        pace_of: PaceOf | None = None,
        rhythm: Rhythm | None = None,
        budget: DecodeBudget | None = None,
        meter: Meter | None = None,
        spread: float = 0.0,
        stream: StreamName | None = None,
        asking: AskedKeyframes | None = None,
    ) -> None:
        self.mode: Mode = "keyframes"
        self._camera = camera
        self._stream = stream
        self._asking = asking
        self._clock = clock
        self._stop = stop
        self._pace: Pace | None = None
        self._pace_of = pace_of or (lambda packets_per_s: RealPace(stop, packets_per_s=packets_per_s))
        self._grid = LookGrid(camera.look_every_s, spread=spread if is_live(camera.url) else 0.0)
        self._rhythm = rhythm or Rhythm(every_s=camera.look_every_s)
        self._budget = budget
        self._allowance: Allowance | None = None
        self._meter = meter or Meter()
        self._kept = KeptPackets(KEPT_BYTES)
        self._follows = False
        self._last_packet_s = self._last_picture_s = time.monotonic()
        self._asked = self._answered = 0

    def stretch(self, factor: float) -> None:
        """Makes its looks rarer by ``factor``, below 1 more frequent; called from one other thread."""
        self._grid.stretch(factor)

    def look_next(self) -> None:
        """Asks, from one other thread, for a look out of turn: the next picture that a look could be made of."""
        self._asked += 1

    @property
    def reading_by(self) -> Literal["keyframes", "substream", "asked", "rarer", "continuous"]:
        """How it is read, as the status says it."""
        return "substream" if self.mode == "keyframes" and self._stream == "substream" else self.mode

    @property
    def silent_s(self) -> float:
        """How long ago the last packet came, or the reader was made."""
        return time.monotonic() - self._last_packet_s

    def looks(self) -> Generator[Look]:
        container = open_stream(self._camera)
        try:
            stream = video_stream(container, self._camera.url)
            decoder = Decoder(stream, url=self._camera.url, meter=self._meter)
            self._rhythm.opened()
            self.mode = self._best_mode()
            self._last_packet_s = self._last_picture_s = time.monotonic()
            if not is_live(self._camera.url):
                self._pace = self._pace_of(float(stream.average_rate or FALLBACK_RATE))
            for packet in whole_keyframes(self._packets(container, stream), codec=stream.codec_context.name):
                look = self._take(packet, decoder, media_s=_seconds(packet, stream))
                if look is not None:
                    yield look
                if self._stop.is_set():
                    return
        finally:
            self._rest()
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

    def _take(self, packet: Packet, decoder: Decoder, *, media_s: float | None) -> Look | None:
        """Takes one packet; returns a look if it completes a frame that is due."""
        asked = self._asked  # read before the moment: a look answers only what was asked before it was taken
        moment = self._clock.now()
        late_s = 0.0
        if self._pace is not None:
            media_s, late_s = self._pace.wait(media_s)
            moment = self._clock.now()
        # A file's own time decides which frames are due, so that a slow start drops no look.
        now_s = media_s if media_s is not None and self._pace is not None else moment.boot_s
        if packet.is_keyframe:
            self._rhythm.keyframe(now_s, asked=self._asking is not None and self._asking.keyframe())
            self._settle(self._best_mode())
        due = asked > self._answered or self._grid.is_due(now_s, early=packet.is_keyframe and not self._follows)
        if self.mode == "continuous":
            frame = self._following(packet, decoder, due=due)
        else:
            frame = self._by_keyframe(packet, decoder, now_s=now_s, due=due)
        self._check_pictures(frame)
        if frame is None or not due:
            return None
        self._answered = asked
        self._grid.looked(now_s)
        self._check_size(frame)
        return Look(DecodedFrame(frame, moment.utc, masks=self._camera.masks), moment, late_s, self._stream)

    def _best_mode(self) -> Mode:
        """Where keyframes are rare they are asked for, as long as that works, before anything else is done."""
        mode = self._rhythm.mode
        return "asked" if mode != "keyframes" and self._asking is not None and self._asking.works else mode

    def _settle(self, mode: Mode) -> None:
        """Reads so from here on; the budget is shared by those who decode everything."""
        if mode == "continuous" and self._allowance is None and self._budget is not None:
            self._allowance = Allowance(self._budget)
        elif mode != "continuous":
            self._rest()
        self.mode = mode

    def _rest(self) -> None:
        if self._allowance is not None:
            self._allowance.close()
        self._allowance, self._follows = None, False

    def _by_keyframe(self, packet: Packet, decoder: Decoder, *, now_s: float, due: bool) -> VideoFrame | None:
        if packet.is_keyframe:
            self._kept.begin(packet)
            return decoder.keyframe(packet) if due else None
        since_s = self._rhythm.since_s(now_s)
        if since_s is None:
            return None
        if self._rhythm.is_settled or (self._asking is not None and self._asking.proven):
            self._kept.drop()
        else:
            self._kept.add(packet)
        if not due or self._may_come(since_s, now_s) or since_s < self._rhythm.patience_s:
            return None
        # Too late for whoever waits: catch up if that can be done, and decode everything from here on.
        self._rhythm.too_rare(now_s)
        self._settle("continuous")
        waiting = self._kept.take()
        self._follows = bool(waiting)
        return self._follow(waiting, decoder) if waiting else None

    def _may_come(self, since_s: float, now_s: float) -> bool:
        """Asks for the keyframe of a look that is due, where that works, and returns whether it may still come."""
        if self._asking is None or not self._asking.works:
            # Where everything will have to be decoded, that begins with the packets that are kept.
            self.mode = "rarer" if self.mode == "asked" and self._rhythm.mode == "rarer" else self.mode
            return False
        late = since_s >= (1 + EARLY) * self._grid.every_s if self.mode == "asked" else self._rhythm.is_late(now_s)
        if (late or self._asked > self._answered) and not self._asking.is_open:
            self._rhythm.rarer_than(since_s)
            self._settle(self._best_mode())
            self._asking.ask()
        return True

    def _following(self, packet: Packet, decoder: Decoder, *, due: bool) -> VideoFrame | None:
        if packet.is_keyframe:
            self._follows = self._allowance is None or not self._allowance.is_spent
            if not self._follows:  # beyond the budget looks are as rare as keyframes
                return decoder.keyframe(packet) if due else None
            decoder.begin()
        return self._follow([packet], decoder) if self._follows else None

    def _follow(self, packets: list[Packet], decoder: Decoder) -> VideoFrame | None:
        frame, cpu_s = decoder.follow(packets)
        if self._allowance is not None:
            self._allowance.spend(cpu_s)
            self._follows = not self._allowance.is_spent
        return frame

    def _check_pictures(self, frame: VideoFrame | None) -> None:
        """Raises: Corrupt: Packets come, and for long no picture could be made of them."""
        now_s = time.monotonic()
        if frame is not None or self._pace is not None:  # of a file, demuxing tells when it is damaged
            self._last_picture_s = now_s
        every_s = max(self._rhythm.patience_s, self._rhythm.keyframe_every_s or 0.0)
        if now_s - self._last_picture_s > max(PICTURELESS_TIMEOUTS * self._camera.timeout_s, 4 * every_s):
            raise Corrupt(f"{redacted(self._camera.url)}: packets come, and no picture can be made of them")

    def _check_size(self, frame: VideoFrame) -> None:
        if frame.width * frame.height > MAX_PIXELS:
            raise Corrupt(
                f"{redacted(self._camera.url)}: {frame.width}x{frame.height} is more than {MAX_PIXELS} pixels"
            )


def _seconds(packet: Packet, stream: VideoStream) -> float | None:
    ticks = packet.pts if packet.pts is not None else packet.dts
    base = packet.time_base or stream.time_base
    # For each packet of each camera: arithmetic of fractions would take as long as all the rest of it.
    return None if ticks is None or base is None else ticks * base.numerator / base.denominator
