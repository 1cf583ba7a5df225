"""Works out what costs much only where something has changed, and never for more than a small share of the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

SHARE = 0.01
CHEAP_S = 0.003
"""What takes no longer than this is worked out after each change."""

_Value = TypeVar("_Value")


class Seldom(Generic[_Value]):
    """``work`` gives the value, ``version`` something that differs once the value may."""

    def __init__(self, work: Callable[[], _Value], *, version: Callable[[], object]) -> None:
        self._work = work
        self._version = version
        self._known: tuple[object, _Value] | None = None
        self._again_s = 0.0

    def get(self) -> _Value:
        """Returns the value as it is, or where it costs much as it was a short while ago."""
        version = self._version()
        known = self._known
        begun_s = time.monotonic()
        if known is not None and (known[0] == version or begun_s < self._again_s):
            return known[1]
        value = self._work()
        took_s = time.monotonic() - begun_s
        self._known = (version, value)
        self._again_s = begun_s + (took_s / SHARE if took_s > CHEAP_S else 0.0)
        return value
