"""Lets Alembic bring a database to the newest tables, on the connection that ``api.migrate`` hands over."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Enum

from api.tables import Base
from api.tables.base import UtcTime


def _render_item(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Writes our own types as what they are in the database: migrations must not change with our code."""
    if kind == "type" and isinstance(item, UtcTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Enum):
        return f"sa.String(length={item.length})"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite can roll tables back too, as our connections begin transactions themselves.
    transactional_ddl=True,
    # Where the connection is in no transaction yet, a step may end its own: for indexes that are made concurrently.
    transaction_per_migration=True,
    render_item=_render_item,
)
with context.begin_transaction():
    context.run_migrations()
