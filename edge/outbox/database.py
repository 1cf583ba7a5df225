"""Holds the outbox's SQLite file open: threads take turns, a commit is on the disk, and a lost disk is found again."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.outbox.durable import durable_folder
from edge.outbox.schema import NewerVersion, bring_up_to_date, make_shrinkable

WAL_LIMIT_BYTES = 4_000_000
BUSY_S = 30.0
_LOST = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})


class OutboxError(Exception):
    """The outbox cannot be written or read (disk full, damaged file); nothing that was accepted is touched."""


class CommitRefused(OutboxError):
    """What was to be kept contradicts what is kept already; trying again cannot help."""


class Database:
    """One connection, for one process; its calls may come from several threads.

    ``fault`` says why the last write failed, and is None once one succeeds.
    Raises: OutboxError: It cannot be opened, or is of a later version.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.fault: str | None = None
        self._lock = threading.RLock()
        self._closed = False
        try:
            durable_folder(file.parent)
        except OSError as error:
            raise OutboxError(f"outbox {file.name} cannot be opened: {error.strerror}") from error
        self._db: sqlite3.Connection | None = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(self.file, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise OutboxError(f"outbox {self.file.name} cannot be opened: {error}") from error
        try:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # counts for a new file only
            db.execute("PRAGMA journal_mode = WAL")
            # FULL: an event that was raised must outlive a power cut, and each commit is fsynced for it.
            db.execute("PRAGMA synchronous = FULL")
            db.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
            bring_up_to_date(db)
            with contextlib.suppress(sqlite3.Error):  # it works without, and the next start tries again
                make_shrinkable(db)
            db.execute("BEGIN IMMEDIATE")  # on a read-only disk SQLite opens the file all the same
            db.execute("ROLLBACK")
        except (sqlite3.Error, NewerVersion) as error:
            db.close()
            raise OutboxError(f"outbox {self.file.name} cannot be opened: {error}") from error
        return db

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, opened again where the disk was lost. Raises: OutboxError."""
        with self._lock:
            if self._closed:
                raise OutboxError("outbox is closed")
            if self._db is None:
                self._db = self._open()
            return self._db

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._db is not None:
                self._db.close()
                self._db = None

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction, all or nothing; ``durable`` ones are fsynced before this returns.

        Where a repetition is harmless (an answer that is forgotten comes again) the disk may take its time.
        Raises: OutboxError: Nothing of it was kept. CommitRefused: And nothing of it ever will be.
        """
        with self._lock:
            try:
                db = self.connection
                if not durable:
                    db.execute("PRAGMA synchronous = NORMAL")
                try:
                    yield from _within(db)
                finally:
                    if not durable:
                        db.execute("PRAGMA synchronous = FULL")
            except sqlite3.IntegrityError as error:
                raise CommitRefused(f"outbox refuses: {error}") from error
            except sqlite3.Error as error:
                self._lose(error)
                raise OutboxError(f"outbox cannot be written: {error}") from error
            except OutboxError as error:
                self.fault = str(error)
                raise
            self.fault = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Several reads of one state of the file, whatever others write meanwhile. Raises: OutboxError."""
        with self._lock:
            try:
                yield from _within(self.connection, begin="BEGIN")
            except sqlite3.Error as error:
                self._lose(error)
                raise OutboxError(f"outbox cannot be read: {error}") from error

    def _lose(self, error: sqlite3.Error) -> None:
        self.fault = f"outbox cannot be written: {error}"
        if _primary_code(error) in _LOST and self._db is not None:
            # After an I/O error a connection may stay broken though the disk is back; a new one finds out.
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Raises: OutboxError: It cannot be read."""
        with self._lock:
            try:
                return self.connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                self._lose(error)
                raise OutboxError(f"outbox cannot be read: {error}") from error

    def version(self) -> tuple[int, int, int]:
        """Returns what differs once anybody has written to the file; it costs next to nothing. Raises: OutboxError."""
        with self._lock:
            (others,) = self.rows("PRAGMA data_version")[0]
            db = self.connection
            return id(db), int(others), db.total_changes

    def shrink(self) -> None:
        """Gives free pages, and the log of what is written already, back to the disk. Raises: OutboxError."""
        with self._lock:
            try:
                # As a script: Python's execute steps a statement without columns once, which frees a single page.
                self.connection.executescript("PRAGMA incremental_vacuum")
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error as error:
                raise OutboxError(f"outbox cannot be written: {error}") from error

    @property
    def size_bytes(self) -> int:
        """What the file and its log take on the disk."""
        return sum(_size(self.file.with_name(self.file.name + ending)) for ending in ("", "-wal"))


def _within(db: sqlite3.Connection, *, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
    db.execute(begin)
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # some errors have rolled back already
            db.execute("ROLLBACK")
        raise


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
