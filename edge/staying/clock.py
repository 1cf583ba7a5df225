"""Tells when something was seen, so that time between two looks is observed time and not clock arithmetic."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on both clocks: ``utc`` (aware) for people, ``boot_s`` within boot ``boot_id`` for durations."""

    utc: datetime
    boot_s: float
    boot_id: str

    def since(self, earlier: Moment) -> float:
        """Returns the seconds from ``earlier`` to here, never negative; infinite where nobody can tell.

        Within one boot the boot clock counts, which no time server steps; across boots only UTC is left, and a box
        without a battery may wake up in 1970.
        """
        if self.boot_id == earlier.boot_id:
            return max(0.0, self.boot_s - earlier.boot_s)
        passed_s = (self.utc - earlier.utc).total_seconds()
        return passed_s if passed_s >= 0 else math.inf

    def is_before(self, other: Moment) -> bool:
        """Whether this is surely earlier; of two boots nobody can tell."""
        return self.boot_id == other.boot_id and self.boot_s < other.boot_s

    def not_before(self, utc: datetime) -> Moment:
        """Returns this moment, told as ``utc`` where the wall clock has been set back behind it."""
        return self if self.utc >= utc else dataclasses.replace(self, utc=utc)


class Clock(Protocol):
    def now(self) -> Moment: ...


class SystemClock:
    """The machine's own clocks. CLOCK_BOOTTIME goes on while the box is suspended."""

    def __init__(self) -> None:
        self._boot_id = _boot_id()

    def now(self) -> Moment:
        return Moment(utc=datetime.now(UTC), boot_s=time.clock_gettime(time.CLOCK_BOOTTIME), boot_id=self._boot_id)


def _boot_id() -> str:
    try:
        return BOOT_ID_FILE.read_text().strip()
    except OSError:
        # Without the kernel's id the start of this boot stands in for it; a step of UTC then looks like a new
        # boot, which costs one gap and never a wrong dwell.
        return f"booted-{round(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))}"
