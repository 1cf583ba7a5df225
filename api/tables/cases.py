"""The tables of cases: the case, its incidents, the reports behind them, its evidence, its history."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.cases.states import CaseState
from api.tables.base import Base, Count, Hash, JsonObject, Name, RowNumber, Text, Uuid7Key, word_type


class Watch(Base):
    """One watch of one edge. Whoever reports on it locks this row, so that one thing wrong becomes one case."""

    __tablename__ = "watches"

    edge_id: Mapped[Name] = mapped_column(primary_key=True)
    watch_id: Mapped[Name] = mapped_column(primary_key=True)


class Case(Base):
    """What the city handles. Its ``id`` sorts by time; ``number`` is minted when it is filed.

    longitude, latitude: WGS-84, degrees; ``given_*``: as reported, in ``given_datum``.
    gone_at: set while every incident in it has cleared as gone.
    version: counts what people decided on it; machine reports leave it alone.
    """

    __tablename__ = "cases"

    id: Mapped[Uuid7Key]
    number: Mapped[Name | None] = mapped_column(unique=True)
    state: Mapped[CaseState] = mapped_column(word_type(CaseState))
    version: Mapped[int] = mapped_column(default=1)
    kind_key: Mapped[Name] = mapped_column(ForeignKey("kinds.key"))
    detected_kind_key: Mapped[Name] = mapped_column(ForeignKey("kinds.key"))
    department: Mapped[Name]
    edge_id: Mapped[Name]
    watch_id: Mapped[Name]
    source_type: Mapped[Name]
    source_id: Mapped[Name]
    preset: Mapped[Name | None]
    asset_id: Mapped[Name | None]
    longitude: Mapped[float | None]
    latitude: Mapped[float | None]
    position_error_m: Mapped[float | None]
    given_longitude: Mapped[float | None]
    given_latitude: Mapped[float | None]
    given_datum: Mapped[Name | None]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    dwell_s: Mapped[float | None]
    score: Mapped[float | None]
    incidents_count: Mapped[Count]
    reports_count: Mapped[Count]
    gone_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    filed_at: Mapped[datetime | None]
    rejected_reason: Mapped[Text | None]

    __table_args__ = (
        Index(None, "edge_id", "watch_id", "state"),
        Index(None, "state", "id"),
        Index(None, "department", "id"),
    )


class Incident(Base):
    """One thing wrong, as one edge followed it; ``cleared_*`` are set while nothing was seen after it cleared."""

    __tablename__ = "incidents"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
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
