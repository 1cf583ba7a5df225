"""What goes in and out of the case API: reports, cases, their history and evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
"""Free text; PostgreSQL cannot store the character NUL."""

Short = Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00]*$")]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("expected a moment between the years 1 and 9999 in UTC") from error


Utc = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Schema(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ReportedPosition(Schema):
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    datum: Annotated[str, StringConstraints(pattern="^(WGS84|GCJ02)$")] = "WGS84"
    position_error_m: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class ReportedFinding(Schema):
    label: Short
    score: Share | None = None
    box: tuple[Share, Share, Share, Share] | None = None
    polygon: Annotated[list[tuple[Share, Share]], Field(max_length=200)] | None = None


class ReportedReading(Schema):
    value: Finite
    unit: Short | None = None
    threshold: Finite | None = None


class ReportedEvidence(Schema):
    sha256: Sha256
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,20}/[a-z0-9.+-]{1,60}$")]
    size_bytes: Annotated[int, Field(gt=0, le=10**12)]
    role: Annotated[str, StringConstraints(max_length=16, pattern=r"^[^\x00]*$")]
    taken_at: Utc
    state: Annotated[str, StringConstraints(pattern="^(pending|present|sacrificed)$")] = "pending"
    reason: Text | None = None
    plate_kept: bool = False
    stream: Annotated[str, StringConstraints(pattern="^(main|substream)$")] | None = None


class ReportedDetector(Schema):
    name: Short
    version: Short | None = None
    weights_sha256: Sha256 | None = None


class Report(Schema):
    """What ingestion hands to the API about one incident. ``report_id`` is the event's id: it counts once.

    ``stream_entry`` and ``received_at`` tell which way the report took; ``request_id`` runs through the logs.
    ``recurs`` is the earlier incident of the same thing, where it has returned.
    """

    report_id: UUID
    incident_id: UUID
    phase: Annotated[str, StringConstraints(pattern="^(raised|updated|cleared)$")]
    clear_reason: Annotated[str, StringConstraints(pattern="^(gone|withdrawn|out_of_hours|permitted|lost)$")] | None = (
        None
    )
    edge_id: Key
    source_type: Annotated[str, StringConstraints(pattern="^(camera|sensor|edge)$")]
    source_id: Key
    preset: Key | None = None
    kind: Key
    watch_id: Key
    zone: Annotated[list[tuple[Share, Share]], Field(max_length=100)] | None = None
    position: ReportedPosition | None = None
    asset_id: Short | None = None
    first_seen_at: Utc
    occurred_at: Utc
    sent_at: Utc | None = None
    received_at: Utc
    stream_entry: Short | None = None
    request_id: Short | None = None
    dwell_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    recurs: UUID | None = None
    score: Share | None = None
    findings: Annotated[list[ReportedFinding], Field(max_length=100)] = []
    reading: ReportedReading | None = None
    evidence: Annotated[list[ReportedEvidence], Field(max_length=50)] = []
    detector: ReportedDetector | None = None

    @model_validator(mode="after")
    def _reason_goes_with_cleared(self) -> Self:
        if (self.phase == "cleared") != (self.clear_reason is not None):
            raise ValueError("clear_reason belongs to phase cleared, and only to it")
        return self


class ReportOutcome(StrEnum):
    NEW_CASE = "new_case"
    JOINED = "joined"
    COUNTED = "counted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class ReportAnswer(Schema):
    """What became of one report; ``reason`` says why it was refused.

    Answers come in the order of the reports; a report too broken to carry an id is answered with the nil UUID.
    """

    report_id: UUID
    outcome: ReportOutcome
    case_id: UUID | None = None
    reason: str | None = None


class ReportCount(Schema):
    """The answer of ``GET /internal/v1/reports/count``."""

    reports: Annotated[int, Field(ge=0)]


UNKNOWN_KEY = "unknown_key"
"""The code in the answer to an edge key that nobody holds, told so from the 404 of a wrong address."""


class EdgeIdentity(Schema):
    """Whom an edge key belongs to."""

    edge_id: Key
    key_id: UUID


class EdgeKeyShown(Schema):
    """The body of ``POST /internal/v1/edges/authenticate``."""

    key: Annotated[str, StringConstraints(max_length=200)] = Field(repr=False)


UNKNOWN_TOKEN = "unknown_token"  # noqa: S105 (a word of answers)
"""The code in the answer to a one-time token that is not in force, told so from the 404 of a wrong address."""


class EdgeTokenShown(Schema):
    """The body of ``POST /api/v1/edges/register`` and of the gateway's door for it."""

    token: Annotated[str, StringConstraints(max_length=200)] = Field(repr=False)


