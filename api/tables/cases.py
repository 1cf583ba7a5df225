"""The tables of cases: the case, its incidents, the reports behind them, its evidence, its history."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.cases.states import CaseState
from api.tables.base import (
    Base,
    Count,
    Flag,
    Hash,
    JsonObject,
    LongText,
    Name,
    RowNumber,
    Tally,
    Text,
    Uuid7Key,
    only_set,
    word_type,
)


class Watch(Base):
    """One watch of one edge. Whoever reports on it locks this row, so that one thing wrong becomes one case.

    also_in: of cases that began elsewhere and hold an incident of this watch: pairs of the detected kind and the case.
    """

    __tablename__ = "watches"

    edge_id: Mapped[Name] = mapped_column(primary_key=True)
    watch_id: Mapped[Name] = mapped_column(primary_key=True)
    also_in: Mapped[list[list[str]] | None] = mapped_column(JSON(none_as_null=True))


class Case(Base):
    """What the city handles. Its ``id`` sorts by time; ``number`` is minted when it is filed.

    edge_id, watch_id: of the first incident; empty where a person reported first, who is then the source.
    longitude, latitude: WGS-84, degrees; ``given_*``: as reported, in ``given_datum``.
    grid_id, district, road_class, department: resolved from the position when the case is made, see ``api.places``.
    cell: of the position, by which near cases are found, see ``api.reports.nearness``.
    family: of the detected kind; given_family: of the kind that a person gave it since, None where nobody did.
    gone_at: set while every incident in it has cleared as gone.
    still_there: its camera saw the problem after it was handled; until a person decides.
    limit, limit_unit: fixed when it is dispatched, so that an edited catalogue rewrites no case.
    stage, stage_*: the clock that runs, see ``api.acts.clocks``; ``remaining_s`` is set while it is paused.
    handle_due_at, close_due_at: by when it is to be handled and closed, from the dispatch on; None while it is paused.
    overdue_at: when the stage that runs became overdue; escalation: the last level reached in it.
    escalates_at: when the next level is reached, or the stage is overdue; None where nothing more will happen.
    muted_until: until when what is still seen of a rejected case is only counted on it.
    merged_into: the case that it went into; former_state: what it was before, to be taken back to.
    version: counts what people decided on it; machine reports leave it alone.
    """

    __tablename__ = "cases"

    id: Mapped[Uuid7Key]
    number: Mapped[Name | None] = mapped_column(unique=True)
    state: Mapped[CaseState] = mapped_column(word_type(CaseState))
    version: Mapped[int] = mapped_column(default=1)
    kind_key: Mapped[Name] = mapped_column(ForeignKey("kinds.key"))
    detected_kind_key: Mapped[Name] = mapped_column(ForeignKey("kinds.key"))
    family: Mapped[Name] = mapped_column(default="unknown", server_default="unknown")
    given_family: Mapped[Name | None]
    condition_key: Mapped[Name | None]

    edge_id: Mapped[Name]
    watch_id: Mapped[Name]
    source_type: Mapped[Name]
    source_id: Mapped[Name]
    preset: Mapped[Name | None]
    asset_id: Mapped[Name | None]
    detector: Mapped[Name | None]
    weights_sha256: Mapped[Hash | None]
    channel: Mapped[Name | None]
    reporter: Mapped[Text | None]
    description: Mapped[LongText | None]
    address: Mapped[Text | None]

    longitude: Mapped[float | None]
    latitude: Mapped[float | None]
    position_error_m: Mapped[float | None]
    given_longitude: Mapped[float | None]
    given_latitude: Mapped[float | None]
    given_datum: Mapped[Name | None]
    cell: Mapped[int | None] = mapped_column(BigInteger())
    district: Mapped[Name] = mapped_column(default="000000", server_default="000000")
    grid_id: Mapped[Name | None]
    road_class: Mapped[Name | None]
    department: Mapped[Name]
    assignee_id: Mapped[UUID | None]

    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    dwell_s: Mapped[float | None]
    score: Mapped[float | None]
    incidents_count: Mapped[Count]
    reports_count: Mapped[Count]
    recurrences_count: Mapped[Tally]
    gone_at: Mapped[datetime | None]
    still_there: Mapped[Flag]

    urgent: Mapped[Flag]
    supervised: Mapped[Flag]
    exempt: Mapped[Flag]

    created_at: Mapped[datetime]
    filed_at: Mapped[datetime | None]
    dispatched_at: Mapped[datetime | None]
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    rejected_reason: Mapped[Text | None]
    rework_count: Mapped[Tally]
    return_count: Mapped[Tally]
    extension_count: Mapped[Tally]
    suspension_count: Mapped[Tally]
    reopened_count: Mapped[Tally]

    limit: Mapped[float | None]
    limit_unit: Mapped[Name | None]
    stage: Mapped[Name | None]
    stage_started_at: Mapped[datetime | None]
    stage_due_at: Mapped[datetime | None]
    stage_limit: Mapped[float | None]
    stage_limit_unit: Mapped[Name | None]
    paused_at: Mapped[datetime | None]
    remaining_s: Mapped[float | None]
    handle_due_at: Mapped[datetime | None]
    close_due_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]
    escalation: Mapped[Tally]
    escalates_at: Mapped[datetime | None]

    muted_until: Mapped[datetime | None]
    muted_count: Mapped[Tally]
    permit_id: Mapped[UUID | None]
    merged_into: Mapped[UUID | None]
    former_state: Mapped[CaseState | None] = mapped_column(word_type(CaseState))

    __table_args__ = (
        Index(None, "edge_id", "watch_id", "state"),
        Index(None, "edge_id", "watch_id", "ended_at", **only_set("ended_at")),
        Index(None, "state", "id"),
        Index(None, "department", "id"),
        Index(None, "kind_key", "id"),
        Index(None, "grid_id", "id", **only_set("grid_id")),
        Index(None, "assignee_id", "id", **only_set("assignee_id")),
        Index(None, "latitude", "longitude"),
        Index(None, "cell", "state", "ended_at"),
        Index(None, "asset_id", **only_set("asset_id")),
        Index(None, "handle_due_at", **only_set("handle_due_at")),
        Index(None, "close_due_at", **only_set("close_due_at")),
        Index(None, "filed_at", **only_set("filed_at")),
        Index(None, "ended_at", **only_set("ended_at")),
        Index(None, "stage_due_at"),
        Index(None, "escalates_at", **only_set("escalates_at")),
        Index(None, "merged_into", **only_set("merged_into")),
    )


class Incident(Base):
    """One thing wrong, as one edge followed it; ``cleared_*`` are set while nothing was seen after it cleared.

    home_case_id: the case that it joined first, whatever was merged since; None for ``case_id``.
    box: where it was last seen, normalised xyxy; look_hash: how its crop looked, see ``api.reports.looks``.
    muted: it looked like what an operator had rejected, so it is only counted on the rejected case.
    recurs: the earlier incident of the same thing, as the edge says; perhaps none that is known here.
    """

    __tablename__ = "incidents"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    home_case_id: Mapped[UUID | None]
    box: Mapped[list[float] | None] = mapped_column(JSON(none_as_null=True))
    look_hash: Mapped[Name | None]
    muted: Mapped[Flag]
    recurs: Mapped[UUID | None]
    kind_key: Mapped[Name]
    edge_id: Mapped[Name]
    watch_id: Mapped[Name]
    source_type: Mapped[Name]
    source_id: Mapped[Name]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    dwell_s: Mapped[float | None]
    score: Mapped[float | None]
    cleared_at: Mapped[datetime | None]
    clear_reason: Mapped[Name | None]
    reports_count: Mapped[Count]

    __table_args__ = (Index(None, "recurs", **only_set("recurs")),)


class ReportRow(Base):
    """One report as it came, so that the way from the frame to the case can be shown."""

    __tablename__ = "reports"

    id: Mapped[RowNumber]
    report_id: Mapped[UUID] = mapped_column(unique=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incidents.id"))
    outcome: Mapped[Name]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    stream_entry: Mapped[Name | None]
    request_id: Mapped[Name | None]
    payload: Mapped[JsonObject] = mapped_column(JSON)

    __table_args__ = (Index(None, "case_id", "id"),)


class Evidence(Base):
    """One item of evidence as an incident announced it; the bytes are in the evidence store.

    plate_kept: the edge left the plate of the incident's own vehicle readable in it.
    stream: of which of the camera's streams it is, main or substream; None where it has one, and in older rows.
    added_by: who added it, where a person did; such an item stays with its case when an incident goes to another.
    """

    __tablename__ = "evidence"

    id: Mapped[RowNumber]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incidents.id"))
    sha256: Mapped[Hash] = mapped_column(index=True)
    role: Mapped[Name]
    media_type: Mapped[Text]
    size_bytes: Mapped[int] = mapped_column(BigInteger())
    taken_at: Mapped[datetime]
    state: Mapped[Name]
    reason: Mapped[Text | None]
    plate_kept: Mapped[bool]
    stream: Mapped[Name | None]
    added_by: Mapped[Text | None]

    __table_args__ = (UniqueConstraint("incident_id", "sha256", "role"),)


class HistoryLine(Base):
    """What happened to a case, who did it, and the request that asked for it."""

    __tablename__ = "history"

    id: Mapped[RowNumber]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    at: Mapped[datetime]
    actor: Mapped[Text]
    action: Mapped[Name]
    details: Mapped[JsonObject] = mapped_column(JSON)
    request_id: Mapped[Name | None]

    __table_args__ = (Index(None, "case_id", "id"),)


class CaseCounter(Base):
    """How many cases a district filed on one local day (``YYYYMMDD``)."""

    __tablename__ = "case_counters"

    district: Mapped[Name] = mapped_column(primary_key=True)
    day: Mapped[Name] = mapped_column(primary_key=True)
    last: Mapped[int]
