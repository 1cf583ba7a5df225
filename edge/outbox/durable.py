"""Makes folders that a power cut cannot take back."""

from __future__ import annotations

import os
from pathlib import Path


def durable_folder(folder: Path) -> None:
    """Makes ``folder`` and what is missing above it; each new entry is fsynced in its parent. Raises: OSError."""
    if folder.is_dir():
        return
    durable_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Asks that the names in ``folder`` reach the disk. Raises: OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
