"""A real disk of a few megabytes that a test can fill, and give room again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.processes import missing

_BLOCK = bytes(65_536)
_FILLER = "filler"


class SmallDisk:
    """A file system of its own, mounted at ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Takes every byte that is left."""
        with (self.folder / _FILLER).open("ab", buffering=0) as filler:
            for block in (_BLOCK, b"\0"):
                try:
                    while filler.write(block):
                        pass
                except OSError:  # The last block did not fit as a whole; a byte may.
                    continue

    def free(self) -> None:
        """Gives back what ``fill`` took."""
        (self.folder / _FILLER).unlink()


@contextmanager
def small_disk(folder: Path, *, size_bytes: int) -> Iterator[SmallDisk]:
    """Mounts an empty disk at ``folder``, which is made where it is missing, and takes it away at the end.

    Only root may mount. A mount in a namespace of its own, which anybody may make, is seen by no other process.
    """
    if os.geteuid() != 0:
        missing("no small disk: only root may mount a tmpfs")
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=755", "tmpfs", str(folder)]
    if (mounted := subprocess.run(mount, capture_output=True, text=True, check=False)).returncode != 0:
        missing(f"no small disk: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: a process that a failed test left may still hold a file.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
