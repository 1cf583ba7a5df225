"""The table of evidence that retention removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evidence_deletions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("kind_key", sa.String(length=64), nullable=True),
        sa.Column("case_state", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.String(length=500), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=500), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_evidence_deletions_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_deletions")),
    )
    op.create_index(op.f("ix_evidence_deletions_case_id"), "evidence_deletions", ["case_id"], unique=False)
    op.create_index(op.f("ix_evidence_deletions_removed_at"), "evidence_deletions", ["removed_at"], unique=False)
    op.create_index(op.f("ix_evidence_deletions_sha256"), "evidence_deletions", ["sha256"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_evidence_deletions_sha256"), table_name="evidence_deletions")
    op.drop_index(op.f("ix_evidence_deletions_removed_at"), table_name="evidence_deletions")
    op.drop_index(op.f("ix_evidence_deletions_case_id"), table_name="evidence_deletions")
    op.drop_table("evidence_deletions")
