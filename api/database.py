"""Opens the database, SQLite or PostgreSQL, and hands out sessions that read or write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.pool import Pool

from api.asking import AsksByDriver

SQLITE_BUSY_TIMEOUT_MS = 30_000
_WRITES = "streetcase_writes"
_CONNECTIONS = 10
_FEWEST_CONNECTIONS = 4
_QUICK_WAIT_S = 2.0


class DatabaseUnavailable(Exception):
    """No server answers, it refuses the password, the file cannot be opened, or the tables are not made yet."""


class NotQuick(Exception):
    """The quick way failed; the usual one says why, or finds that it works again."""


class Database:
    """One engine and its pool. Safe to share between threads; close it at the end.

    processes: how many serve on the same database together, and share what connections PostgreSQL has.
    """

    def __init__(self, database_url: str, *, processes: int = 1) -> None:
        connections = max(_FEWEST_CONNECTIONS, _CONNECTIONS // processes)
        self.engine = _engine(database_url, connections)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._writing = self.engine.execution_options(**{_WRITES: True})
        self._quick = self.engine if self.is_sqlite else _quick_engine(database_url, connections)
        self._reading = self.engine if self.is_sqlite else self.engine.execution_options(postgresql_readonly=True)
        self._glancing = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        # SQLite has one writer at a time anyway; waiting here is fair, its busy loop is not.
        self._one_writer = Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one snapshot (SQLite) or on committed rows (PostgreSQL).

        What it changes is dropped; PostgreSQL refuses it as soon as it is sent.
        """
        with Session(self._reading, expire_on_commit=False) as session:
            yield session
            if not self.is_sqlite:
                # Rolled back, the driver would forget every statement that it has prepared on this connection.
                session.expunge_all()
                session.commit()

    @contextmanager
    def glance(self) -> Iterator[Session]:
        """A session for a few quick SELECTs and nothing else, each of committed rows (PostgreSQL: no transaction).

        A transaction would cost two more round trips than what is asked. Whoever streams rows needs ``read``.
        """
        with Session(self._glancing, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def quick(self) -> Iterator[AsksByDriver]:
        """Asks the driver itself, for what is asked most often; each SELECT is of committed rows.

        Its connections are not tried before they are used, so any error of the driver may mean that the server was
        restarted: then whoever asks does so again by ``glance``. Raises: NotQuick: For any failure of the database.
        """
        failures: tuple[type[Exception], ...] = (
            *_failures(self._quick.dialect),
            OperationalError,
            InterfaceError,
            PoolTimeoutError,
        )
        try:
            with self._quick.connect() as connection:
                try:
                    yield AsksByDriver(connection)
                except _failures(connection.dialect):
                    connection.invalidate()
                    raise
        except failures as error:
            raise NotQuick(type(error).__name__) from error

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction: committed when the block is left, rolled back by an exception."""
        with self._one_writer, Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A bare connection in one writing transaction, for migrations."""
        with self._one_writer, self._writing.begin() as connection:
            yield connection

    @property
    def pools(self) -> list[Pool]:
        """All that hold connections: the usual one, and on PostgreSQL that of quick reading."""
        engines = [self.engine] if self._quick is self.engine else [self.engine, self._quick]
        return [engine.pool for engine in engines]

    def close(self) -> None:
        self.engine.dispose()
        self._quick.dispose()


@contextmanager
def database_of_command(database_url: str) -> Iterator[Database]:
    """Opens a database for one command and closes it. Raises: DatabaseUnavailable: In words for who typed it."""
    database = Database(database_url)
    try:
        yield database
    except (OperationalError, ProgrammingError) as error:
        if isinstance(error, ProgrammingError) or "no such" in str(error.orig):
            reason = str(error.orig).partition("\n")[0]
            raise DatabaseUnavailable(
                f"the database cannot be used: {reason}; streetcase api prepare makes its tables"
            ) from error
        raise DatabaseUnavailable(f"the database does not answer: {error.orig}") from error
    finally:
        database.close()


def _quick_engine(database_url: str, connections: int) -> Engine:
    """Of PostgreSQL: few connections, each outside transactions, neither tried before use nor reset after it."""
    return create_engine(
        database_url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_QUICK_WAIT_S,
        pool_use_lifo=True,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        connect_args={"options": _options(make_url(database_url))},
    )


def _failures(dialect: Dialect) -> tuple[type[Exception], ...]:
    """Of the driver, where the connection or the server is to blame and not what was asked."""
    driver = dialect.loaded_dbapi
    return driver.OperationalError, driver.InterfaceError


def _options(url: URL) -> str:
    # Whatever zone the server prefers: in one east of UTC the last hours of the year 9999 cannot be read.
    return " ".join([*url.normalized_query.get("options", ()), "-c timezone=UTC"])


def _engine(database_url: str, connections: int) -> Engine:
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        return create_engine(
            url,
            # Few are opened anew under load: a new one has to prepare every statement again.
            pool_size=connections,
            max_overflow=connections,
            # Few connections at work are warm ones, with their statements prepared.
            pool_use_lifo=True,
            pool_pre_ping=True,
            # Whatever the server prefers: what is read behind a lock must be what its last holder committed.
            isolation_level="READ COMMITTED",
            hide_parameters=True,
            connect_args={"options": _options(url)},
        )
    if url.database:
        file = Path(url.database).absolute()
        file.parent.mkdir(parents=True, exist_ok=True)
        # Not for everybody on the machine: it holds personal data and password hashes.
        file.touch(mode=0o640)
    engine = create_engine(url, pool_size=5, max_overflow=15, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: SqliteConnection, _record: Any) -> None:
    # Transactions are begun below, because the driver would begin them late and without IMMEDIATE.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {SQLITE_BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "foreign_keys = ON",
        # FULL, because a worker acknowledges its stream entry on the strength of our commit.
        "synchronous = FULL",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE: a transaction that reads first and writes later could not be retried by the busy timeout.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
