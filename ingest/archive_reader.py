"""Reads the daily archive back: every event once, in the order in which the stream gave them."""

from __future__ import annotations

import hashlib
import json
import mmap
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import structlog

from ingest.archive import DROPPED, ArchivedEntry, LineUnreadable, entry_of, place_of, received_at
from ingest.archive_files import SUFFIX
from ingest.entries import StreamEntry

_CHUNK_BYTES = 1 << 20
_GZIP = 31  # zlib's word for: a gzip header and its checksum
_MAGIC = b"\x1f\x8b\x08"
_TABLES = """
CREATE TABLE seen (event BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE day (milliseconds INTEGER, number INTEGER, received_at TEXT, event BLOB, line BLOB);
"""


class ArchiveUnreadable(Exception):
    """The archive, or a file in it, cannot be read at all; the message says which."""


class _Torn(Exception):
    """A gzip member ends before its end."""


@dataclass(slots=True)
class ArchiveFaults:
    """What was met while reading and could not be given out.

    torn: files whose end was never whole (a power cut, or a writer at work), with the bytes there.
    damaged: files with bytes inside that are no longer what was written, with how many.
    lines: lines that are no entries. strangers: files that are not the archive's.
    """

    torn: dict[Path, int] = field(default_factory=dict)
    damaged: dict[Path, int] = field(default_factory=dict)
    lines: int = 0
    strangers: list[Path] = field(default_factory=list)


def read_archive(
    folder: Path, *, since: datetime, until: datetime, faults: ArchiveFaults | None = None
) -> Iterator[ArchivedEntry]:
    """Yields what was received from ``since`` on and before ``until``: day by day, by the stream's own numbers.

    Each event of an edge comes once, the first time that it is there. Memory is bounded; a temporary file sorts.
    ``faults`` fills while reading; each fault is logged too. Raises: ArchiveUnreadable.
    """
    with closing(_Reader(faults or ArchiveFaults(), since=since, until=until)) as reader:
        try:
            for day, day_folder in _days(folder, reader.faults):
                if since.astimezone(UTC).date() <= day <= until.astimezone(UTC).date():
                    yield from reader.read_day(day_folder)
        except OSError as error:
            raise ArchiveUnreadable(f"cannot read the archive: {error}") from error
        except sqlite3.Error as error:
            raise ArchiveUnreadable(f"cannot sort the archive in the folder for temporary files: {error}") from error


def _days(folder: Path, faults: ArchiveFaults) -> Iterator[tuple[date, Path]]:
    """Yields the folders of days, in order."""
    for path in sorted(folder.iterdir()):
        try:
            day = date.fromisoformat(path.name)
        except ValueError:
            if path.name != DROPPED:
                faults.strangers.append(path)
            continue
        if path.is_dir() and path.name == day.isoformat():
            yield day, path


class _Reader:
    """A temporary database of one day's entries at a time, and of the events that were given out."""

    def __init__(self, faults: ArchiveFaults, *, since: datetime, until: datetime) -> None:
        self.faults = faults
        self._since = since
        self._until = until
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger()
        self._sorter = sqlite3.connect("", isolation_level=None)  # On the disk, and gone with the connection.
        self._sorter.executescript(f"PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; {_TABLES}")

    def close(self) -> None:
        self._sorter.close()

    def read_day(self, folder: Path) -> Iterator[ArchivedEntry]:
        self._sorter.execute("DELETE FROM day")
        for path in sorted(folder.iterdir()):
            if path.name.endswith(SUFFIX) and path.is_file():
                self._load(path)
            else:
                self.faults.strangers.append(path)
        ordered = self._sorter.execute("SELECT line, event FROM day ORDER BY milliseconds, number, received_at, rowid")
        for line, event in ordered:
            if self._sorter.execute("INSERT OR IGNORE INTO seen VALUES (?)", [event]).rowcount:
                entry = entry_of(line)
                yield ArchivedEntry(entry=entry, received_at=received_at(entry))

    def _load(self, path: Path) -> None:
        if path.stat().st_size == 0:  # Begun, and nothing written yet.
            return
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = 0
            while start < len(content):
                end = self._load_member(content, start)
                if end is None:
                    end = _next_member(content, start)
                    self._note_fault(path, end - start, at_end=end == len(content))
                start = end

    def _load_member(self, content: mmap.mmap, start: int) -> int | None:
        """Loads the member at ``start`` and returns its end; None, and nothing loaded, where it is not whole."""
        member = _Member(content, start)
        lines_before = self.faults.lines
        self._sorter.execute("SAVEPOINT member")
        try:
            for line in member.lines():
                self._load_line(line)
        except (zlib.error, _Torn):
            self._sorter.execute("ROLLBACK TO member")
            self.faults.lines = lines_before
            member.end = None
        self._sorter.execute("RELEASE member")
        return member.end

    def _load_line(self, line: bytes) -> None:
        try:
            entry = entry_of(line)
        except LineUnreadable as error:
            self.faults.lines += 1
            self._log.warning("line of the archive is unreadable", reason=str(error))
            return
        received = received_at(entry)
        if self._since <= received < self._until:
            row = (*place_of(entry), received.isoformat(), _event_digest(entry), line)
            self._sorter.execute("INSERT INTO day VALUES (?, ?, ?, ?, ?)", row)

    def _note_fault(self, path: Path, size_bytes: int, *, at_end: bool) -> None:
        counted = self.faults.torn if at_end else self.faults.damaged
        counted[path] = counted.get(path, 0) + size_bytes
        what = "archive file has a torn end" if at_end else "archive file is damaged"
        self._log.warning(what, file=str(path), size_bytes=size_bytes)


class _Member:
    """One gzip member from ``start`` on; ``end`` is known once its lines were read and its checksum fits."""

    def __init__(self, content: mmap.mmap, start: int) -> None:
        self._content = content
        self._start = start
        self.end: int | None = None

    def lines(self) -> Iterator[bytes]:
        """Yields the lines. Raises: zlib.error, _Torn: What came before may be wrong then."""
        unzip, position, rest = zlib.decompressobj(wbits=_GZIP), self._start, b""
        while not unzip.eof:
            chunk = unzip.unconsumed_tail
            if not chunk:
                chunk = self._content[position : position + _CHUNK_BYTES]
                position += len(chunk)
                if not chunk:
                    raise _Torn
            *whole, rest = (rest + unzip.decompress(chunk, _CHUNK_BYTES)).split(b"\n")
            yield from whole
        if rest:
            yield rest
        self.end = position - len(unzip.unused_data)


def _next_member(content: mmap.mmap, start: int) -> int:
    """Returns where, behind a damaged member, the next one may begin; the end of the file where there is none.

    A beginning that is none by chance is no harm: nothing loads there, and the search goes on.
    """
    found = content.find(_MAGIC, start + 1)
    return len(content) if found < 0 else found


def _event_digest(entry: StreamEntry) -> bytes:
    """Returns what an event is known by: its edge and its id, or its bytes where it has no id."""
    try:
        event_id = UUID(json.loads(entry.event)["event_id"]).bytes
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        event_id = entry.event
    return hashlib.sha256(entry.edge_id.encode("utf-8", "replace") + b"\0" + event_id).digest()[:16]
