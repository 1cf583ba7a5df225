"""Keeps finished items of evidence as files, two folders deep by the first digits of their names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from api.evidence.errors import folder_failures

SHA256 = re.compile(r"[0-9a-f]{64}")
_FOLDER = re.compile(r"[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class StoredItem:
    """size_bytes: as stored, so with what encryption adds. stored_at: aware, UTC."""

    sha256: str
    size_bytes: int
    stored_at: datetime


class Shelf(Protocol):
    """Where finished items lie, each whole under its name or not at all; names are checked before they come here."""

    def prepare(self) -> None:
        """Raises: EvidenceUnavailable: If the place cannot be used."""

    def check_writable(self) -> None:
        """Raises: EvidenceUnavailable: If nothing can be written."""

    def keep(self, finished: Path, sha256: str) -> None:
        """Takes the file ``finished``; on return it is durably kept. Raises: EvidenceUnavailable."""

    def open(self, sha256: str) -> BinaryIO:
        """Opens the stored bytes, seekable. Raises: EvidenceMissing, EvidenceUnavailable."""

    def find(self, sha256: str) -> StoredItem | None:
        """Returns None where nothing is kept under the name. Raises: EvidenceUnavailable."""

    def missing(self, names: Iterable[str]) -> list[str]:
        """Returns those names under which nothing is kept, in order. Raises: EvidenceUnavailable."""

    def remove(self, sha256: str) -> bool:
        """Removes the item for good; False where it was not there. Raises: EvidenceUnavailable."""

    def items(self) -> Iterator[StoredItem]:
        """Goes through all items, a few in memory at a time. Raises: EvidenceUnavailable."""


def path_of(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


class FolderShelf:
    """A shelf on a file system; the finished files must come from the same one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        with folder_failures():
            self._folder.mkdir(parents=True, exist_ok=True)

    def check_writable(self) -> None:
        """Nothing to do: the store has written to the same file system already."""

    def keep(self, finished: Path, sha256: str) -> None:
        with folder_failures():
            _move_durably(finished, self._folder / path_of(sha256))

    def open(self, sha256: str) -> BinaryIO:
        with folder_failures(sha256):
            return (self._folder / path_of(sha256)).open("rb")

    def find(self, sha256: str) -> StoredItem | None:
        with folder_failures():
            try:
                kept = (self._folder / path_of(sha256)).stat()
            except FileNotFoundError:
                return None
        return _stored(sha256, kept)

    def missing(self, names: Iterable[str]) -> list[str]:
        return [sha256 for sha256 in names if self.find(sha256) is None]

    def remove(self, sha256: str) -> bool:
        path = self._folder / path_of(sha256)
        with folder_failures():
            try:
                path.unlink()
            except FileNotFoundError:
                return False
            _sync_folder(path.parent)
        return True

    def items(self) -> Iterator[StoredItem]:
        with folder_failures():
            for first in _folders(self._folder):
                for second in _folders(first):
                    yield from _files(second)


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted(Path(entry) for entry in entries if _FOLDER.fullmatch(entry.name) and entry.is_dir())


def _files(folder: Path) -> Iterator[StoredItem]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if SHA256.fullmatch(entry.name))
    for name in names:
        try:
            kept = (folder / name).stat()
        except FileNotFoundError:  # Somebody else removes, too.
            continue
        yield _stored(name, kept)


def _stored(sha256: str, kept: os.stat_result) -> StoredItem:
    return StoredItem(sha256, kept.st_size, datetime.fromtimestamp(kept.st_mtime, UTC))


def _move_durably(source: Path, target: Path) -> None:
    """A name in a folder survives a power cut only once the folder itself is written."""
    new_folders = [folder for folder in (target.parent.parent, target.parent) if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
    for folder in {target.parent, *(folder.parent for folder in new_folders)}:
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
