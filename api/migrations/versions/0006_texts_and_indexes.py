"""What searching and lists need: the words of cases, and indexes on tables that are big already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from api.migrations.online import IndexOf, create_indexes, drop_indexes, update_in_batches

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEXES = (
    # made from the tables
    IndexOf("ix_cases_asset_id", "cases", ("asset_id",), only_set="asset_id"),
    IndexOf("ix_cases_assignee_id_id", "cases", ("assignee_id", "id"), only_set="assignee_id"),
    IndexOf("ix_cases_cell_state_ended_at", "cases", ("cell", "state", "ended_at")),
    IndexOf("ix_cases_close_due_at", "cases", ("close_due_at",), only_set="close_due_at"),
    IndexOf("ix_cases_edge_id_watch_id_ended_at", "cases", ("edge_id", "watch_id", "ended_at"), only_set="ended_at"),
    IndexOf("ix_cases_ended_at", "cases", ("ended_at",), only_set="ended_at"),
    IndexOf("ix_cases_escalates_at", "cases", ("escalates_at",), only_set="escalates_at"),
    IndexOf("ix_cases_filed_at", "cases", ("filed_at",), only_set="filed_at"),
    IndexOf("ix_cases_grid_id_id", "cases", ("grid_id", "id"), only_set="grid_id"),
    IndexOf("ix_cases_handle_due_at", "cases", ("handle_due_at",), only_set="handle_due_at"),
    IndexOf("ix_cases_kind_key_id", "cases", ("kind_key", "id")),
    IndexOf("ix_cases_latitude_longitude", "cases", ("latitude", "longitude")),
    IndexOf("ix_cases_merged_into", "cases", ("merged_into",), only_set="merged_into"),
    IndexOf("ix_cases_stage_due_at", "cases", ("stage_due_at",)),
    IndexOf("ix_people_subject", "people", ("subject",)),
    IndexOf("ix_sessions_login_id", "sessions", ("login_id",)),
    # end
)
NUMBERS = IndexOf("ix_cases_number_prefix", "cases", ("number",), operator_class="varchar_pattern_ops")
"""By which the first part of a number is found, whatever the server's language sorts like."""


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    tokens = ARRAY(sa.Text()) if postgresql else sa.JSON(none_as_null=True)
    op.create_table(
        "case_texts",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=True),
        sa.Column("tokens", tokens, nullable=True),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_texts")),
        sa.UniqueConstraint("place", name=op.f("uq_case_texts_place")),
        if_not_exists=True,
    )
    op.create_table(
        "case_texts_mark",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("upto", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_texts_mark")),
        if_not_exists=True,
    )
    if postgresql:
        op.create_index("ix_case_texts_tokens", "case_texts", ["tokens"], postgresql_using="gin", if_not_exists=True)
    else:
        # Which row a word is in is all that is asked: no places within the text, no text besides.
        op.execute("CREATE VIRTUAL TABLE case_words USING fts5(tokens, detail=none, tokenize='ascii')")
    update_in_batches(
        "cases",
        "UPDATE cases SET family = (SELECT kinds.family FROM kinds WHERE kinds.key = cases.detected_kind_key)"
        " WHERE family = 'unknown'",
    )
    create_indexes([*INDEXES, NUMBERS])


def downgrade() -> None:
    drop_indexes([*INDEXES, NUMBERS])
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE case_words")
    op.drop_table("case_texts_mark")
    op.drop_table("case_texts")
