"""Names what keeps an edge, or one watch of it, from starting."""

from __future__ import annotations


class EdgeCannotStart(Exception):
    """Something that the configuration names is not there or cannot be used; the text says what and where."""


class WatchCannotStart(Exception):
    """A watch passed the checks and cannot be watched all the same: its detector or rule is not to be built."""

    def __init__(self, watch_id: str, reason: str, *, key: str = "detector") -> None:
        super().__init__(f"watch {watch_id!r}: {key}: {reason}")
        self.watch_id = watch_id
