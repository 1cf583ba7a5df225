"""Brings a database to the newest tables, and tells whether it has them."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

_SCRIPTS = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = 7_239_104_551
"""The number of PostgreSQL's advisory lock that starting processes queue for."""


class MigrationError(Exception):
    """The database cannot be brought to this release's tables, as one of a newer release."""


def lock_for_start(connection: Connection) -> None:
    """Waits until no other process starts on this database; SQLite's BEGIN IMMEDIATE has done so already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ONE_AT_A_TIME})


def migrate(connection: Connection) -> None:
    """Raises: MigrationError: If the database was written by a newer release."""
    config = configuration()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise MigrationError(f"the database does not fit this release: {error}") from error


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
