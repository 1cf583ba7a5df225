"""Brings a database to the newest tables, and tells whether it has them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from api.database import Database

_SCRIPTS = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = 7_239_104_551
"""The number of PostgreSQL's advisory lock that starting processes queue for."""

_TRY_AGAIN_S = 0.05
_LOCK_NOT_AVAILABLE = "55P03"
_LOCK_WAIT_S = 2
_LOCK_PAUSE_S = 1.0
_LOCK_TRIES = 30


class MigrationError(Exception):
    """The database cannot be brought to this release's tables, as one of a newer release."""


def lock_for_start(connection: Connection) -> None:
    """Waits until no other process starts on this database; SQLite's BEGIN IMMEDIATE has done so already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ONE_AT_A_TIME})


def migrate(database: Database, revision: str = "head") -> None:
    """Brings the tables to a revision. On PostgreSQL each step is committed by itself, and a broken-off one repeated.

    Raises: MigrationError: If the database was written by a newer release, or its tables are always in use.
    """
    try:
        if database.is_sqlite:
            with database.connection() as connection:
                _upgrade(connection, revision)
        else:
            _upgrade_online(database, revision)
    except CommandError as error:
        raise MigrationError(f"the database does not fit this release: {error}") from error


def _upgrade(connection: Connection, revision: str) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _upgrade_online(database: Database, revision: str) -> None:
    with database.engine.connect() as guard, _only_one(guard), database.engine.connect() as connection:
        for tries_left in reversed(range(_LOCK_TRIES)):
            try:
                # A new column needs its table for a moment. Whoever queues for it stops all who come later, so briefly.
                connection.execute(text(f"SET lock_timeout = '{_LOCK_WAIT_S}s'"))
                connection.commit()
                _upgrade(connection, revision)
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                    raise
                connection.rollback()
                if not tries_left:
                    raise MigrationError("a table is in use all the time; stop what holds it, and try again") from error
                time.sleep(_LOCK_PAUSE_S)
            else:
                return
            finally:
                # Back in the pool it must wait as it did before.
                connection.rollback()
                connection.execute(text("RESET lock_timeout"))
                connection.commit()


@contextmanager
def _only_one(guard: Connection) -> Iterator[None]:
    """Holds the lock of starting processes without a transaction, for which a concurrent index would wait for ever."""
    guard = guard.execution_options(isolation_level="AUTOCOMMIT")
    number = {"number": _ONE_AT_A_TIME}
    while not guard.scalar(text("SELECT pg_try_advisory_lock(:number)"), number):
        time.sleep(_TRY_AGAIN_S)
    try:
        yield
    finally:
        guard.execute(text("SELECT pg_advisory_unlock(:number)"), number)


def is_newest(connection: Connection) -> bool:
    """Whether the database has exactly this release's tables."""
    heads = set(ScriptDirectory.from_config(configuration()).get_heads())
    return set(MigrationContext.configure(connection).get_current_heads()) == heads


def configuration() -> Config:
    """Alembic's configuration, built here so that an installed package needs no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
