"""The door of evidence: keeps it by the sha256 of its bytes, in a folder or a bucket; knows nothing of cases or HTTP.

Bytes always flow into a file of ``.incoming`` in the local folder first, encrypted on the way where a key is set, are
checked there, and only then moved or uploaded under their name. The errors are drawn in ``evidence_errors``.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Self

from api.evidence.cipher import MAGIC, Encrypting, decrypting
from api.evidence.content import WrongContent, check, sniff
from api.evidence.errors import (
    EvidenceDamaged,
    EvidenceError,
    EvidenceLocked,
    EvidenceMisconfigured,
    EvidenceMissing,
    EvidenceRefused,
    EvidenceUnavailable,
    folder_failures,
)
from api.evidence.folder import SHA256, FolderShelf, Shelf, StoredItem
from api.evidence.keys import KeyRing

__all__ = [
    "EvidenceDamaged",
    "EvidenceError",
    "EvidenceLocked",
    "EvidenceMisconfigured",
    "EvidenceMissing",
    "EvidenceRefused",
    "EvidenceSettings",
    "EvidenceStore",
    "EvidenceUnavailable",
    "EvidenceWriter",
    "Kept",
    "StoredItem",
    "media_type_of",
    "open_evidence_store",
]

_INCOMING = ".incoming"
_READABLE_BY_GROUP = 0o640
_PIECE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class EvidenceSettings:
    """folder: of the items, or only of those that come in where ``url`` names a bucket. key_file: of the encryption."""

    folder: Path
    url: str | None = field(default=None, repr=False)
    key_file: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Reads STREETCASE_EVIDENCE_*. Raises: EvidenceMisconfigured: If the folder is not named."""
        folder = environment.get("STREETCASE_EVIDENCE_DIR", "").strip()
        if not folder:
            raise EvidenceMisconfigured("STREETCASE_EVIDENCE_DIR is not set")
        url = environment.get("STREETCASE_EVIDENCE_URL", "").strip()
        key_file = environment.get("STREETCASE_EVIDENCE_KEY_FILE", "").strip()
        return cls(folder=Path(folder), url=url or None, key_file=Path(key_file) if key_file else None)


class Kept(StrEnum):
    """What came of a put: newly stored, or the same bytes were there already."""

    STORED = "stored"
    PRESENT = "present"


