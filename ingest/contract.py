"""What an edge and the centre say to each other: events, evidence, answers, status and requests.

Unknown fields are ignored here, so that an older side can read a newer one. Additive changes keep
``SCHEMA_VERSION``; anything else raises it, and the golden files in tests/golden must load for ever.
The configuration that an edge pulls is in :mod:`ingest.configuration`, the second half of this contract.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

SCHEMA_VERSION = 1
EVENTS_PER_POST = 500
EVIDENCE_MAX_BYTES = 20_000_000

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""An id that people choose: an edge, a camera, a watch, a kind."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Short = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
"""Texts of others; the character NUL, which databases cannot keep, is no text."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Unit01 = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Point = tuple[Unit01, Unit01]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("expected a moment between the years 1 and 9999 in UTC") from error


Utc = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment with its offset; kept in UTC."""


class Wire(BaseModel):
    """Base of all messages: unknown fields are ignored, values never change after checking."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Phase(StrEnum):
    RAISED = "raised"
    UPDATED = "updated"
    CLEARED = "cleared"


class ClearReason(StrEnum):
    GONE = "gone"
    WITHDRAWN = "withdrawn"
    OUT_OF_HOURS = "out_of_hours"
    PERMITTED = "permitted"
    LOST = "lost"


class SourceType(StrEnum):
    CAMERA = "camera"
    SENSOR = "sensor"
    EDGE = "edge"


class Datum(StrEnum):
    WGS84 = "WGS84"
    GCJ02 = "GCJ02"


class EvidenceRole(StrEnum):
    START = "start"
    CONFIRM = "confirm"
    CROP = "crop"
    WIDE = "wide"
    TIMELAPSE = "timelapse"
    AFTER = "after"
    CHART = "chart"


class EvidenceState(StrEnum):
    PENDING = "pending"
    PRESENT = "present"
    SACRIFICED = "sacrificed"


class Source(Wire):
    """Where an incident was seen; ``preset`` names the view of a camera that turns."""

    type: SourceType
    id: Name
    preset: Name | None = None


class Position(Wire):
    """The ground point of the watch's zone (never of the camera's mast), in degrees."""

    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    datum: Datum = Datum.WGS84
    position_error_m: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class SeenFinding(Wire):
    """One finding behind an event; ``box`` is x1, y1, x2, y2 as shares of width and height."""

    label: Short
    score: Unit01 | None = None
    box: tuple[Unit01, Unit01, Unit01, Unit01] | None = None
    polygon: Annotated[list[Point], Field(min_length=3, max_length=200)] | None = None

    @model_validator(mode="after")
    def _box_is_ordered(self) -> Self:
        if self.box and not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise ValueError(f"box needs x1 < x2 and y1 < y2, got {list(self.box)}")
        return self


class EventReading(Wire):
    """The measured value behind a sensor's event and the threshold that it was held against."""

    value: Finite
    unit: Short | None = None
    threshold: Finite | None = None


class EvidenceItem(Wire):
    """A picture, clip or chart, named by the sha256 of its bytes; the bytes travel on their own.

    ``plate_kept`` marks the one crop in which the incident's own vehicle shows its plate: fewer people may see it.
    """

    sha256: Sha256
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,20}/[a-z0-9.+-]{1,60}$")]
    size_bytes: Annotated[int, Field(gt=0, le=EVIDENCE_MAX_BYTES)]
    role: EvidenceRole
    taken_at: Utc
    state: EvidenceState = EvidenceState.PENDING
    reason: Text | None = None
    plate_kept: bool = False

    @model_validator(mode="after")
    def _sacrifice_has_a_reason(self) -> Self:
        if self.state is EvidenceState.SACRIFICED and not self.reason:
            raise ValueError("sacrificed evidence needs a reason")
        return self


class DetectorMark(Wire):
    """Which detector, at which version and with which weights, is behind an event."""

    name: Short
    version: Short | None = None
    weights_sha256: Sha256 | None = None


class Event(Wire):
    """A message about an incident. ``event_id`` never changes over retries, nor ``incident_id`` ever.

    ``dwell_s`` is the observed real time of the stay in seconds, without the gaps that nobody watched;
    ``clock_offset_ms`` is the gateway's clock minus the edge's, as the edge last measured it.
    """

    schema_version: Annotated[int, Field(ge=1)] = SCHEMA_VERSION
    event_id: UUID
    incident_id: UUID
    phase: Phase
    clear_reason: ClearReason | None = None
    edge_id: Name
    source: Source
    kind: Name
    watch_id: Name
    zone: Annotated[list[Point], Field(min_length=3, max_length=100)] | None = None
    position: Position | None = None
    asset_id: Short | None = None
    first_seen_at: Utc
    occurred_at: Utc
    sent_at: Utc | None = None
    clock_offset_ms: int | None = None
    dwell_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    score: Unit01 | None = None
    findings: Annotated[list[SeenFinding], Field(max_length=100)] = []
    reading: EventReading | None = None
    evidence: Annotated[list[EvidenceItem], Field(max_length=50)] = []
    detector: DetectorMark | None = None

    @model_validator(mode="after")
    def _reason_goes_with_cleared(self) -> Self:
        if (self.phase is Phase.CLEARED) != (self.clear_reason is not None):
            raise ValueError("clear_reason belongs to phase cleared, and only to it")
        return self

    def as_cloudevent(self) -> dict[str, Any]:
        """Returns this event as a CloudEvents 1.0 structured-mode envelope."""
        return {
            "specversion": "1.0",
            "id": str(self.event_id),
            "source": f"/edges/{self.edge_id}/{self.source.type}/{self.source.id}",
            "type": f"streetcase.incident.{self.phase}.v{self.schema_version}",
            "subject": str(self.incident_id),
            "time": self.occurred_at.isoformat(),
            "datacontenttype": "application/json",
            "data": self.model_dump(mode="json", exclude_none=True),
        }


