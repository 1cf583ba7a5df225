"""The whole life of a case: its clocks, links and places; people, audit and webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=500), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=500), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("place", sa.BigInteger(), nullable=True),
        sa.Column("previous_hash", sa.String(length=64), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sa.UniqueConstraint("place", name=op.f("uq_audit_place")),
    )
    op.create_index(op.f("ix_audit_subject_id"), "audit", ["subject", "id"], unique=False)
    op.create_table(
        "audit_heads",
        sa.Column("day", sa.String(length=64), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("exported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "blind_sources",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("edge_id", sa.String(length=64), nullable=False),
        sa.Column("source_id", sa.String(length=64), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_blind_sources")),
    )
    op.create_index(op.f("ix_blind_sources_edge_id"), "blind_sources", ["edge_id"], unique=False)
    op.create_table(
        "calendars",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("hours", sa.JSON(), nullable=False),
        sa.Column("weekdays", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_calendars")),
    )
    op.create_table(
        "codes",
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("code_class", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name_en", sa.String(length=500), nullable=False),
        sa.Column("name_zh", sa.String(length=500), nullable=False),
        sa.Column("confidence", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("scheme", "code_class", "code", name=op.f("pk_codes")),
    )
    op.create_table(
        "departments",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name_en", sa.String(length=500), nullable=False),
        sa.Column("name_zh", sa.String(length=500), nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_departments")),
    )
    op.create_table(
        "edge_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("edge_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=500), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_edge_tokens")),
    )
    op.create_index(op.f("ix_edge_tokens_expires_at"), "edge_tokens", ["expires_at"], unique=False)
    op.create_table(
        "escalation_steps",
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("tells", sa.String(length=64), nullable=False),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("stage", "level", name=op.f("pk_escalation_steps")),
    )
    op.create_table(
        "grids",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name_en", sa.String(length=500), nullable=False),
        sa.Column("name_zh", sa.String(length=500), nullable=False),
        sa.Column("district", sa.String(length=64), nullable=False),
        sa.Column("geometry", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grids")),
    )
    op.create_table(
        "kept_apart",
        sa.Column("edge_a", sa.String(length=64), nullable=False),
        sa.Column("watch_a", sa.String(length=64), nullable=False),
        sa.Column("edge_b", sa.String(length=64), nullable=False),
        sa.Column("watch_b", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("edge_a", "watch_a", "edge_b", "watch_b", name=op.f("pk_kept_apart")),
    )
    op.create_table(
        "login_sources",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", "address", name=op.f("pk_login_sources")),
    )
    op.create_index(op.f("ix_login_sources_last_at"), "login_sources", ["last_at"], unique=False)
    op.create_table(
        "permits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("holder", sa.String(length=500), nullable=True),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("geometry", sa.JSON(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("daily_from", sa.String(length=64), nullable=True),
        sa.Column("daily_until", sa.String(length=64), nullable=True),
        sa.Column("weekdays", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=500), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permits")),
    )
    op.create_table(
        "kept_versions",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_versions")),
    )
    op.create_table(
        "roads",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("road_class", sa.String(length=64), nullable=False),
        sa.Column("width_m", sa.Double(), nullable=False),
        sa.Column("geometry", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roads")),
    )
    op.create_table(
        "stage_limits",
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("limit", sa.Double(), nullable=False),
        sa.Column("limit_unit", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("stage", name=op.f("pk_stage_limits")),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("secret", sa.String(length=500), nullable=False),
        sa.Column("events", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("kinds", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "assets",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("code_scheme", sa.String(length=64), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("department", sa.String(length=64), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("given_longitude", sa.Double(), nullable=True),
        sa.Column("given_latitude", sa.Double(), nullable=True),
        sa.Column("given_datum", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["department"], ["departments.key"], name=op.f("fk_assets_department")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assets")),
    )
    op.create_table(
        "assignments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind_key", sa.String(length=64), nullable=True),
        sa.Column("road_class", sa.String(length=64), nullable=True),
        sa.Column("grid_id", sa.String(length=64), nullable=True),
        sa.Column("department", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["department"], ["departments.key"], name=op.f("fk_assignments_department")),
        sa.ForeignKeyConstraint(["grid_id"], ["grids.id"], name=op.f("fk_assignments_grid_id")),
        sa.ForeignKeyConstraint(["kind_key"], ["kinds.key"], name=op.f("fk_assignments_kind_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
    )
    op.create_table(
        "calendar_days",
        sa.Column("calendar_key", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=64), nullable=False),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["calendar_key"], ["calendars.key"], name=op.f("fk_calendar_days_calendar_key")),
        sa.PrimaryKeyConstraint("calendar_key", "day", name=op.f("pk_calendar_days")),
    )
    op.create_table(
        "cameras",
        sa.Column("edge_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("given_longitude", sa.Double(), nullable=True),
        sa.Column("given_latitude", sa.Double(), nullable=True),
        sa.Column("given_datum", sa.String(length=64), nullable=True),
        sa.Column("presets", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["edge_id"], ["edges.id"], name=op.f("fk_cameras_edge_id")),
        sa.PrimaryKeyConstraint("edge_id", "id", name=op.f("pk_cameras")),
    )
    op.create_table(
        "kind_conditions",
        sa.Column("kind_key", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("filed_when_en", sa.String(length=500), nullable=False),
        sa.Column("filed_when_zh", sa.String(length=500), nullable=False),
        sa.Column("closed_when_en", sa.String(length=500), nullable=True),
        sa.Column("closed_when_zh", sa.String(length=500), nullable=True),
        sa.Column("limit", sa.Double(), nullable=True),
        sa.Column("limit_unit", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["kind_key"], ["kinds.key"], name=op.f("fk_kind_conditions_kind_key")),
        sa.PrimaryKeyConstraint("kind_key", "key", name=op.f("pk_kind_conditions")),
    )
    op.create_table(
        "sensors",
        sa.Column("edge_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("asset_id", sa.String(length=64), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("given_longitude", sa.Double(), nullable=True),
        sa.Column("given_latitude", sa.Double(), nullable=True),
        sa.Column("given_datum", sa.String(length=64), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["edge_id"], ["edges.id"], name=op.f("fk_sensors_edge_id")),
        sa.PrimaryKeyConstraint("edge_id", "id", name=op.f("pk_sensors")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("give_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("webhook_id", "line_id", name=op.f("uq_webhook_deliveries_webhook_id_line_id")),
    )
    op.create_index(op.f("ix_webhook_deliveries_created_at"), "webhook_deliveries", ["created_at"], unique=False)
    op.create_index(
        op.f("ix_webhook_deliveries_state_next_at"), "webhook_deliveries", ["state", "next_at"], unique=False
    )
    op.create_table(
        "case_asks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=500), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=500), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_asks_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_asks")),
    )
    op.create_index(op.f("ix_case_asks_case_id"), "case_asks", ["case_id"], unique=False)
    op.create_table(
        "case_links",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("relation", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_links_case_id")),
        sa.ForeignKeyConstraint(["other_id"], ["cases.id"], name=op.f("fk_case_links_other_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_links")),
        sa.UniqueConstraint("case_id", "other_id", "relation", name=op.f("uq_case_links_case_id_other_id_relation")),
    )
    op.create_index(op.f("ix_case_links_case_id"), "case_links", ["case_id"], unique=False)
    op.create_index(op.f("ix_case_links_other_id"), "case_links", ["other_id"], unique=False)
    op.create_table(
        "timer_ledger",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.String(length=64), nullable=False),
        sa.Column("limit", sa.Double(), nullable=True),
        sa.Column("limit_unit", sa.String(length=64), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remaining_s", sa.Double(), nullable=True),
        sa.Column("actor", sa.String(length=500), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_timer_ledger_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timer_ledger")),
    )
    op.create_index(op.f("ix_timer_ledger_case_id_id"), "timer_ledger", ["case_id", "id"], unique=False)
    op.add_column("api_keys", sa.Column("name", sa.String(length=500), nullable=True))
    op.add_column("api_keys", sa.Column("scopes", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("api_keys", sa.Column("created_by", sa.String(length=500), nullable=True))
    op.add_column("api_keys", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("family", sa.String(length=64), server_default="unknown", nullable=False))
    op.add_column("cases", sa.Column("given_family", sa.String(length=64), nullable=True))
    op.add_column("cases", sa.Column("condition_key", sa.String(length=64), nullable=True))
    op.add_column("cases", sa.Column("detector", sa.String(length=64), nullable=True))
    op.add_column("cases", sa.Column("weights_sha256", sa.String(length=64), nullable=True))
    op.add_column("cases", sa.Column("channel", sa.String(length=64), nullable=True))
    op.add_column("cases", sa.Column("reporter", sa.String(length=500), nullable=True))
    op.add_column("cases", sa.Column("description", sa.String(length=4000), nullable=True))
    op.add_column("cases", sa.Column("address", sa.String(length=500), nullable=True))
    op.add_column("cases", sa.Column("cell", sa.BigInteger(), nullable=True))
    op.add_column("cases", sa.Column("district", sa.String(length=64), server_default="000000", nullable=False))
    op.add_column("cases", sa.Column("grid_id", sa.String(length=64), nullable=True))
    op.add_column("cases", sa.Column("road_class", sa.String(length=64), nullable=True))
    op.add_column("cases", sa.Column("assignee_id", sa.Uuid(), nullable=True))
    op.add_column("cases", sa.Column("recurrences_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("cases", sa.Column("still_there", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("cases", sa.Column("urgent", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("cases", sa.Column("supervised", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("cases", sa.Column("exempt", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("cases", sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("handled_by", sa.Uuid(), nullable=True))
    op.add_column("cases", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("rework_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("cases", sa.Column("return_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("cases", sa.Column("extension_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("cases", sa.Column("suspension_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("cases", sa.Column("reopened_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("cases", sa.Column("limit", sa.Double(), nullable=True))
    op.add_column("cases", sa.Column("limit_unit", sa.String(length=64), nullable=True))
    op.add_column("cases", sa.Column("stage", sa.String(length=64), nullable=True))
    op.add_column("cases", sa.Column("stage_started_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("stage_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("stage_limit", sa.Double(), nullable=True))
    op.add_column("cases", sa.Column("stage_limit_unit", sa.String(length=64), nullable=True))
    op.add_column("cases", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("remaining_s", sa.Double(), nullable=True))
    op.add_column("cases", sa.Column("handle_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("close_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("escalation", sa.Integer(), server_default="0", nullable=False))
    op.add_column("cases", sa.Column("escalates_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("muted_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("muted_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("cases", sa.Column("permit_id", sa.Uuid(), nullable=True))
    op.add_column("cases", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.add_column("cases", sa.Column("former_state", sa.String(length=32), nullable=True))
    op.add_column("evidence", sa.Column("added_by", sa.String(length=500), nullable=True))
    op.add_column("incidents", sa.Column("home_case_id", sa.Uuid(), nullable=True))
    op.add_column("incidents", sa.Column("box", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("incidents", sa.Column("look_hash", sa.String(length=64), nullable=True))
    op.add_column("incidents", sa.Column("muted", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("kinds", sa.Column("retired", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("people", sa.Column("grids", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("people", sa.Column("display_name", sa.String(length=500), nullable=True))
    op.add_column("people", sa.Column("language", sa.String(length=64), nullable=True))
    op.add_column("people", sa.Column("subject", sa.String(length=500), nullable=True))
    op.add_column("people", sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sessions", sa.Column("login_id", sa.Uuid(), nullable=True))
    op.add_column("sessions", sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sessions", sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sessions", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sessions", sa.Column("address", sa.String(length=64), nullable=True))
    op.add_column("watches", sa.Column("also_in", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("watches", "also_in")
    op.drop_column("sessions", "address")
    op.drop_column("sessions", "last_used_at")
    op.drop_column("sessions", "opened_at")
    op.drop_column("sessions", "replaced_at")
    op.drop_column("sessions", "login_id")
    op.drop_column("people", "disabled_at")
    op.drop_column("people", "subject")
    op.drop_column("people", "language")
    op.drop_column("people", "display_name")
    op.drop_column("people", "grids")
    op.drop_column("kinds", "retired")
    op.drop_column("incidents", "muted")
    op.drop_column("incidents", "look_hash")
    op.drop_column("incidents", "box")
    op.drop_column("incidents", "home_case_id")
    op.drop_column("evidence", "added_by")
    op.drop_column("cases", "former_state")
    op.drop_column("cases", "merged_into")
    op.drop_column("cases", "permit_id")
    op.drop_column("cases", "muted_count")
    op.drop_column("cases", "muted_until")
    op.drop_column("cases", "escalates_at")
    op.drop_column("cases", "escalation")
    op.drop_column("cases", "overdue_at")
    op.drop_column("cases", "close_due_at")
    op.drop_column("cases", "handle_due_at")
    op.drop_column("cases", "remaining_s")
    op.drop_column("cases", "paused_at")
    op.drop_column("cases", "stage_limit_unit")
    op.drop_column("cases", "stage_limit")
    op.drop_column("cases", "stage_due_at")
    op.drop_column("cases", "stage_started_at")
    op.drop_column("cases", "stage")
    op.drop_column("cases", "limit_unit")
    op.drop_column("cases", "limit")
    op.drop_column("cases", "reopened_count")
    op.drop_column("cases", "suspension_count")
    op.drop_column("cases", "extension_count")
    op.drop_column("cases", "return_count")
    op.drop_column("cases", "rework_count")
    op.drop_column("cases", "ended_at")
    op.drop_column("cases", "closed_at")
    op.drop_column("cases", "handled_by")
    op.drop_column("cases", "handled_at")
    op.drop_column("cases", "dispatched_at")
    op.drop_column("cases", "exempt")
    op.drop_column("cases", "supervised")
    op.drop_column("cases", "urgent")
    op.drop_column("cases", "still_there")
    op.drop_column("cases", "recurrences_count")
    op.drop_column("cases", "assignee_id")
    op.drop_column("cases", "road_class")
    op.drop_column("cases", "grid_id")
    op.drop_column("cases", "district")
    op.drop_column("cases", "cell")
    op.drop_column("cases", "address")
    op.drop_column("cases", "description")
    op.drop_column("cases", "reporter")
    op.drop_column("cases", "channel")
    op.drop_column("cases", "weights_sha256")
    op.drop_column("cases", "detector")
    op.drop_column("cases", "condition_key")
    op.drop_column("cases", "given_family")
    op.drop_column("cases", "family")
    op.drop_column("api_keys", "last_used_at")
    op.drop_column("api_keys", "created_by")
    op.drop_column("api_keys", "expires_at")
    op.drop_column("api_keys", "scopes")
    op.drop_column("api_keys", "name")
    op.drop_index(op.f("ix_timer_ledger_case_id_id"), table_name="timer_ledger")
    op.drop_table("timer_ledger")
    op.drop_index(op.f("ix_case_links_other_id"), table_name="case_links")
    op.drop_index(op.f("ix_case_links_case_id"), table_name="case_links")
    op.drop_table("case_links")
    op.drop_index(op.f("ix_case_asks_case_id"), table_name="case_asks")
    op.drop_table("case_asks")
    op.drop_index(op.f("ix_webhook_deliveries_state_next_at"), table_name="webhook_deliveries")
    op.drop_index(op.f("ix_webhook_deliveries_created_at"), table_name="webhook_deliveries")
    op.drop_table("webhook_deliveries")
    op.drop_table("sensors")
    op.drop_table("kind_conditions")
    op.drop_table("cameras")
    op.drop_table("calendar_days")
    op.drop_table("assignments")
    op.drop_table("assets")
    op.drop_table("webhooks")
    op.drop_table("stage_limits")
    op.drop_table("roads")
    op.drop_table("kept_versions")
    op.drop_table("permits")
    op.drop_index(op.f("ix_login_sources_last_at"), table_name="login_sources")
    op.drop_table("login_sources")
    op.drop_table("kept_apart")
    op.drop_table("grids")
    op.drop_table("escalation_steps")
    op.drop_index(op.f("ix_edge_tokens_expires_at"), table_name="edge_tokens")
    op.drop_table("edge_tokens")
    op.drop_table("departments")
    op.drop_table("codes")
    op.drop_table("calendars")
    op.drop_index(op.f("ix_blind_sources_edge_id"), table_name="blind_sources")
    op.drop_table("blind_sources")
    op.drop_table("audit_heads")
    op.drop_index(op.f("ix_audit_subject_id"), table_name="audit")
    op.drop_table("audit")