class EvidenceWriter:
    """Takes one item's bytes as they flow; see ``EvidenceStore.writer``."""

    def __init__(self, file: BinaryIO, *, max_bytes: int, cipher: Encrypting | None = None) -> None:
        self._file = file
        self._cipher = cipher
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Raises: EvidenceRefused: At the first byte above the limit."""
        self.size_bytes += len(chunk)
        if self.size_bytes > self._max_bytes:
            raise EvidenceRefused(f"expected {self._max_bytes} bytes at most, got more")
        self._hash.update(chunk)
        with folder_failures():
            (self._cipher or self._file).write(chunk)

    def finish(self) -> None:
        """Brings all bytes to the disk; called by the store when the block is left."""
        if not self.size_bytes:
            raise EvidenceRefused("expected at least one byte, got none")
        with folder_failures():
            if self._cipher:
                self._cipher.finish()
            self._file.flush()
            os.fchmod(self._file.fileno(), _READABLE_BY_GROUP)
            os.fsync(self._file.fileno())

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class EvidenceStore:
    """Evidence by the hash of its bytes, safe for many writers at once, in one process or several.

    Sizes and hashes are always of the bytes as they came, whatever encryption makes of them.
    """

    def __init__(self, folder: Path, *, shelf: Shelf | None = None, ring: KeyRing | None = None) -> None:
        self._incoming = folder / _INCOMING
        self._shelf = shelf or FolderShelf(folder)
        self._ring = ring

    def prepare(self, *, stale_after_s: float = 86_400.0) -> None:
        """Makes the folders, and removes what writers that died left unfinished.

        Raises: EvidenceUnavailable: If a folder cannot be made or written, or there is no bucket.
        """
        with folder_failures():
            self._incoming.mkdir(parents=True, exist_ok=True)
            for path in self._incoming.iterdir():
                # A writer at work may finish, and take its file away, at this moment.
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < time.time() - stale_after_s:
                        path.unlink()
        self._shelf.prepare()

    def check_writable(self) -> None:
        """Writes and removes an empty file, and asks the bucket. Raises: EvidenceUnavailable: If that does not work."""
        with folder_failures(), tempfile.TemporaryFile(dir=self._incoming):
            pass
        self._shelf.check_writable()

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
        _check_name(sha256)
        with folder_failures():
            self._incoming.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._incoming)
        unfinished = Path(name)
        file = os.fdopen(descriptor, "wb")
        try:
            with folder_failures():
                cipher = Encrypting(file, sha256, self._ring) if self._ring else None
            writer = EvidenceWriter(file, max_bytes=max_bytes, cipher=cipher)
            yield writer
            writer.finish()
            self._check_item(unfinished, expected=sha256, got=writer.sha256, media_type=media_type)
            # Another writer may have been faster: the same bytes, so whichever stays is right.
            if self._shelf.find(sha256) is None:
                self._shelf.keep(unfinished, sha256)
        finally:
            # On a full disk both may fail again, and the first failure is the one to tell.
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def exists(self, sha256: str) -> bool:
        """Raises: EvidenceRefused: If ``sha256`` is not 64 lower-case hexadecimal digits. EvidenceUnavailable."""
        return self._shelf.find(_check_name(sha256)) is not None

    def missing(self, names: Iterable[str]) -> list[str]:
        """Returns those sha256 under which nothing is kept, in order. Raises: EvidenceRefused, EvidenceUnavailable."""
        return self._shelf.missing([_check_name(sha256) for sha256 in names])

    def size(self, sha256: str) -> int:
        """Returns the size in bytes. Raises: As ``open``."""
        with self.open(sha256) as file:
            return file.seek(0, os.SEEK_END)

    def media_type(self, sha256: str) -> str:
        """Returns the type by the bytes themselves, whatever anybody called it. Raises: As ``open``."""
        with self.open(sha256) as file:
            return media_type_of(file)

    def open(self, sha256: str) -> BinaryIO:
        """Opens the item for reading, seekable; every read gives the bytes as they came, or raises.

        Raises: EvidenceMissing, EvidenceRefused, EvidenceDamaged, EvidenceLocked, EvidenceUnavailable.
        """
        return self._readable(self._shelf.open(_check_name(sha256)), sha256)

    def find(self, sha256: str) -> StoredItem | None:
        """Returns what is stored under the name, with its size as stored. Raises: As ``exists``."""
        return self._shelf.find(_check_name(sha256))

    def remove(self, sha256: str) -> bool:
        """Removes the item for good; False where nothing was kept under the name. Raises: As ``exists``."""
        return self._shelf.remove(_check_name(sha256))

    def items(self) -> Iterator[StoredItem]:
        """Goes through all that is kept, a few in memory at a time. Raises: EvidenceUnavailable."""
        return self._shelf.items()

    def _readable(self, stored: BinaryIO, sha256: str) -> BinaryIO:
        try:
            head = stored.read(len(MAGIC))
            stored.seek(0)
            if head == MAGIC:
                stored = decrypting(stored, sha256, self._ring)
            elif self._ring:
                # From before the key was set; or encrypted, with a first byte that has gone bad.
                _check_plain(stored, sha256)
        except BaseException:
            stored.close()
            raise
        return stored

    def _check_item(self, path: Path, *, expected: str, got: str, media_type: str) -> None:
        if got != expected:
            raise EvidenceRefused(f"expected bytes with sha256 {expected}, got {got}")
        with folder_failures():
            stored = path.open("rb")
        with self._readable(stored, expected) as file:
            try:
                check(file, media_type=media_type)
            except WrongContent as error:
                raise EvidenceRefused(str(error)) from error


def _check_plain(stored: BinaryIO, sha256: str) -> None:
    digest = hashlib.sha256()
    while piece := stored.read(_PIECE_BYTES):
        digest.update(piece)
    if digest.hexdigest() != sha256:
        raise EvidenceDamaged("the evidence is not what was written: its hash is another")
    stored.seek(0)


def media_type_of(file: BinaryIO) -> str:
    """Returns the type by the bytes themselves, and leaves the file at its start."""
    return sniff(file) or "text/csv"


def open_evidence_store(settings: EvidenceSettings) -> EvidenceStore:
    """Returns the store that API and gateway share; it needs the same settings in both.

    Raises: EvidenceMisconfigured: The URL, the key file or the package s3fs is not as expected.
    """
    ring = KeyRing.load(settings.key_file) if settings.key_file else None
    return EvidenceStore(settings.folder, shelf=_bucket(settings.url) if settings.url else None, ring=ring)


def _bucket(url: str) -> Shelf:
    try:
        from api.evidence.bucket import BucketShelf  # noqa: PLC0415 (an extra, and slow to import)
    except ModuleNotFoundError as error:
        raise EvidenceMisconfigured(
            f"STREETCASE_EVIDENCE_URL needs {error.name}: install it with pip install 'streetcase[s3]'"
        ) from error
    return BucketShelf.at(url)


def _check_name(sha256: str) -> str:
    if not SHA256.fullmatch(sha256):
        raise EvidenceRefused("a sha256 is 64 lower-case hexadecimal digits")
    return sha256