def without_envelope(message: Any) -> Any:
    """Returns the event inside a CloudEvents 1.0 envelope, or ``message`` itself where there is none."""
    if isinstance(message, dict) and "specversion" in message and "data" in message:
        return message["data"]
    return message


class Answer(StrEnum):
    """What the gateway did with one event; the edge keeps, parks or quarantines it accordingly."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    HELD = "held"
    REFUSED = "refused"


class EventAnswer(Wire):
    """``event_id`` is None only where the message was too broken to carry one; ``position`` is its place."""

    position: Annotated[int, Field(ge=0)]
    event_id: UUID | None = None
    answer: Answer
    reason: str | None = None


class PostAnswer(Wire):
    """The gateway's 202: one answer per event, in order, and the stream's epoch.

    When ``stream_epoch`` differs from the last one, the edge sends again what it keeps from ``resend_from`` on.
    """

    answers: list[EventAnswer]
    stream_epoch: str
    resend_from: Utc | None = None


class CameraState(StrEnum):
    STARTING = "starting"
    LIVE = "live"
    LOST = "lost"
    BLIND = "blind"
    ENDED = "ended"


class CameraStatus(Wire):
    """``fault`` is the typed cause while lost or blind; ``looks_behind_s`` grows when the box is overloaded."""

    id: Name
    state: CameraState
    fault: Text | None = None
    last_look_at: Utc | None = None
    looks: Annotated[int, Field(ge=0)] = 0
    looks_behind_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    reading_by: Literal["keyframes", "substream", "asked", "rarer", "continuous"] | None = None


class SensorStatus(Wire):
    id: Name
    last_reading_at: Utc | None = None
    readings: Annotated[int, Field(ge=0)] = 0
    refused: Annotated[int, Field(ge=0)] = 0
    fault: Text | None = None


class WatchStatus(Wire):
    """Shows that a watch is alive: how often it was judged, and in how many of those looks something was there."""

    id: Name
    judged: Annotated[int, Field(ge=0)] = 0
    with_findings: Annotated[int, Field(ge=0)] = 0
    open_incidents: Annotated[int, Field(ge=0)] = 0


class Backlog(Wire):
    """What still waits in the outbox; ``oldest_at`` is the oldest event not yet accepted."""

    events: Annotated[int, Field(ge=0)] = 0
    evidence_items: Annotated[int, Field(ge=0)] = 0
    evidence_bytes: Annotated[int, Field(ge=0)] = 0
    held: Annotated[int, Field(ge=0)] = 0
    refused: Annotated[int, Field(ge=0)] = 0
    sacrificed: Annotated[int, Field(ge=0)] = 0
    oldest_at: Utc | None = None


class EdgeStatus(Wire):
    """``PUT /ingest/v1/edges/me/status``, every 30 s. ``load`` is the share of one core in use, per core."""

    schema_version: Annotated[int, Field(ge=1)] = SCHEMA_VERSION
    edge_id: Name
    version: Text
    sent_at: Utc
    started_at: Utc
    load: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    memory_mb: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    clock_offset_ms: int | None = None
    configuration_revision: Text | None = None
    cameras: Annotated[list[CameraStatus], Field(max_length=1000)] = []
    sensors: Annotated[list[SensorStatus], Field(max_length=50_000)] = []
    watches: Annotated[list[WatchStatus], Field(max_length=50_000)] = []
    backlog: Backlog = Backlog()
    open_incidents: list[UUID] = []


class RequestType(StrEnum):
    SNAPSHOT = "snapshot"
    LOOK_NOW = "look_now"
    TRY_WATCH = "try_watch"


class EdgeRequest(Wire):
    """Something that the centre asks of an edge, taken by long poll from ``.../edges/me/requests``.

    ``watch`` is the draft that ``try_watch`` tries on the last hour's looks (see ingest.configuration.Watch).
    """

    request_id: UUID
    type: RequestType
    camera: Name
    watch: dict[str, Any] | None = None
    expires_at: Utc


class RequestResult(Wire):
    """The body of ``PUT .../requests/{id}/result``; ``would_have_raised`` answers ``try_watch``."""

    request_id: UUID
    ok: bool
    error: Text | None = None
    evidence: list[EvidenceItem] = []
    findings: list[SeenFinding] = []
    would_have_raised: Annotated[int, Field(ge=0)] | None = None
    looks_tried: Annotated[int, Field(ge=0)] | None = None
