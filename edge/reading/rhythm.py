"""Learns how often the keyframes of a stream come, and says how it is to be read."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Literal

from edge.reading.grid import EARLY
from ingest.configuration import Watch

Mode = Literal["keyframes", "asked", "rarer", "continuous"]
"""``asked`` is never a stream's own rhythm: it is what a reader makes of one whose keyframes are rare."""

SETTLED_AFTER = 3
"""After this many keyframe intervals in a row that are short enough, packets are no longer kept for catching up."""

RAREST_S = 20.0
"""Looks never become rarer than this on their own: who asks for a picture waits 30 s, and it has to be made."""


def rarest_look_s(watches: Sequence[Watch]) -> float:
    """Returns how many seconds two looks may be apart without harm to any of a camera's watches.

    A fifth of the shortest dwell, as the design says; and half a grace, so that one thing missed ends no stay.
    """
    return min([RAREST_S, *(min(watch.dwell_s / 5, watch.grace_s / 2) for watch in watches)])


class Rhythm:
    """The keyframes of one camera; what it has learnt outlives a new opening of the stream.

    every_s: How often a look is due. rarest_s: How rare looks may become before everything is decoded.
    """

    def __init__(self, *, every_s: float, rarest_s: float = 0.0) -> None:
        self._every_s = every_s * (1 + EARLY)
        self.patience_s = max(every_s, rarest_s)
        self._intervals_s: deque[float] = deque(maxlen=SETTLED_AFTER)
        self._last_s: float | None = None
        self._last_was_asked = False

    def opened(self) -> None:
        """The stream begins anew: the last keyframe is no longer the one before the next."""
        self._last_s = None

    def keyframe(self, now_s: float, *, asked: bool = False) -> None:
        """asked: It was asked for, so that it says nothing of how often they come by themselves."""
        by_itself = not asked and not self._last_was_asked
        if by_itself and self._last_s is not None and now_s > self._last_s:  # else a file has begun again
            self._intervals_s.append(now_s - self._last_s)
        self._last_s, self._last_was_asked = now_s, asked

    def since_s(self, now_s: float) -> float | None:
        """Returns the age of the last keyframe, or None before the first."""
        return None if self._last_s is None else now_s - self._last_s

    @property
    def keyframe_every_s(self) -> float | None:
        """The longest of the last intervals between two keyframes."""
        return max(self._intervals_s, default=None)

    @property
    def is_settled(self) -> bool:
        """True when keyframes have proved to come often enough."""
        return len(self._intervals_s) == SETTLED_AFTER and self.mode != "continuous"

    @property
    def mode(self) -> Mode:
        every_s = self.keyframe_every_s
        if every_s is None or every_s <= self._every_s:
            return "keyframes"
        return "rarer" if every_s <= self.patience_s * (1 + EARLY) else "continuous"

    def is_late(self, now_s: float) -> bool:
        """Whether the next keyframe should have come by now, for a look at each time when one is due."""
        since_s = self.since_s(now_s)
        return since_s is not None and since_s >= self._every_s

    def rarer_than(self, since_s: float) -> None:
        """Notes that one comes no sooner than so, where one is asked for before it would come by itself."""
        if self.mode == "keyframes":
            self._intervals_s.append(max(since_s, self._every_s * 1.001))

    def too_rare(self, now_s: float) -> None:
        """No keyframe came for longer than anybody wants to wait: until the next ones say otherwise, they are rare."""
        since_s = self.since_s(now_s)
        if since_s is not None:
            self._intervals_s.append(max(since_s, self.patience_s * (1 + 2 * EARLY)))
