"""How long a group may be silent, how often it may die, and how rarely a camera that kills it is tried again."""

from __future__ import annotations

from dataclasses import dataclass

STOPPING_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All in seconds, but for the numbers of deaths and ``memory_mb``.

    silent_s, starting_s: Without a beat for so long a process hangs; its first one may take longer.
    stopping_s: What it has in hand when it is asked to end takes no longer.
    steady_s: After so long its pacing starts afresh, and a camera on trial is one like the others again.
    deaths, within_s: So many within so long, and the cameras of the process are halved.
    suspected_deaths: The same for a part of a group that was halved.
    calm_s: After so long without a death a process counts as well.
    aside_s: So long a camera that ends its process by itself is left alone.
    """

    silent_s: float = 60.0
    starting_s: float = 120.0
    stopping_s: float = STOPPING_S
    steady_s: float = 600.0
    deaths: int = 3
    suspected_deaths: int = 2
    within_s: float = 600.0
    calm_s: float = 30.0
    aside_s: float = 3600.0
    memory_mb: int | None = None
