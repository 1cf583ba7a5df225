"""What the API shows of cases, and what it is told about them by people."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from api.cases.second_look import SecondLook
from api.cases.states import CaseState


class Shown(BaseModel):
    """Base of what is shown; read straight from a row of the same names."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class ShownKind(Shown):
    """A kind with its local code, a string under its scheme."""

    key: str
    name_en: str
    name_zh: str
    code_class: str
    code_scheme: str | None
    code: str | None
    department: str
    limit: float
    limit_unit: str
    safety: bool
    keep_plate: bool


class ShownPosition(Shown):
    """longitude, latitude: WGS-84, degrees. given_*: as it was reported, in ``given_datum``."""

    longitude: float
    latitude: float
    position_error_m: float | None
    given_longitude: float
    given_latitude: float
    given_datum: str


class CaseSummary(Shown):
    """A case without what is in it; ``version`` goes into If-Match when somebody decides on it.

    edge_id, watch_id: None where a person reported first; then ``channel``, ``reporter``, ``address`` say how.
    stage_due_at, handle_due_at, close_due_at: None while nothing is due, as while the clock is paused.
    """

    id: UUID
    number: str | None
    state: CaseState
    version: int
    kind: ShownKind
    detected_kind: str
    condition_key: str | None
    department: str
    grid_id: str | None
    assignee_id: UUID | None
    urgent: bool
    supervised: bool
    exempt: bool
    still_there: bool
    edge_id: str | None
    watch_id: str | None
    source_type: str
    source_id: str
    preset: str | None
    channel: str | None
    reporter: str | None
    description: str | None
    address: str | None
    asset_id: str | None
    position: ShownPosition | None
    first_seen_at: datetime
    last_seen_at: datetime
    dwell_s: float | None
    score: float | None
    incidents_count: int
    reports_count: int
    gone_at: datetime | None
    created_at: datetime
    filed_at: datetime | None
    dispatched_at: datetime | None
    handled_at: datetime | None
    closed_at: datetime | None
    stage: str | None
    stage_due_at: datetime | None
    handle_due_at: datetime | None
    close_due_at: datetime | None
    rejected_reason: str | None
    muted_until: datetime | None


class ShownClocks(Shown):
    """The stage whose clock runs (accept, dispatch, handle, check), and what was counted since the case was made.

    limit, limit_unit: of the handling, fixed at the dispatch. stage_limit: with extensions. remaining_s: what was left
    when it was paused, in seconds that its unit counts, negative once overdue. escalation: the last level reached.
    """

    stage: str | None
    stage_started_at: datetime | None
    stage_due_at: datetime | None
    stage_limit: float | None
    stage_limit_unit: str | None
    paused_at: datetime | None
    remaining_s: float | None
    overdue: bool
    overdue_at: datetime | None
    escalation: int
    limit: float | None
    limit_unit: str | None
    handle_due_at: datetime | None
    close_due_at: datetime | None
    rework_count: int
    return_count: int
    extension_count: int
    suspension_count: int
    reopened_count: int


class CaseForActing(CaseSummary):
    """A case with its clocks, and the acts that whoever asks may do to it now; assignee: by name."""

    clocks: ShownClocks
    assignee: str | None
    allowed_acts: list[str]


class ShownIncident(Shown):
    """muted: it looks like what was rejected, and is only counted. box: where it was last seen, normalised xyxy.

    recurs: the earlier incident of the same thing, where the edge saw it return.
    """

    id: UUID
    kind_key: str
    watch_id: str
    muted: bool
    recurs: UUID | None
    box: list[float] | None
    source_type: str
    source_id: str
    first_seen_at: datetime
    last_seen_at: datetime
    dwell_s: float | None
    score: float | None
    cleared_at: datetime | None
    clear_reason: str | None
    reports_count: int


class ShownEvidence(Shown):
    """state: pending, present, sacrificed by the edge or expired by retention; the ``reason`` says why of the last two.

    plate_kept: looking at it needs the right to see plates, and is written down. added_by: a person, None for an edge.
    stream: of which of its camera's two streams it is, main or substream; None where there is one.
    """

    incident_id: UUID
    sha256: str
    role: str
    media_type: str
    size_bytes: int
    taken_at: datetime
    state: str
    reason: str | None
    plate_kept: bool
    stream: str | None
    added_by: str | None


class CaseDetail(CaseForActing):
    """A case with its latest 200 incidents and 500 items of evidence; ``incidents_count`` counts all.

    second_look: what its cameras and sensors say now; None where people alone reported it, or nothing is in it.
    muted_count: events counted on it after it was rejected. recurrences_count: cases that ended here in the 30 days
    before it. merged_into: the case that it went into.
    """

    second_look: SecondLook | None
    muted_count: int
    recurrences_count: int
    permit_id: UUID | None
    merged_into: UUID | None
    incidents: list[ShownIncident]
    evidence: list[ShownEvidence]


class CasePage(Shown):
    """In the order that was asked for; ``next`` is the cursor of the page after this one, or None at the end."""

    items: list[CaseSummary]
    next: str | None


class ShownCount(Shown):
    """at_least: there are more than ``count``, which is as far as was counted."""

    key: str
    count: int
    at_least: bool


class CaseCounts(Shown):
    """Cases per state, kind, department or grid; cases in no grid are in no count of grids."""

    by: str
    items: list[ShownCount]


class ShownHistoryLine(Shown):
    id: int
    at: datetime
    actor: str
    action: str
    details: dict[str, Any]
    request_id: str | None


class HistoryPage(Shown):
    """Oldest first; ``next`` is the cursor of the page after this one, or None at the end."""

    items: list[ShownHistoryLine]
    next: int | None


class ShownReport(Shown):
    """The way of one event: when it occurred, came in and was recorded, through which stream entry, to what effect."""

    id: int
    report_id: UUID
    incident_id: UUID
    outcome: str
    occurred_at: datetime
    received_at: datetime
    recorded_at: datetime
    stream_entry: str | None
    request_id: str | None
    payload: dict[str, Any]


class ReportPage(Shown):
    """Oldest first; ``next`` is the cursor of the page after this one, or None at the end."""

    items: list[ShownReport]
    next: int | None
