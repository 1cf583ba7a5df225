"""Asks a camera for a keyframe when a look is due, and notes whether any comes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from edge.reading.faults import waits_s
from ingest.configuration import Camera

ANSWER_S = 5.0
"""So long after it was asked for a keyframe may come: the camera's answer, and what is on the way."""

UNANSWERED = 3
"""So often in a row nothing came of asking, and it is given up for a while."""

FIRST_WAIT_S, LONGEST_WAIT_S = 60.0, 3600.0

log = structlog.get_logger(__name__)


class KeyframeRefused(Exception):
    """The camera gives no keyframe when it is asked; the text never holds credentials."""


class KeyframeAsker(Protocol):
    """Asks one stream of a camera for a keyframe."""

    def ask(self) -> None:
        """Blocks for some seconds at most. Raises: KeyframeRefused."""
        ...


AskerOf = Callable[[Camera], KeyframeAsker | None]
"""Returns who asks the stream that is the camera's ``url``; None where nobody can."""


class AskedKeyframes:
    """The keyframes that are asked of one stream; only the thread that reads it calls, others read :attr:`fault`.

    The camera is asked in a thread of its own, because packets must be read on meanwhile: what waits is timed too late.
    What it has learnt outlives a new opening of the stream.
    """

    def __init__(
        self, asker: KeyframeAsker, *, camera_id: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._asker = asker
        self._camera_id = camera_id
        self._monotonic = monotonic
        self._asked_s: float | None = None
        self._refusal: str | None = None
        self._unanswered = 0
        self._again_s = 0.0
        self._waits = waits_s(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
        self._thread: threading.Thread | None = None
        self.proven = False
        """Whether the last one that was asked for came."""
        self.fault: str | None = None
        """Why asking was given up; None while it is relied on."""

    @property
    def works(self) -> bool:
        """Whether asking may be relied on now; what was given up is tried again after a while."""
        self._settle()
        return self._monotonic() >= self._again_s

    @property
    def is_open(self) -> bool:
        """Whether a keyframe was asked for that may still come."""
        self._settle()
        return self._asked_s is not None

    def ask(self) -> None:
        if self.is_open or (self._thread is not None and self._thread.is_alive()):
            return
        self._asked_s = self._monotonic()
        self._thread = threading.Thread(target=self._ask, name=f"keyframe-{self._camera_id}", daemon=True)
        self._thread.start()

    def keyframe(self) -> bool:
        """Notes that a keyframe came; returns whether it was asked for."""
        if not self.is_open:
            return False
        self._asked_s, self._unanswered, self.proven = None, 0, True
        if self.fault is not None:
            log.info("camera gives keyframes when asked", camera=self._camera_id)
            self.fault, self._waits = None, waits_s(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
        return True

    def join(self, timeout_s: float) -> None:
        """Waits for the question in hand."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _ask(self) -> None:
        try:
            self._asker.ask()
        except KeyframeRefused as refused:
            self._refusal = str(refused)
        except Exception as error:  # noqa: BLE001 - the top of a thread: it must not end in silence
            self._refusal = f"asking failed ({type(error).__name__})"

    def _settle(self) -> None:
        """Takes what the thread has left, and what has not come in time."""
        refusal, self._refusal = self._refusal, None
        if refusal is not None:
            self._give_up(refusal)
        elif self._asked_s is not None and self._monotonic() - self._asked_s >= ANSWER_S:
            self._asked_s, self._unanswered = None, self._unanswered + 1
            if self._unanswered >= UNANSWERED:
                self._give_up(f"it was asked {UNANSWERED} times, and no keyframe came")

    def _give_up(self, why: str) -> None:
        if self.fault is None:
            log.warning("camera gives no keyframes when asked", camera=self._camera_id, reason=why)
        self._asked_s, self._unanswered, self.proven = None, 0, False
        self._again_s = self._monotonic() + next(self._waits)
        self.fault = why
