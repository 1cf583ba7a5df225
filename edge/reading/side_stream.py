"""Opens another stream of a camera for as long as somebody wants its pictures, and keeps its newest keyframes."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass

import av
import structlog
from av.video.codeccontext import VideoCodecContext

from detectors.base import Frame
from edge.reading.decoding import alone, like
from edge.reading.faults import BackOff, CameraFault, Corrupt, Stalled, fault_of, redacted
from edge.reading.opening import MAX_PIXELS, open_stream, video_stream
from edge.reading.pixels import DecodedFrame
from edge.reading.split_keyframes import whole_keyframes
from edge.staying.clock import Clock, Moment
from ingest.configuration import Camera

KEPT = 3
"""Keyframes that are held, as they came: each may weigh a megabyte, and none is decoded before it is asked for."""

MOST_OPEN_S = 120.0
"""So long it stays open at most, however long it is wanted, and then rests as long."""

MOST_AT_ONCE = 8
"""Side streams of one process that are open together; each takes half a hundredth of a core, and its bandwidth."""

FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 300.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Keyframe:
    content: bytes
    moment: Moment
    decoder: VideoCodecContext
    frame: Frame | None = None
    damaged: bool = False


class SideStream:
    """The stream of ``camera.url``, opened on demand in a thread of its own; one other thread asks.

    name: What it is called in the log, which tells once when it cannot be had and once when it can; None: not told.
    slots: How many may be open at once, shared by all of a process.
    """

    def __init__(
        self,
        camera: Camera,
        *,
        clock: Clock,
        stop: threading.Event,
        name: str | None = None,
        slots: threading.BoundedSemaphore | None = None,
    ) -> None:
        self._camera = camera
        self._clock = clock
        self._stop = stop
        self._name = name
        self._slots = slots or threading.BoundedSemaphore(MOST_AT_ONCE)
        self._thread: threading.Thread | None = None
        self._until_s = self._again_s = 0.0
        self._back_off = BackOff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
        self._keyframes: deque[_Keyframe] = deque(maxlen=KEPT)
        self.fault: str | None = None
        """Why it could not be had the last time; never with credentials."""

    @property
    def is_open(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def has_pictures(self) -> bool:
        return bool(self._keyframes)

    def want(self, for_s: float) -> None:
        """Keeps it open for so long from now on; opens it where it is not, and may be tried."""
        now_s = time.monotonic()
        self._until_s = max(self._until_s, now_s + for_s)
        if self.is_open or now_s < self._again_s or self._stop.is_set():
            return
        if not self._slots.acquire(blocking=False):
            return  # others have it; who asks does without, or asks again
        self._thread = threading.Thread(target=self._run, name=f"side-{self._camera.id}", daemon=True)
        self._thread.start()

    def forget(self) -> None:
        """Lets go of what is held, where nobody wants it any more."""
        if time.monotonic() >= self._until_s:
            self._keyframes.clear()

    def close(self) -> None:
        """Nobody wants it any more, nor what is held."""
        self._until_s = 0.0
        self._keyframes.clear()

    def join(self, timeout_s: float) -> None:
        """Waits for its thread, once its ``stop`` is set."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def nearest(self, moment: Moment, *, within_s: float) -> Frame | None:
        """Returns the picture taken nearest to ``moment``, masked, if it is at most so far from it.

        Its ``captured_at`` is its own time. The same picture is the same object.
        """
        held = [k for k in list(self._keyframes) if not k.damaged and abs(k.moment.boot_s - moment.boot_s) <= within_s]
        for keyframe in sorted(held, key=lambda k: abs(k.moment.boot_s - moment.boot_s)):
            if keyframe.frame is None:
                self._develop(keyframe)
            if keyframe.frame is not None:
                return keyframe.frame
        return None

    def _develop(self, keyframe: _Keyframe) -> None:
        decoded = alone(keyframe.decoder, keyframe.content)
        if decoded is None or decoded.width * decoded.height > MAX_PIXELS:
            keyframe.damaged = True
            return
        keyframe.frame = DecodedFrame(decoded, keyframe.moment.utc, masks=self._camera.masks)

    def _run(self) -> None:
        began_s, came_before = time.monotonic(), len(self._keyframes)
        try:
            self._read(began_s)
        except CameraFault as fault:
            self._lost(fault)
            played_s = time.monotonic() - began_s if len(self._keyframes) > came_before else 0.0
            self._again_s = time.monotonic() + self._back_off.next_s(played_s=played_s)
        except Exception as error:  # noqa: BLE001 - the top loop of a thread: it must not end in silence
            self._lost(Corrupt(f"{redacted(self._camera.url)}: the reader failed ({type(error).__name__})"))
            self._again_s = time.monotonic() + self._back_off.next_s(played_s=0.0)
        finally:
            self._slots.release()

    def _read(self, began_s: float) -> None:
        """Raises: CameraFault."""
        container = open_stream(self._camera)
        try:
            stream = video_stream(container, self._camera.url)
            decoder = like(stream.codec_context)
            for packet in whole_keyframes(container.demux(stream), codec=decoder.name):
                now_s = time.monotonic()
                if self._stop.is_set() or now_s >= self._until_s:
                    return
                if now_s - began_s >= MOST_OPEN_S:
                    self._again_s = now_s + MOST_OPEN_S
                    return
                if packet.is_keyframe and packet.size:
                    self._keyframes.append(_Keyframe(bytes(packet), self._clock.now(), decoder))
                    self._back()
        except (av.FFmpegError, OSError) as error:
            raise fault_of(error, url=self._camera.url, playing=True) from None
        finally:
            container.close()
        raise Stalled(f"{redacted(self._camera.url)}: the stream ended")

    def _lost(self, fault: CameraFault) -> None:
        if self.fault is None and self._name is not None:
            log.warning("stream lost", stream=self._name, camera=self._camera.id, fault=fault.name, detail=str(fault))
        self.fault = f"{fault.name}: {fault}"

    def _back(self) -> None:
        if self.fault is not None and self._name is not None:
            log.info("stream back", stream=self._name, camera=self._camera.id)
        self.fault = None
