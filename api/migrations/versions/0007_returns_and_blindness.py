"""What an incident is the return of, whether a camera or a sensor of that name is blind, which stream a picture is of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.migrations.online import IndexOf, create_indexes, drop_indexes

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEXES = (IndexOf("ix_incidents_recurs", "incidents", ("recurs",), only_set="recurs"),)


def upgrade() -> None:
    _add("incidents", sa.Column("recurs", sa.Uuid(), nullable=True))
    _add("evidence", sa.Column("stream", sa.String(length=64), nullable=True))
    _add("blind_sources", sa.Column("source_type", sa.String(length=64), nullable=True))
    op.execute(
        "UPDATE blind_sources SET source_type ="
        " (SELECT incidents.source_type FROM incidents WHERE incidents.id = blind_sources.incident_id)"
    )
    create_indexes(INDEXES)


def downgrade() -> None:
    drop_indexes(INDEXES)
    op.drop_column("blind_sources", "source_type")
    op.drop_column("evidence", "stream")
    op.drop_column("incidents", "recurs")


def _add(table: str, column: sa.Column[object]) -> None:
    """Not where it is there already: a migration whose index broke off on PostgreSQL comes again from its start."""
    known = {each["name"] for each in sa.inspect(op.get_bind()).get_columns(table)}
    if column.name not in known:
        op.add_column(table, column)