class RegisteredEdge(Schema):
    """What a box gets for its one-time token; ``key`` is shown this once."""

    edge_id: Key
    key: Annotated[str, StringConstraints(max_length=300)] = Field(repr=False)


class EdgeConfigurationKept(Schema):
    """What an edge is to watch; ``revision`` is another whenever ``body`` is."""

    revision: Short
    body: dict[str, Any]


EdgeRequestType = Literal["snapshot", "look_now", "try_watch"]


class OpenEdgeRequest(Schema):
    """Something asked of an edge that has neither been answered nor expired."""

    request_id: UUID
    edge_id: Key
    type: EdgeRequestType
    camera: Key
    watch: dict[str, Any] | None = None
    expires_at: Utc


class EdgeRequestResult(Schema):
    """What an edge answered; its lists are bounded by the size of the body alone."""

    ok: bool
    error: Text | None = None
    evidence: list[ReportedEvidence] = []
    findings: list[ReportedFinding] = []
    would_have_raised: Annotated[int, Field(ge=0)] | None = None
    looks_tried: Annotated[int, Field(ge=0)] | None = None


class ResultOutcome(StrEnum):
    """``kept`` also where an answer was there before, which stays."""

    KEPT = "kept"
    UNKNOWN = "unknown"
    EXPIRED = "expired"


class ResultAnswer(Schema):
    outcome: ResultOutcome


Count = Annotated[int, Field(ge=0)]


class Ailing(Schema):
    """A camera or sensor that does not work as it should; ``state`` is a camera's."""

    id: Key
    state: Short | None = None
    fault: Text | None = None


class BacklogShort(Schema):
    """What waits in an edge's outbox, as the edge counted it; ``oldest_at`` is the oldest event not yet accepted."""

    events: Count = 0
    evidence_items: Count = 0
    evidence_bytes: Count = 0
    held: Count = 0
    refused: Count = 0
    sacrificed: Count = 0
    oldest_at: Utc | None = None
    uncommitted: Count = 0
    used_bytes: Count | None = None
    budget_bytes: Count | None = None
    fault: Text | None = None


AILING_MAX = 50


class EdgeStatusShort(Schema):
    """An edge's status without what is well: cameras are counted by state, and only the first ailing are named."""

    version: Text
    sent_at: Utc
    started_at: Utc
    load: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    memory_mb: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    clock_offset_ms: int | None = None
    configuration_revision: Text | None = None
    configuration_fault: Text | None = None
    cameras: Annotated[dict[Short, Count], Field(max_length=20)] = {}
    ailing_cameras: Annotated[list[Ailing], Field(max_length=AILING_MAX)] = []
    sensors: Count = 0
    ailing_sensors: Annotated[list[Ailing], Field(max_length=AILING_MAX)] = []
    watches: Count = 0
    open_incidents: Count = 0
    backlog: BacklogShort = BacklogShort()


STATUSES_PER_PUT = 500


class EdgeStatusReport(Schema):
    """One edge's last status, and when the gateway took it."""

    edge_id: Key
    received_at: Utc
    status: EdgeStatusShort
