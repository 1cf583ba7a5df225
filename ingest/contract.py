"""What an edge and the centre say to each other about incidents: events, evidence, answers.

Unknown fields are ignored here, so that an older side can read a newer one. Additive changes keep
``SCHEMA_VERSION``; anything else raises it, and the golden files in tests/golden must load for ever.
What they say about the edge itself is in :mod:`ingest.edge_messages`, the configuration that an edge pulls in
:mod:`ingest.configuration`: the other parts of this contract.
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

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""An id that people choose: an edge, a camera, a watch, a kind."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Short = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
"""Texts of others; the character NUL, which databases cannot keep, is no text."""

StreamName = Literal["main", "substream"]
"""Which of a camera's two streams: the smaller one is looked at, the main one gives the evidence."""

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
    ``stream`` says which of a camera's two streams it was taken from; a camera with one, or a chart, has none.
    """

    sha256: Sha256
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,20}/[a-z0-9.+-]{1,60}$")]
    size_bytes: Annotated[int, Field(gt=0, le=EVIDENCE_MAX_BYTES)]
    role: EvidenceRole
    taken_at: Utc
    state: EvidenceState = EvidenceState.PENDING
    reason: Text | None = None
    plate_kept: bool = False
    stream: StreamName | None = None

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
    ``clock_offset_ms`` is the gateway's clock minus the edge's, as the edge last measured it. ``recurs`` names the
    earlier, cleared incident of the same thing, where it has returned.
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
    recurs: UUID | None = None
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


EPOCH_HEADER = "Streetcase-Epoch"
"""In a POST of events: the last ``stream_epoch`` that the edge knows, so that it is asked for no more than needed."""


class PostAnswer(Wire):
    """The gateway's 202: one answer per event, in order, and the stream's epoch.

    When ``stream_epoch`` differs from the last one, the edge sends again what was accepted since ``resend_from``, a
    moment of the centre's clock; where that is None, everything that it keeps.
    """

    answers: list[EventAnswer]
    stream_epoch: str
    resend_from: Utc | None = None


EVIDENCE_PER_QUESTION = 500


class EvidenceQuestion(Wire):
    """The body of ``POST /ingest/v1/evidence/missing``: which of these does the centre not have?"""

    sha256s: Annotated[list[Sha256], Field(max_length=EVIDENCE_PER_QUESTION)]


class EvidenceMissing(Wire):
    """Its answer: those that still have to be sent, in the order of the question."""

    missing: list[Sha256]
