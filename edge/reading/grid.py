"""Says when a look is due: at the rate that the camera asks for, and not at the moments of all others."""

from __future__ import annotations

EARLY = 0.1
"""A keyframe this share of the interval before its time is taken: the next one may come far too late."""

SPREAD = 0.5
"""The second look may follow the first by up to this share of the interval sooner."""


class LookGrid:
    """Looks of one stream, ``every_s`` seconds apart.

    spread: 0 to 1, another one for each camera. So much of SPREAD sooner comes the second look, because cameras that
    were switched on together send their keyframes together, and a core decodes one at a time.
    """

    def __init__(self, every_s: float, *, spread: float = 0.0) -> None:
        self._every_s = self._configured_s = every_s
        self._back_s = 2 * every_s
        self._spread = spread
        self._next_due_s: float | None = None
        self._looks = 0

    def stretch(self, factor: float) -> None:
        """Makes looks rarer by ``factor``, below 1 more frequent, from the next one on; from any thread."""
        self._every_s = self._configured_s * factor

    @property
    def every_s(self) -> float:
        """The interval of looks at present."""
        return self._every_s

    def is_due(self, now_s: float, *, early: bool) -> bool:
        if self._next_due_s is None or now_s < self._next_due_s - self._back_s:  # first look, or time jumped back
            return True
        return now_s >= self._next_due_s - (EARLY * self._every_s if early else 0.0)

    def looked(self, now_s: float) -> None:
        """Sets when the next look is due, after one at ``now_s``."""
        if not self.is_due(now_s, early=True):  # a look out of turn leaves the grid as it is
            return
        self._looks += 1
        self._back_s = 2 * self._every_s
        if self._next_due_s is None:
            self._next_due_s = now_s + self._every_s * (1 - SPREAD * self._spread)
            return
        planned = self._next_due_s + self._every_s
        # A grid keeps the rate over late looks; after a longer gap, and after the spread, it starts afresh from here.
        keeps = abs(planned - now_s - self._every_s) < self._every_s and not (self._looks == 2 and self._spread)
        self._next_due_s = planned if keeps else now_s + self._every_s
