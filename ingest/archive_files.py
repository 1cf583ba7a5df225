"""Appends lines to compressed daily files so that each batch is on the disk when the call returns."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

SUFFIX = ".jsonl.gz"
FILES_OPEN = 2  # today's and, around midnight, yesterday's
IDLE_S = 600.0
_FAST = 1  # level 1 takes a third of the time of level 6, for a fifth more bytes


@dataclass(slots=True)
class _OpenFile:
    """``good_bytes``: what is known to be on the disk; ``used_at``: a reading of the monotonic clock, in seconds."""

    path: Path
    descriptor: int
    good_bytes: int
    used_at: float


class DailyFiles:
    """``FOLDER/2026-11-23/WRITER-START.jsonl.gz``, one or more files a day and writer; not for two threads at once.

    Each batch is a gzip member of its own, so that a file is whole after every call, and what a power cut tore can only
    be the end of a file: a new process, and whoever met a fault, begins a new one. Methods raise OSError.
    """

    def __init__(self, folder: Path, *, writer: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._writer = re.sub(r"[^A-Za-z0-9._-]", "_", writer) or "writer"
        self._clock = clock
        self._made_folder = False
        self._open: dict[date, _OpenFile] = {}

    def append(self, lines_of: Mapping[date, bytes]) -> None:
        """Appends each day's lines (whole ones, with their line ends) and returns once they are on the disk.

        Raises: OSError: Some days may be written then, never a part of a day; a repetition doubles those.
        """
        for day, lines in lines_of.items():
            self._append(day, gzip.compress(lines, _FAST, mtime=0))
        self._close_idle()

    def close(self) -> None:
        for day in list(self._open):
            self._let_go(day)

    def _append(self, day: date, member: bytes) -> None:
        file = self._file_of(day)
        try:
            _write_whole(file.descriptor, member)
            os.fsync(file.descriptor)
            if file.good_bytes == 0:
                _sync_folder(file.path.parent)
        except OSError:
            self._take_back(day)
            raise
        file.good_bytes += len(member)
        file.used_at = self._clock()

    def _file_of(self, day: date) -> _OpenFile:
        file = self._open.get(day)
        if file is not None and os.fstat(file.descriptor).st_nlink == 0:  # Somebody removed it under our hands.
            self._let_go(day)
            file = None
        if file is None:
            while len(self._open) >= FILES_OPEN:
                self._let_go(min(self._open, key=lambda known: self._open[known].used_at))
            file = self._open[day] = self._begin(day)
        return file

    def _begin(self, day: date) -> _OpenFile:
        self._make_folder_once()
        folder = self._folder / day.isoformat()
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            _sync_folder(self._folder)
        start = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(2)}"
        path = folder / f"{self._writer}-{start}{SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        return _OpenFile(path, descriptor, good_bytes=0, used_at=self._clock())

    def _make_folder_once(self) -> None:
        """Later on a missing folder is a fault: behind it may be a disk that is no longer mounted."""
        if not self._made_folder:
            _make_folders(self._folder)
            self._made_folder = True

    def _take_back(self, day: date) -> None:
        """Cuts the file back to what was whole; where even that fails, readers know a torn end."""
        file = self._open[day]
        with contextlib.suppress(OSError):
            if file.good_bytes:
                os.ftruncate(file.descriptor, file.good_bytes)
            else:
                file.path.unlink()
        self._let_go(day)

    def _let_go(self, day: date) -> None:
        with contextlib.suppress(OSError):  # All that counts was synced before.
            os.close(self._open.pop(day).descriptor)

    def _close_idle(self) -> None:
        for day in [day for day, file in self._open.items() if self._clock() - file.used_at > IDLE_S]:
            self._let_go(day)


def _write_whole(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _make_folders(folder: Path) -> None:
    """Makes a folder and those above it; each new name is synced in the folder that holds it."""
    if not folder.is_dir():
        _make_folders(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
