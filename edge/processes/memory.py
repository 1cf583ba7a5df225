"""Says how much memory a process holds, and how much it may."""

from __future__ import annotations

import os
from pathlib import Path

BASE_MB = 400
CAMERA_MB = 40
GENEROUS = 2
"""What a process needs at a busy moment stays below this many times what is planned for it."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def resident_mb(pid: int) -> float | None:
    """Returns what the process holds in memory, in MiB; None where there is no such process or no /proc."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * _PAGE_BYTES / 2**20


def ceiling_mb(cameras: int, chosen_mb: int | None) -> float:
    """Returns what a process for so many cameras may hold: what the configuration says, or a generous guess."""
    return float(chosen_mb if chosen_mb is not None else GENEROUS * (BASE_MB + CAMERA_MB * cameras))
