"""Keeps one camera's stream open in a thread and hands its looks to the group's loop."""

from __future__ import annotations

import threading
import time
import zlib
from collections import Counter, deque
from contextlib import closing
from datetime import datetime

import structlog

from edge.reading.asked_keyframes import AskedKeyframes, AskerOf
from edge.reading.budget import DecodeBudget, Meter
from edge.reading.camera import CameraReader, Look
from edge.reading.faults import BackOff, CameraFault, Corrupt, Stalled, TimedOut, redacted
from edge.reading.opening import is_live
from edge.reading.rhythm import Rhythm
from edge.reading.streams import Streams
from edge.staying.clock import Clock
from ingest.configuration import Camera
from ingest.contract import StreamName
from ingest.edge_messages import CameraState, CameraStatus

WAITING_LOOKS = 4
"""Looks of one camera that may wait for the detector; beyond, the oldest goes: late looks help nobody."""

FAULT_CHARS = 500

HUNG_TIMEOUTS = 12
"""A live stream of which its reader hears nothing for so many time-outs, and tells nothing either, is lost."""

log = structlog.get_logger(__name__)


class Mailbox:
    """Looks of all cameras of a group, handed out oldest first; a camera never holds more than WAITING_LOOKS."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._looks: dict[str, deque[Look]] = {}
        self.dropped: Counter[str] = Counter()
        """Looks of each camera that were never judged."""

    def put(self, camera_id: str, look: Look) -> None:
        with self._arrived:
            waiting = self._looks.setdefault(camera_id, deque())
            if len(waiting) >= WAITING_LOOKS:
                waiting.popleft()
                self.dropped[camera_id] += 1
            waiting.append(look)
            self._arrived.notify()

    def take(self, timeout_s: float) -> tuple[str, Look] | None:
        with self._arrived:
            if not self._arrived.wait_for(self._has_looks, timeout_s):
                return None
            camera_id = min(
                (c for c, waiting in self._looks.items() if waiting), key=lambda c: self._looks[c][0].moment.boot_s
            )
            return camera_id, self._looks[camera_id].popleft()

    def forget(self, camera_id: str) -> None:
        """Drops what waits of a camera that nobody reads any more."""
        with self._arrived:
            self._looks.pop(camera_id, None)

    def _has_looks(self) -> bool:
        return any(self._looks.values())

    @property
    def is_empty(self) -> bool:
        with self._arrived:
            return not self._has_looks()


class CameraFeed(threading.Thread):
    """Reads, and after a fault waits and reads again; logs once when lost and once when back.

    rarest_s: How many seconds its looks may be apart (:func:`edge.reading.rhythm.rarest_look_s`).
    budget: What decoding everything may take in this process.
    slots: How many streams beside those that are looked at may be open at once in this process.
    stop: Its own: set to end this feed alone.
    asker_of: Who asks a camera for keyframes, where they are rare.
    """

    def __init__(
        self,
        camera: Camera,
        mailbox: Mailbox,
        *,
        clock: Clock,
        stop: threading.Event,
        rarest_s: float = 0.0,
        budget: DecodeBudget | None = None,
        slots: threading.BoundedSemaphore | None = None,
        asker_of: AskerOf = lambda _: None,
    ) -> None:
        super().__init__(name=f"camera-{camera.id}", daemon=True)
        self.camera = camera
        self._mailbox = mailbox
        self._clock = clock
        self._stop_asked = stop
        self._state = CameraState.STARTING
        self._fault: str | None = None
        self._reader: CameraReader | None = None
        self._streams = Streams(camera, clock=clock, stop=stop, slots=slots)
        self.main = self._streams.main
        self._asker_of = asker_of
        self._asked: dict[StreamName | None, AskedKeyframes | None] = {}
        self._rhythms = {
            name: Rhythm(every_s=camera.look_every_s, rarest_s=rarest_s) for name in (None, "main", "substream")
        }
        self._budget = budget or DecodeBudget()
        self._meter = Meter()
        self._stretch = 1.0
        self._late_s = 0.0
        self._live_since_s: float | None = None
        self._reading = self._told_hung = False
        self.looks = 0
        self.last_look_at: datetime | None = None

    def ask_to_stop(self) -> None:
        """Ends it soon; :meth:`join` waits for that."""
        self._stop_asked.set()

    def stretch(self, factor: float) -> None:
        """Makes its looks rarer by ``factor``, below 1 more frequent, also those of its next openings."""
        self._stretch = factor
        if self._reader is not None:
            self._reader.stretch(factor)

    def look_next(self) -> None:
        """Asks for a look out of turn; where the stream is away just now, its first look is one anyway."""
        if self._reader is not None:
            self._reader.look_next()

    def run(self) -> None:
        back_off = BackOff()
        while not self._stop_asked.is_set():
            self._live_since_s = None
            try:
                self._read_on()
                if self._state is CameraState.ENDED or self._stop_asked.is_set():
                    return
                continue  # the substream is back, and is looked at again
            except CameraFault as error:
                fault = error
            except Exception as error:  # noqa: BLE001 - the top loop of a camera's thread: it must not end in silence
                url = self._streams.current.url
                fault = CameraFault(f"{redacted(url)}: the reader failed ({type(error).__name__})")
            played_s = 0.0 if self._live_since_s is None else time.monotonic() - self._live_since_s
            if self._streams.failed(fault, played_s=played_s):
                continue
            self._lost(fault)
            self._stop_asked.wait(back_off.next_s(played_s=played_s))

    def _read_on(self) -> None:
        """Reads until told to stop, until a file has ended, or until the substream is to be read instead.

        Raises: CameraFault: Also for a live stream that ends.
        """
        camera, name = self._streams.current, self._streams.name
        self._reader = CameraReader(
            camera,
            clock=self._clock,
            stop=self._stop_asked,
            rhythm=self._rhythms[name],
            stream=name,
            asking=self._asking(camera, name),
            budget=self._budget,
            meter=self._meter,
            spread=zlib.crc32(self.camera.id.encode()) / 2**32,  # the same after a restart, and for each another
        )
        self._reader.stretch(self._stretch)
        came = False
        self._reading = True
        try:
            with closing(self._reader.looks()) as looks:
                for look in looks:
                    came = True
                    self._live()
                    self._late_s = look.late_s
                    self._mailbox.put(self.camera.id, look)
                    if self._streams.returns():
                        return
        finally:
            self._reading = False
        if self._stop_asked.is_set():
            return
        if is_live(camera.url):
            raise Stalled(f"{redacted(camera.url)}: the stream ended")
        if not came:
            raise Corrupt(f"{redacted(camera.url)}: holds no picture")
        self._state = CameraState.ENDED
        log.info("camera ended", camera=self.camera.id)

    def _asking(self, camera: Camera, name: StreamName | None) -> AskedKeyframes | None:
        if name not in self._asked:
            asker = self._asker_of(camera) if is_live(camera.url) else None
            self._asked[name] = None if asker is None else AskedKeyframes(asker, camera_id=camera.id)
        return self._asked[name]

    def _live(self) -> None:
        if self._live_since_s is None:
            self._live_since_s = time.monotonic()
        if self._state is not CameraState.LIVE:
            log.info("camera live", camera=self.camera.id, after=self._state.value)
            self._state, self._fault = CameraState.LIVE, None
        self._streams.plays()

    def _lost(self, fault: CameraFault) -> None:
        # One line when lost: what else goes wrong until it is back, only the status tells.
        if self._state is not CameraState.LOST and not self._told_hung:
            log.warning("camera lost", camera=self.camera.id, fault=fault.name, detail=str(fault))
        self._told_hung = False
        self._state, self._fault = CameraState.LOST, f"{fault.name}: {fault}"

    def join(self, timeout: float | None = None) -> None:
        """As :meth:`threading.Thread.join`, with the threads that read its other streams."""
        super().join(timeout)
        self._streams.join(timeout or 0.0)
        for asked in self._asked.values():
            if asked is not None:
                asked.join(timeout or 0.0)

    def _hung(self) -> str | None:
        """Returns what is wrong where the reader's thread hangs, whatever time-outs it was given; None where not."""
        reader, camera = self._reader, self._streams.current
        if not self._reading or reader is None or not is_live(camera.url):
            return None
        if reader.silent_s <= HUNG_TIMEOUTS * camera.timeout_s:
            if self._told_hung and self._state is CameraState.LIVE:  # else its first look tells
                log.info("camera live", camera=self.camera.id, after=CameraState.LOST.value)
            self._told_hung = False
            return None
        fault = TimedOut(f"{redacted(camera.url)}: the reader hears nothing")
        if not self._told_hung:
            log.warning("camera lost", camera=self.camera.id, fault=fault.name, detail=str(fault))
        self._told_hung = True
        return f"{fault.name}: {fault}"

    def status(self) -> CameraStatus:
        reader, every_s = self._reader, self._rhythms[self._streams.name].keyframe_every_s
        hung = self._hung()
        fault = hung or self._fault
        return CameraStatus(
            id=self.camera.id,
            state=self._state if hung is None else CameraState.LOST,
            fault=fault[:FAULT_CHARS] if fault is not None else None,
            last_look_at=self.last_look_at,
            looks=self.looks,
            looks_behind_s=round(self._late_s, 3),
            dropped=self._mailbox.dropped[self.camera.id],
            reading_by=reader.reading_by if reader else None,
            keyframe_every_s=None if every_s is None else round(every_s, 3),
            decode_share=round(self._meter.share, 4),
            damaged=self._meter.damaged,
            degraded=self._degraded(),
        )

    def _degraded(self) -> str | None:
        """Returns what does not work although the camera is looked at."""
        asked = self._asked.get(self._streams.name)
        for part, fault in (
            ("substream", self._streams.fault),
            ("main stream, wanted for evidence", self.main.fault if self.main is not None else None),
            ("keyframes, asked for", asked.fault if asked is not None else None),
        ):
            if fault is not None:
                return f"{part}: {fault}"[:FAULT_CHARS]
        return None
