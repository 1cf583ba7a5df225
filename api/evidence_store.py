"""Keeps evidence by the sha256 of its bytes, in a folder; knows nothing of cases or of HTTP.

EvidenceError
├── EvidenceRefused       the bytes or their name are wrong: sending the same again is of no use
├── EvidenceMissing       nothing is kept under this name
└── EvidenceUnavailable   the store itself fails (disk full, folder gone): try again later
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from api.evidence_content import WrongContent, check, sniff

_SHA256 = re.compile(r"[0-9a-f]{64}")
_INCOMING = ".incoming"
_READABLE_BY_GROUP = 0o640


class EvidenceError(Exception):
    """Anything that keeps evidence from being kept or read."""


class EvidenceRefused(EvidenceError):
    """The bytes or their name are wrong; ``reason`` says how, in words for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EvidenceMissing(EvidenceError):
    """Nothing is kept under this name."""


class EvidenceUnavailable(EvidenceError):
    """The store itself fails."""


class Kept(StrEnum):
    """What came of a put: newly stored, or the same bytes were there already."""

    STORED = "stored"
    PRESENT = "present"


class EvidenceWriter:
    """Takes one item's bytes as they flow; see ``EvidenceStore.writer``."""

    def __init__(self, file: BinaryIO, *, max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Raises: EvidenceRefused: At the first byte above the limit."""
        self.size_bytes += len(chunk)
        if self.size_bytes > self._max_bytes:
            raise EvidenceRefused(f"expected {self._max_bytes} bytes at most, got more")
        self._hash.update(chunk)
        with _as_unavailable():
            self._file.write(chunk)

    def finish(self) -> None:
        """Brings all bytes to the disk; called by the store when the block is left."""
        if not self.size_bytes:
            raise EvidenceRefused("expected at least one byte, got none")
        with _as_unavailable():
            self._file.flush()
            os.fchmod(self._file.fileno(), _READABLE_BY_GROUP)
            os.fsync(self._file.fileno())

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class EvidenceStore:
    """A folder of evidence, safe for many writers at once, in one process or several."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, *, stale_after_s: float = 86_400.0) -> None:
        """Makes the folders, and removes what writers that died left unfinished.

        Raises: EvidenceUnavailable: If the folder cannot be made or written.
        """
        with _as_unavailable():
            incoming = self._folder / _INCOMING
            incoming.mkdir(parents=True, exist_ok=True)
            for path in incoming.iterdir():
                # A writer at work may finish, and take its file away, at this moment.
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < time.time() - stale_after_s:
                        path.unlink()

    def check_writable(self) -> None:
        """Writes and removes an empty file. Raises: EvidenceUnavailable: If that does not work."""
        with _as_unavailable(), tempfile.TemporaryFile(dir=self._folder / _INCOMING):
            pass

    def put_stream(self, sha256: str, chunks: Iterable[bytes], max_bytes: int, media_type: str) -> Kept:
        """Keeps the bytes of ``chunks`` under their hash; all or nothing.

        Raises: EvidenceRefused: Another hash, too many bytes, or not a sound ``media_type``.
            EvidenceUnavailable: The store itself fails. Nothing is left behind in either case.
        """
        if self.exists(sha256):
            return Kept.PRESENT
        with self.writer(sha256, max_bytes=max_bytes, media_type=media_type) as writer:
            for chunk in chunks:
                writer.write(chunk)
        return Kept.STORED

    @contextmanager
    def writer(self, sha256: str, *, max_bytes: int, media_type: str) -> Iterator[EvidenceWriter]:
        """Opens an item for writing; leaving the block checks and keeps it, an exception drops it.

        Raises: As ``put_stream``.
        """
        target = self._path(sha256)
        with _as_unavailable():
            incoming = self._folder / _INCOMING
            incoming.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=incoming)
        unfinished = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                writer = EvidenceWriter(file, max_bytes=max_bytes)
                yield writer
                writer.finish()
            _check_item(unfinished, expected=sha256, got=writer.sha256, media_type=media_type)
            with _as_unavailable():
                _move_durably(unfinished, target)
        finally:
            unfinished.unlink(missing_ok=True)

    def exists(self, sha256: str) -> bool:
        """Raises: EvidenceRefused: If ``sha256`` is not 64 lower-case hexadecimal digits."""
        return self._path(sha256).is_file()

    def size(self, sha256: str) -> int:
        """Returns the size in bytes. Raises: EvidenceMissing, EvidenceRefused."""
        with _as_missing(sha256):
            return self._path(sha256).stat().st_size

    def media_type(self, sha256: str) -> str:
        """Returns the type by the bytes themselves, whatever anybody called it. Raises: EvidenceMissing."""
        with _as_missing(sha256):
            return sniff(self._path(sha256)) or "text/csv"

    def open(self, sha256: str) -> BinaryIO:
        """Opens the item for reading. Raises: EvidenceMissing, EvidenceRefused."""
        with _as_missing(sha256):
            return self._path(sha256).open("rb")

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise EvidenceRefused("a sha256 is 64 lower-case hexadecimal digits")
        return self._folder / sha256[:2] / sha256[2:4] / sha256


def _check_item(path: Path, *, expected: str, got: str, media_type: str) -> None:
    if got != expected:
        raise EvidenceRefused(f"expected bytes with sha256 {expected}, got {got}")
    try:
        check(path, media_type=media_type)
    except WrongContent as error:
        raise EvidenceRefused(str(error)) from error


def _move_durably(source: Path, target: Path) -> None:
    """A name in a folder survives a power cut only once the folder itself is written."""
    new_folders = [folder for folder in (target.parent.parent, target.parent) if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
    for folder in {target.parent, *(folder.parent for folder in new_folders)}:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EvidenceUnavailable(f"the evidence folder fails: {error.strerror or type(error).__name__}") from error


@contextmanager
def _as_missing(sha256: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise EvidenceMissing(f"no evidence is kept under {sha256}") from error
    except OSError as error:
        raise EvidenceUnavailable(f"the evidence folder fails: {error.strerror or type(error).__name__}") from error
