"""Names what keeps an edge, or one watch of it, from starting."""

from __future__ import annotations


class EdgeCannotStart(Exception):
    """Something that the configuration names is not there or cannot be used; the text says what and where."""


class WatchCannotStart(Exception):
    """The detector or rule of a watch passed the checks and cannot be built all the same."""

    def __init__(self, watch_id: str, reason: str) -> None:
        super().__init__(f"watch {watch_id!r}: detector: {reason}")
        self.watch_id = watch_id
