"""Names why a group's process had to be started again."""

from __future__ import annotations

import signal
from enum import StrEnum

from edge.processes.asking import CannotStart


class End(StrEnum):
    """Why a process had to be started again."""

    CRASH = "crash"
    HANG = "hang"
    MEMORY = "memory"


def in_words(
    end: End,
    exit_code: int | None,
    *,
    told: CannotStart | None = None,
    held: tuple[float | None, float] = (None, 0.0),
) -> str:
    """Returns what ended a process.

    exit_code: As :mod:`multiprocessing` tells it. told: What it said itself. held: The megabytes that it held, and that
    it may.
    """
    if end is End.HANG:
        return "its process hung"
    if end is End.MEMORY:
        return f"its process held {held[0] or 0.0:.0f} MB, of {held[1]:.0f} that it may"
    if told is not None:
        return told.reason
    if exit_code is not None and exit_code < 0:
        return f"its process was ended by {signal.strsignal(-exit_code) or -exit_code}"
    return f"its process ended with exit code {exit_code}"
