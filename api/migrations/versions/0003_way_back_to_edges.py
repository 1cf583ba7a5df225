"""The tables of the way back to edges: configurations, requests, last statuses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "edge_configurations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("edge_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.String(length=64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["edge_id"], ["edges.id"], name=op.f("fk_edge_configurations_edge_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edge_configurations")),
    )
    op.create_index(op.f("ix_edge_configurations_edge_id_id"), "edge_configurations", ["edge_id", "id"], unique=False)
    op.create_table(
        "edge_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("edge_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("camera", sa.String(length=64), nullable=False),
        sa.Column("watch", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=500), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["edge_id"], ["edges.id"], name=op.f("fk_edge_requests_edge_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edge_requests")),
    )
    op.create_index(op.f("ix_edge_requests_edge_id_id"), "edge_requests", ["edge_id", "id"], unique=False)
    op.create_index(op.f("ix_edge_requests_expires_at"), "edge_requests", ["expires_at"], unique=False)
    op.create_table(
        "edge_statuses",
        sa.Column("edge_id", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["edge_id"], ["edges.id"], name=op.f("fk_edge_statuses_edge_id")),
        sa.PrimaryKeyConstraint("edge_id", name=op.f("pk_edge_statuses")),
    )


def downgrade() -> None:
    op.drop_table("edge_statuses")
    op.drop_index(op.f("ix_edge_requests_expires_at"), table_name="edge_requests")
    op.drop_index(op.f("ix_edge_requests_edge_id_id"), table_name="edge_requests")
    op.drop_table("edge_requests")
    op.drop_index(op.f("ix_edge_configurations_edge_id_id"), table_name="edge_configurations")
    op.drop_table("edge_configurations")
