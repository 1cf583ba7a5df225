"""Elects one process of all that serve a database, so that chores are done once."""

from __future__ import annotations

import fcntl
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from api.database import Database

_ONE_LEADER = 7_239_104_552
"""The number of PostgreSQL's advisory lock that the leader holds as long as its connection lives."""


class Leadership:
    """Held until closed, or until the process or its connection ends. Use it from one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._file: BinaryIO | None = None

    def held(self) -> bool:
        """Whether this process leads now; tries to where nobody does. Raises: SQLAlchemyError."""
        return self._holds_file() if self._database.is_sqlite else self._holds_lock()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                # Not back into the pool: the lock lives as long as the connection.
                self._connection.detach()
                self._connection.close()
            self._connection = None

    def _holds_file(self) -> bool:
        if self._file is not None:
            return True
        file = Path(f"{self._database.engine.url.database}.leader").open("ab")  # noqa: SIM115 (held open on purpose)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def _holds_lock(self) -> bool:
        try:
            if self._connection is None:
                self._connection = self._locked_connection()
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            self.close()
            raise
        return self._connection is not None

    def _locked_connection(self) -> Connection | None:
        connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        locked = False
        try:
            locked = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": _ONE_LEADER}))
        finally:
            if not locked:
                connection.close()
        return connection if locked else None
