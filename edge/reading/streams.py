"""Says which stream of a camera is looked at: its substream, and the main one for as long as the substream fails."""

from __future__ import annotations

import time
from threading import BoundedSemaphore, Event

import structlog

from edge.reading.faults import BackOff, CameraFault
from edge.reading.side_stream import SideStream
from edge.staying.clock import Clock
from ingest.configuration import Camera
from ingest.contract import StreamName

FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 300.0
"""How soon, and how rarely, a substream that failed is tried again while the main stream is looked at."""

PROBE_S = 10.0

log = structlog.get_logger(__name__)


def looked_at(camera: Camera) -> Camera:
    """Returns the camera as who looks reads it: its ``url`` is the substream, where there is one."""
    return camera if camera.substream is None else camera.model_copy(update={"url": camera.substream})


class Streams:
    """The streams of one camera; only its own thread uses it, but for :attr:`main`, :attr:`fault`, :attr:`name`.

    The substream is tried again beside the main stream, so that no look is lost over it.
    slots: See :class:`edge.reading.side_stream.SideStream`.
    """

    def __init__(self, camera: Camera, *, clock: Clock, stop: Event, slots: BoundedSemaphore | None = None) -> None:
        self._camera = camera
        self._sub = looked_at(camera) if camera.substream is not None else None
        self._probe = SideStream(self._sub, clock=clock, stop=stop, slots=slots) if self._sub is not None else None
        self.main = (
            None if self._sub is None else SideStream(camera, clock=clock, stop=stop, name="main stream", slots=slots)
        )
        """The main stream for evidence, where it is not the one that is looked at; None where there is one stream."""
        self._on_main = self._sub is None
        self._back_off = BackOff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
        self._again_s = 0.0
        self._told = False
        self.fault: str | None = None
        """Why the substream is not looked at; None where it is, or where there is none."""

    @property
    def current(self) -> Camera:
        """The camera with the stream that is to be read as its ``url``."""
        return self._camera if self._on_main or self._sub is None else self._sub

    @property
    def name(self) -> StreamName | None:
        """Which of two streams that is; None where there is one."""
        if self._sub is None:
            return None
        return "main" if self._on_main else "substream"

    def failed(self, fault: CameraFault, *, played_s: float) -> bool:
        """Notes that the current stream failed; returns whether the other one is to be read at once."""
        if self._sub is None or self._probe is None:
            return False
        self._probe.close()
        if self._on_main:  # neither can be had: begin again with the one that is wanted
            self._on_main = False
            return False
        self._on_main = True
        self.fault = f"{fault.name}: {fault}"
        self._again_s = time.monotonic() + self._back_off.next_s(played_s=played_s)
        return True

    def plays(self) -> None:
        """Notes that the current stream gave a look; tells once that the substream is not looked at, and once back."""
        if not self._on_main:
            if self._told:
                log.info("substream back", camera=self._camera.id)
            self.fault, self._told = None, False
        elif self.fault is not None and not self._told:
            log.warning("substream lost, the main stream is looked at", camera=self._camera.id, fault=self.fault)
            self._told = True

    def returns(self) -> bool:
        """Returns True once the substream, tried now and then, plays again: it is the current one from then on."""
        if self._sub is None or self._probe is None or not self._on_main or time.monotonic() < self._again_s:
            return False
        if not self._probe.has_pictures:
            self._probe.want(PROBE_S)
            return False
        self._probe.close()
        self._on_main = False
        return True

    def join(self, timeout_s: float) -> None:
        """Waits for the threads of what is open beside the current stream, once ``stop`` is set."""
        for side in (self._probe, self.main):
            if side is not None:
                side.join(timeout_s)
