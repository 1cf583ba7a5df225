"""What goes in and out of the API. Written by ``python -m scripts.typed_client``; not to be edited."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """What a newer API says beyond it is left out."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True, protected_namespaces=())


class AskType(StrEnum):
    """extension: the original limit once more. suspension: the clock rests until the case is resumed."""

    EXTENSION = "extension"
    SUSPENSION = "suspension"


class CaseState(StrEnum):
    DETECTED = "detected"
    REJECTED = "rejected"
    EXPIRED = "expired"
    FILED = "filed"
    DISPATCHED = "dispatched"
    HANDLING = "handling"
    SUSPENDED = "suspended"
    RETURNED = "returned"
    HANDLED = "handled"
    CHECKING = "checking"
    CLOSED = "closed"
    VOID = "void"
    MERGED = "merged"


class Channel(StrEnum):
    """How a person's report came in."""

    HANDHELD = "handheld"
    HOTLINE = "hotline"
    PATROL = "patrol"
    OTHER = "other"


class CheckedBy(StrEnum):
    """camera: it saw that the thing is gone. person: somebody went there, or looked at pictures of it."""

    CAMERA = "camera"
    PERSON = "person"


class CountBy(StrEnum):
    STATE = "state"
    KIND = "kind"
    DEPARTMENT = "department"
    GRID = "grid"


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class EdgeRequestState(StrEnum):
    OPEN = "open"
    EXPIRED = "expired"
    ANSWERED = "answered"


class ExportFormat(StrEnum):
    CSV = "csv"
    GEOJSON = "geojson"


class Format(StrEnum):
    HTML = "html"
    CSV = "csv"
    XLSX = "xlsx"


class GroupBy(StrEnum):
    DEPARTMENT = "department"
    GRID = "grid"
    DISTRICT = "district"
    KIND = "kind"
    CAMERA = "camera"
    WATCH = "watch"
    EDGE = "edge"
    MODEL = "model"


class Language(StrEnum):
    ZH = "zh"
    EN = "en"


class LimitUnit(StrEnum):
    """hour, day and urgent_hour run on at night and on holidays; work_hour and workday count working time ..."""

    HOUR = "hour"
    DAY = "day"
    URGENT_HOUR = "urgent_hour"
    WORK_HOUR = "work_hour"
    WORKDAY = "workday"


class PeriodKind(StrEnum):
    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class ReportOutcome(StrEnum):
    NEW_CASE = "new_case"
    JOINED = "joined"
    COUNTED = "counted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class RoadClass(StrEnum):
    """In Chinese 高速公路, 国道, 省道, 县道, 乡道和村道, 城市道路; all but the last are highways (公路)."""

    EXPRESSWAY = "expressway"
    NATIONAL = "national"
    PROVINCIAL = "provincial"
    COUNTY = "county"
    RURAL = "rural"
    CITY_STREET = "city-street"


class Role(StrEnum):
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    HANDLER = "handler"
    INTEGRATOR = "integrator"
    ADMINISTRATOR = "administrator"
    EDGE_KEY = "edge_key"
    ANONYMOUS = "anonymous"
    SERVICE = "service"


class Scope(StrEnum):
    """Whose figures a caller sees: everybody's, the own department's, or only what became of alarms."""

    ALL = "all"
    DEPARTMENT = "department"
    REVIEW = "review"


class SecondLook(StrEnum):
    """gone: all of it was seen to go; the only one that proposes closing. still_there: seen after it was ..."""

    GONE = "gone"
    STILL_THERE = "still_there"
    UNKNOWN = "unknown"
    NO_LONGER_WATCHED = "no_longer_watched"
    SEEN = "seen"


class Sort(StrEnum):
    """newest: last recorded first. due: whose running stage ends first; without those that have no clock ..."""

    NEWEST = "newest"
    DUE = "due"
    REVIEW = "review"


class AddedPicture(Model):
    evidence: ShownEvidence
    case: CaseForActing


class AddedWebhook(Model):
    """secret: signs what is sent, as Standard Webhooks say; shown this once."""

    id: UUID
    url: str
    events: list[str] | None
    kinds: list[str] | None
    paused: bool
    after: int
    created_at: datetime
    created_by: str
    secret: str


class Ailing(Model):
    """A camera or sensor that does not work as it should; ``state`` is a camera's."""

    id: str
    state: str | None = None
    fault: str | None = None


class AskAnswer(Model):
    """The ask as it stands now, and the case."""

    ask: ShownAsk
    case: CaseForActing


class AskDecision(Model):
    granted: bool
    version: int | None = None
    note: str | None = None


class Asking(Model):
    type: AskType
    reason: str
    version: int | None = None


class AssetImportAnswer(Model):
    """How many were added, changed, or were there as they are; the same for a ``dry_run``."""

    dry_run: bool
    added: int
    changed: int
    unchanged: int


class AssetPage(Model):
    """``next`` is the ``after`` of the next page, None on the last."""

    items: list[ShownAsset]
    next: str | None


class Assigning(Model):
    """assignee: the name of an operator, supervisor or handler; null for nobody."""

    assignee: str | None
    version: int | None = None


class AuditPage(Model):
    """next: give it as ``before`` for the rows that are older; none where there are none."""

    items: list[ShownAuditRow]
    next: int | None


class BacklogShort(Model):
    """What waits in an edge's outbox, as the edge counted it; ``oldest_at`` is the oldest event not yet ..."""

    events: int | None = None
    evidence_items: int | None = None
    evidence_bytes: int | None = None
    held: int | None = None
    refused: int | None = None
    sacrificed: int | None = None
    oldest_at: datetime | None = None
    uncommitted: int | None = None
    used_bytes: int | None = None
    budget_bytes: int | None = None
    fault: str | None = None


class Batch(Model):
    """The same act on up to 100 cases, each on its own merits; ``reason`` is needed to reject."""

    act: Literal["confirm", "reject", "dispatch"]
    items: list[BatchItem]
    reason: str | None = None
    department: str | None = None


class BatchAnswer(Model):
    """What became of one item: ``status`` as if it had been asked alone; after a conflict the case as it ..."""

    id: UUID
    status: int
    detail: str | None = None
    state: CaseState | None = None
    version: int | None = None
    number: str | None = None
    allowed_acts: list[str] | None = None


class BatchItem(Model):
    id: UUID
    version: int | None = None


class CalendarWithDays(Model):
    name: str
    time_zone: str
    hours: list[list[str]]
    weekdays: list[int]
    key: str
    days: list[DayRow]


class CameraPage(Model):
    """``next`` is the ``after`` of the next page, None on the last."""

    items: list[ShownCamera]
    next: str | None


class CaseCounts(Model):
    """Cases per state, kind, department or grid; cases in no grid are in no count of grids."""

    by: str
    items: list[ShownCount]


class CaseDetail(Model):
    """A case with its latest 200 incidents and 500 items of evidence; ``incidents_count`` counts all. ..."""

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
    clocks: ShownClocks
    assignee: str | None
    allowed_acts: list[str]
    second_look: SecondLook | None
    muted_count: int
    recurrences_count: int
    permit_id: UUID | None
    merged_into: UUID | None
    incidents: list[ShownIncident]
    evidence: list[ShownEvidence]


class CaseEvent(Model):
    """One thing that happened to a case; ``id`` counts up and is never used again. event, at: what ..."""

    id: int
    event: str
    at: datetime
    case_id: UUID
    number: str | None
    state: CaseState
    version: int
    kind: str
    department: str
    grid_id: str | None


class CaseEventPage(Model):
    """Oldest first. ``next``: what to give as ``last_event_id`` for all that comes after; ``more`` may be ..."""

    items: list[CaseEvent]
    next: int
    more: bool


class CaseForActing(Model):
    """A case with its clocks, and the acts that whoever asks may do to it now; assignee: by name."""

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
    clocks: ShownClocks
    assignee: str | None
    allowed_acts: list[str]


class CasePage(Model):
    """In the order that was asked for; ``next`` is the cursor of the page after this one, or None at the ..."""

    items: list[CaseSummary]
    next: str | None


class CaseSummary(Model):
    """A case without what is in it; ``version`` goes into If-Match when somebody decides on it. edge_id ..."""

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


class CatalogueKind(Model):
    """A kind with all that governs it. A retired one is offered to nobody, but cases keep it."""

    name_en: str
    name_zh: str
    code_class: Literal["event", "component", "none"]
    seen_by: str
    policy: Literal["same", "any", "area"]
    dwell_s: float
    clear_s: float
    limit: float
    limit_unit: LimitUnit
    department: str
    family: str
    join_m: float
    join_h: float
    join_by_watch: bool
    mute_h: float
    keep_plate: bool
    safety: bool
    key: str
    retired: bool
    code_scheme: str | None = None
    code: str | None = None
    note: str | None = None


class Closing(Model):
    """checked_by camera: it saw that the thing is gone. person: needs a ``note`` of what the person saw."""

    checked_by: CheckedBy
    version: int | None = None
    note: str | None = None


class Comment(Model):
    text: str


class ConditionFields(Model):
    """Under which condition a case is filed and closed; without a limit of its own the kind's holds."""

    filed_when_en: str
    filed_when_zh: str
    closed_when_en: str | None = None
    closed_when_zh: str | None = None
    limit: float | None = None
    limit_unit: LimitUnit | None = None


class ConditionRow(Model):
    filed_when_en: str
    filed_when_zh: str
    kind_key: str
    key: str
    closed_when_en: str | None = None
    closed_when_zh: str | None = None
    limit: float | None = None
    limit_unit: LimitUnit | None = None


class Confirmation(Model):
    """condition_key: the condition of its kind under which it is filed."""

    version: int | None = None
    condition_key: str | None = None


class CsvBodyImportAnswer(Model):
    """What an import changed, or would have. retired: no longer in use, but something still names them."""

    rows: int
    added: int
    changed: int
    unchanged: int
    removed: int
    retired: int
    dry_run: bool


class DayRow(Model):
    """A day that is not what its weekday says; working 0 is a holiday, 1 a make-up working day."""

    day: str
    working: bool
    name: str


class DeliveryPage(Model):
    """Newest first; ``next`` is the ``before`` of the page after this one, or None at the end."""

    items: list[ShownDelivery]
    next: int | None


class DispatchOrder(Model):
    """department: the case's own where it is left out."""

    version: int | None = None
    department: str | None = None


class EdgePage(Model):
    """``next`` is the ``after`` of the next page, None on the last."""

    items: list[ShownEdge]
    next: str | None


class EdgeRequestResult(Model):
    """What an edge answered; its lists are bounded by the size of the body alone."""

    ok: bool
    error: str | None = None
    evidence: list[ReportedEvidence] | None = None
    findings: list[ReportedFinding] | None = None
    would_have_raised: int | None = None
    looks_tried: int | None = None


class EdgeStatusShort(Model):
    """An edge's status without what is well: cameras are counted by state, and only the first ailing are ..."""

    version: str
    sent_at: datetime
    started_at: datetime
    load: float | None = None
    memory_mb: float | None = None
    clock_offset_ms: int | None = None
    configuration_revision: str | None = None
    configuration_fault: str | None = None
    cameras: dict[str, Any] | None = None
    ailing_cameras: list[Ailing] | None = None
    sensors: int | None = None
    ailing_sensors: list[Ailing] | None = None
    watches: int | None = None
    open_incidents: int | None = None
    backlog: BacklogShort | None = None


class EdgeTokenShown(Model):
    """The body of ``POST /api/v1/edges/register`` and of the gateway's door for it."""

    token: str


class EnrolledEdge(Model):
    """``key`` is shown this once."""

    edge_id: str
    key_id: UUID
    key: str


class EscalationRow(Model):
    """``share`` of a stage's limit after which ``level`` is reached, and a word for who is told."""

    stage: Literal["accept", "dispatch", "handle", "check"]
    level: int
    share: float
    tells: str


class Figures(Model):
    """score: of a hundred points; null where no part of it has a rate."""

    counts: ShownCounts
    rates: ShownRates
    score: float | None


class Finishing(Model):
    version: int | None = None
    note: str | None = None


class Flagging(Model):
    """Sets the flags that are named; one at least."""

    reason: str
    version: int | None = None
    urgent: bool | None = None
    supervised: bool | None = None
    exempt: bool | None = None


class FreeCode(Model):
    scheme: str
    code_class: Literal["event", "component"]
    code: str


class Geometry(Model):
    """GeoJSON; positions are longitude and latitude, degrees."""

    type: Literal["LineString", "MultiLineString", "Polygon", "MultiPolygon"]
    coordinates: list[Any]


class GivenAssignment(Model):
    """Who handles this kind, on this class of road, in this grid; what is left out stands for any. One is ..."""

    department: str
    kind: str | None = None
    road_class: RoadClass | None = None
    grid_id: str | None = None


class GivenCamera(Model):
    """position: of the ground that it sees, which serves where a report has none; not of its mast."""

    name: str
    position: GivenPoint | None = None
    presets: list[str] | None = None
    note: str | None = None


class GivenDepartment(Model):
    name_en: str
    name_zh: str
    retired: bool | None = None


class GivenPermit(Model):
    """daily_from, daily_until: local times of the site; where the second is not later, it is the next ..."""

    name: str
    kinds: list[str]
    area: dict[str, Any]
    from_at: datetime
    until_at: datetime
    holder: str | None = None
    datum: Literal["WGS84", "GCJ02"] | None = None
    daily_from: str | None = None
    daily_until: str | None = None
    weekdays: list[int] | None = None


class GivenPoint(Model):
    """A position, degrees, in ``datum``."""

    longitude: float
    latitude: float
    datum: Literal["WGS84", "GCJ02"] | None = None


class GivenSensor(Model):
    """asset_id: the component that it watches."""

    name: str
    position: GivenPoint | None = None
    asset_id: str | None = None
    note: str | None = None


class GridCollection(Model):
    """datum: of the coordinates, which are kept in WGS-84."""

    datum: Literal["WGS84", "GCJ02"]
    features: list[GridFeature]
    type: Literal["FeatureCollection"] | None = None


class GridFeature(Model):
    id: str
    properties: GridProperties
    geometry: Geometry
    type: Literal["Feature"] | None = None


class GridProperties(Model):
    """district: six digits, the first part of the numbers of its cases. One of the names is enough."""

    id: str
    name_en: str
    name_zh: str
    district: str


class GroupFigures(Model):
    key: str
    name_en: str
    name_zh: str
    figures: Figures


class GroupPrecision(Model):
    key: str
    name_en: str
    name_zh: str
    figures: PrecisionFigures


class HistoryPage(Model):
    """Oldest first; ``next`` is the cursor of the page after this one, or None at the end."""

    items: list[ShownHistoryLine]
    next: int | None


class Indicators(Model):
    """groups: those with most cases first; left_out: how many more there are than ``limit``."""

    period: ShownPeriod
    scope: Scope
    by: GroupBy | None
    total: Figures
    groups: list[GroupFigures]
    left_out: int


class KeyPage(Model):
    """next: give it as ``after`` to go on; none at the end."""

    items: list[ShownKey]
    next: UUID | None


class KindFields(Model):
    """What can be edited of a kind. code_class ``none`` has no code; otherwise a code comes with its ..."""

    name_en: str
    name_zh: str
    code_class: Literal["event", "component", "none"]
    seen_by: str
    policy: Literal["same", "any", "area"]
    dwell_s: float
    clear_s: float
    limit: float
    limit_unit: LimitUnit
    department: str
    family: str
    join_m: float
    join_h: float
    join_by_watch: bool
    mute_h: float
    keep_plate: bool
    safety: bool
    code_scheme: str | None = None
    code: str | None = None
    note: str | None = None


class KindGiven(Model):
    kind: str
    version: int | None = None
    condition_key: str | None = None
    reason: str | None = None


class League(Model):
    period: ShownPeriod
    before: ShownPeriod
    scope: Scope
    by: GroupBy
    standings: list[ShownStanding]
    left_out: int


class Linking(Model):
    other_id: UUID
    reason: str | None = None


class Login(Model):
    name: str
    password: str


class MadeKey(Model):
    """``key`` goes into ``Authorization: Bearer``; it is shown this once."""

    id: UUID
    name: str
    scopes: list[str] | None
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    key: str | None = None


class MadeToken(Model):
    """``token`` is shown this once."""

    edge_id: str
    token: str
    expires_at: datetime


class Me(Model):
    """actions: what the caller may do, by the words of rights.csv; a handler, in the own department."""

    name: str
    role: Role
    department: str | None
    grids: list[str] | None
    display_name: str | None
    language: str | None
    actions: list[str]


class Merging(Model):
    """into: the case that goes on."""

    into: UUID
    version: int | None = None


class MyChanges(Model):
    """What is left out stays as it is."""

    display_name: str | None = None
    language: Literal["en", "zh"] | None = None


class NamedDepartment(Model):
    """Names are None for a department of the catalogue that nobody has listed."""

    key: str
    name_en: str | None
    name_zh: str | None


class NamedGrid(Model):
    id: str
    name_en: str
    name_zh: str
    district: str


class NamedPermit(Model):
    """open_until: the end of the window that is open at that moment."""

    id: UUID
    name: str
    open_until: datetime


class NamedRoad(Model):
    id: str
    name: str
    road_class: str


class NewEdge(Model):
    edge_id: str


class NewEdgeRequest(Model):
    """``watch`` is the draft to try on the last hour's looks: for ``try_watch``, and only for it."""

    type: Literal["snapshot", "look_now", "try_watch"]
    camera: str
    watch: dict[str, Any] | None = None
    expires_in_s: int | None = None


class NewIntegratorKey(Model):
    """name: whose key it is; several may have one name. scopes: actions of the rights, none for all of ..."""

    name: str
    scopes: (
        list[
            Literal[
                "places.read",
                "places.edit_cameras_and_watches",
                "model.list",
                "model.install_and_roll_out",
                "model.export_feedback",
                "catalogue.read",
                "dead_letters.read_and_replay",
                "webhooks.manage",
                "open311.read_filed",
                "open311.file_request_with_key",
                "health.live",
                "metrics.read",
                "edge.register",
                "session.open",
                "session.own",
                "api.describe",
            ]
        ]
        | None
    ) = None
    expires_in_days: int | None = None


class NewPerson(Model):
    """A handler needs a department; nobody else has one. grids: which ones the person sees cases of, none ..."""

    name: str
    role: Role
    password: str
    department: str | None = None
    grids: list[str] | None = None
    display_name: str | None = None
    language: Literal["en", "zh"] | None = None


class NewWebhook(Model):
    """events, kinds: which ones to send, null for all."""

    url: str
    events: (
        list[
            Literal[
                "case.ask_decided",
                "case.asked",
                "case.assigned",
                "case.blind",
                "case.check_failed",
                "case.checking",
                "case.closed",
                "case.commented",
                "case.confirmed",
                "case.detected",
                "case.dispatched",
                "case.escalated",
                "case.evidence_added",
                "case.evidence_expired",
                "case.expired",
                "case.flagged",
                "case.gone",
                "case.handled",
                "case.incident_cleared",
                "case.joined",
                "case.kind_changed",
                "case.linked",
                "case.merged",
                "case.merged_here",
                "case.mute_ended",
                "case.muted",
                "case.overdue",
                "case.permitted",
                "case.plate_evidence_read",
                "case.rejected",
                "case.reopened",
                "case.reported",
                "case.resumed",
                "case.returned",
                "case.seen_again",
                "case.sighted",
                "case.split",
                "case.started",
                "case.still_there",
                "case.suspended",
                "case.unmerged",
                "case.voided",
            ]
        ]
        | None
    ) = None
    kinds: list[str] | None = None


class OpenedSession(Model):
    """``token`` goes into ``Authorization: Bearer``; it is shown this once."""

    token: str
    expires_at: datetime
    name: str
    role: Role
    department: str | None


class PasswordChange(Model):
    present: str
    new: str


class PermitPage(Model):
    """``next`` is the ``after`` of the next page, None on the last."""

    items: list[ShownPermit]
    next: UUID | None


class PersonChanges(Model):
    """What is left out stays as it is; null takes a department, grids, a display name or a language away."""

    role: Role | None = None
    department: str | None = None
    grids: list[str] | None = None
    display_name: str | None = None
    language: Literal["en", "zh"] | None = None


class PersonPage(Model):
    """next: give it as ``after`` to go on; none at the end."""

    items: list[ShownPerson]
    next: str | None


class PersonReport(Model):
    """What a person says is wrong; ``report_id`` makes it safe to send again. position: where it is ..."""

    source: Channel
    kind: str
    report_id: UUID | None = None
    description: str | None = None
    position: ReportedPosition | None = None
    address: str | None = None
    asset_id: str | None = None
    occurred_at: datetime | None = None
    reporter: str | None = None
    photos: list[str] | None = None
    file_at_once: bool | None = None


class PlacesImportAnswer(Model):
    """What an import changed, or would have changed where it was a ``dry_run``."""

    dry_run: bool
    added: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: int


class Point(Model):
    longitude: float
    latitude: float


class PrecisionAnswer(Model):
    """groups: those with most rejected alarms first. review_s: what one review is taken to cost an ..."""

    period: ShownPeriod
    by: GroupBy
    review_s: float
    total: PrecisionFigures
    groups: list[GroupPrecision]
    left_out: int


class PrecisionFigures(Model):
    """kind_changed: confirmed under another kind. muted_events: spared by mutes of the alarms rejected ..."""

    confirmed: int
    rejected: int
    precision: ShownRate
    kind_changed: int
    muted_events: int
    median_decision_s: int | None
    minutes_on_wrong: float


class Reasoned(Model):
    reason: str
    version: int | None = None


class RegisteredEdge(Model):
    """What a box gets for its one-time token; ``key`` is shown this once."""

    edge_id: str
    key: str


class Removal(Model):
    """retired: something still names it, or it belongs to the default catalogue, which would bring it ..."""

    outcome: Literal["removed", "retired"]


class ReportAnswer(Model):
    """What became of one report; ``reason`` says why it was refused. Answers come in the order of the ..."""

    report_id: UUID
    outcome: ReportOutcome
    case_id: UUID | None = None
    reason: str | None = None


class ReportPage(Model):
    """Oldest first; ``next`` is the cursor of the page after this one, or None at the end."""

    items: list[ShownReport]
    next: int | None


class ReportedEvidence(Model):
    sha256: str
    media_type: str
    size_bytes: int
    role: str
    taken_at: datetime
    state: str | None = None
    reason: str | None = None
    plate_kept: bool | None = None
    stream: str | None = None


class ReportedFinding(Model):
    label: str
    score: float | None = None
    box: tuple[float, float, float, float] | None = None
    polygon: list[tuple[float, float]] | None = None


class ReportedPosition(Model):
    longitude: float
    latitude: float
    datum: str | None = None
    position_error_m: float | None = None


class ResetPassword(Model):
    """``password`` is shown this once."""

    password: str


class RoadCollection(Model):
    """datum: of the coordinates, which are kept in WGS-84."""

    datum: Literal["WGS84", "GCJ02"]
    features: list[RoadFeature]
    type: Literal["FeatureCollection"] | None = None


class RoadFeature(Model):
    id: str
    properties: RoadProperties
    geometry: Geometry
    type: Literal["Feature"] | None = None


class RoadProperties(Model):
    """width_m: of the whole road, for one that is given as a line; of an area it says nothing."""

    id: str
    name: str
    road_class: RoadClass
    width_m: float


class Seen(Model):
    """version: of the case as the person saw it; the If-Match header may say it instead."""

    version: int | None = None


class SensorPage(Model):
    """``next`` is the ``after`` of the next page, None on the last."""

    items: list[ShownSensor]
    next: str | None


class Series(Model):
    """points: oldest first."""

    scope: Scope
    points: list[SeriesPoint]


class SeriesPoint(Model):
    period: ShownPeriod
    figures: Figures


class SessionList(Model):
    items: list[ShownSession]


class ShownAsk(Model):
    """granted: None until a supervisor decided, or it lapsed; ``note``: the supervisor's words, or why."""

    id: UUID
    type: str
    reason: str
    asked_at: datetime
    asked_by: str
    granted: bool | None
    decided_at: datetime | None
    decided_by: str | None
    note: str | None


class ShownAsset(Model):
    id: str
    name: str
    code_scheme: str | None
    code: str | None
    department: str | None
    position: ShownPoint | None


class ShownAssignment(Model):
    id: int
    kind: str | None
    road_class: str | None
    grid_id: str | None
    department: str


class ShownAuditRow(Model):
    """place, hash: of the row in the chain, none until it is sealed, about half a second later."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any]
    request_id: str | None
    place: int | None
    hash: str | None


class ShownCalendar(Model):
    """``default`` is the one that limits are counted by."""

    name: str
    time_zone: str
    hours: list[list[str]]
    weekdays: list[int]
    key: str


class ShownCamera(Model):
    edge_id: str
    id: str
    name: str
    position: ShownPoint | None
    presets: list[str]
    note: str | None


class ShownClocks(Model):
    """The stage whose clock runs (accept, dispatch, handle, check), and what was counted since the case ..."""

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


class ShownCode(Model):
    """A code, a string under its scheme: its leading zeros are part of it."""

    scheme: str
    code_class: Literal["event", "component"]
    code: str
    name_en: str
    name_zh: str
    confidence: str | None


class ShownConfiguration(Model):
    """What the centre tells an edge to watch; whether it is in force, the edge's status says."""

    edge_id: str
    revision: str
    body: dict[str, Any]
    set_at: datetime
    set_by: str


class ShownCount(Model):
    """at_least: there are more than ``count``, which is as far as was counted."""

    key: str
    count: int
    at_least: bool


class ShownCounts(Model):
    due_to_handle: int
    handled: int
    handled_on_time: int
    extended: int
    overdue_open: int
    due_to_close: int
    closed: int
    closed_on_time: int
    reworked: int
    received: int
    filed: int


class ShownDelivery(Model):
    """line_id: the event's number. status, error: of the last attempt; next_at: when it is tried next, if ..."""

    id: int
    line_id: int
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_at: datetime | None
    give_up_at: datetime
    last_at: datetime | None
    status: int | None
    error: str | None


class ShownDepartment(Model):
    key: str
    name_en: str
    name_zh: str
    retired: bool


class ShownEdge(Model):
    """``centre_revision`` is what the centre tells it to watch, ``status.configuration_revision`` what is ..."""

    edge_id: str
    enrolled_at: datetime
    centre_revision: str | None
    received_at: datetime | None
    age_s: float | None
    status: EdgeStatusShort | None


class ShownEdgeKey(Model):
    """A key without its secret."""

    id: UUID
    created_at: datetime
    revoked_at: datetime | None


class ShownEdgeRequest(Model):
    id: UUID
    edge_id: str
    type: Literal["snapshot", "look_now", "try_watch"]
    camera: str
    watch: dict[str, Any] | None
    state: EdgeRequestState
    created_at: datetime
    created_by: str
    expires_at: datetime
    answered_at: datetime | None
    result: EdgeRequestResult | None


class ShownEvidence(Model):
    """state: pending, present, sacrificed by the edge or expired by retention; the ``reason`` says why of ..."""

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


class ShownFault(Model):
    place: int
    row_id: int | None
    reason: str


class ShownHistoryLine(Model):
    id: int
    at: datetime
    actor: str
    action: str
    details: dict[str, Any]
    request_id: str | None


class ShownIncident(Model):
    """muted: it looks like what was rejected, and is only counted. box: where it was last seen ..."""

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


class ShownKey(Model):
    """last_used_at: to the minute."""

    id: UUID
    name: str
    scopes: list[str] | None
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class ShownKind(Model):
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


class ShownLink(Model):
    """``case_id`` came after ``other_id``; relation: recurrence, after_mute, after_close, split or ..."""

    case_id: UUID
    other_id: UUID
    relation: str
    at: datetime
    actor: str


class ShownPeriod(Model):
    """Half-open. running: it is not over, so that the figures may still change by themselves."""

    name: str
    from_at: datetime
    until_at: datetime
    running: bool


class ShownPermit(Model):
    """open_until: the end of the window that is open at present; None where none is. area: in the datum ..."""

    id: UUID
    name: str
    holder: str | None
    kinds: list[str]
    area: Geometry
    datum: Literal["WGS84", "GCJ02"]
    from_at: datetime
    until_at: datetime
    daily_from: str | None
    daily_until: str | None
    weekdays: list[int] | None
    time_zone: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None
    open_until: datetime | None


class ShownPerson(Model):
    """has_password: no for those who log in with the identity provider alone."""

    id: UUID
    name: str
    role: Role
    department: str | None
    grids: list[str] | None
    display_name: str | None
    language: str | None
    created_at: datetime
    disabled_at: datetime | None
    has_password: bool


class ShownPoint(Model):
    """A position in both datums; ``given_datum`` is the one that it came in, exactly."""

    wgs84: Point
    gcj02: Point
    given_datum: Literal["WGS84", "GCJ02"]


class ShownPosition(Model):
    """longitude, latitude: WGS-84, degrees. given_*: as it was reported, in ``given_datum``."""

    longitude: float
    latitude: float
    position_error_m: float | None
    given_longitude: float
    given_latitude: float
    given_datum: str


class ShownRate(Model):
    """percent: of a hundred, two decimals, half up; null where the denominator is zero."""

    numerator: int
    denominator: int
    percent: float | None


class ShownRates(Model):
    handling: ShownRate
    on_time_handling: ShownRate
    closing: ShownRate
    on_time_closing: ShownRate
    rework: ShownRate
    extension: ShownRate
    overdue_open: ShownRate
    filing: ShownRate


class ShownReport(Model):
    """The way of one event: when it occurred, came in and was recorded, through which stream entry, to ..."""

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


class ShownSensor(Model):
    edge_id: str
    id: str
    name: str
    position: ShownPoint | None
    asset_id: str | None
    note: str | None


class ShownSession(Model):
    """A login that is still in force. current: the one that asks. address: where it was made from."""

    id: UUID | None
    opened_at: datetime
    last_used_at: datetime | None
    expires_at: datetime
    address: str | None
    current: bool


class ShownStanding(Model):
    """rank: null where there is no score, and where the caller sees no others to be compared with."""

    key: str
    name_en: str
    name_zh: str
    figures: Figures
    rank: int | None
    score_before: float | None
    rank_before: int | None
    change: float | None


class ShownTimerLine(Model):
    id: int
    at: datetime
    stage: str
    entry: str
    limit: float | None
    limit_unit: str | None
    due_at: datetime | None
    close_due_at: datetime | None
    remaining_s: float | None
    actor: str
    reason: str | None


class ShownToken(Model):
    """A token without its secret; ``used_at`` is None until a box has exchanged it."""

    edge_id: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    used_at: datetime | None


class ShownVerdict(Model):
    """place: up to here, from ``after`` on, the chain is sound. more: ask again with ``after`` = place. ..."""

    sound: bool
    fault: ShownFault | None
    after: int
    place: int
    hash: str
    more: bool
    heads: int
    unsealed: int
    oldest_unsealed_s: float | None


class ShownWebhook(Model):
    """after: the line of history up to which everything is delivered or on its way."""

    id: UUID
    url: str
    events: list[str] | None
    kinds: list[str] | None
    paused: bool
    after: int
    created_at: datetime
    created_by: str


class ShownWebhooks(Model):
    items: list[ShownWebhook]


class Splitting(Model):
    """incidents: those that are another thing."""

    incidents: list[UUID]
    version: int | None = None


class StageRow(Model):
    """How long a stage may take. reopen: how long a closed case may be reopened; expire: an alarm nobody ..."""

    stage: Literal["accept", "dispatch", "check", "reopen", "expire"]
    limit: float
    limit_unit: LimitUnit


class Stages(Model):
    """limits: of stages other than handling, whose limit is the kind's; steps: shares of a limit, and who ..."""

    limits: list[StageRow]
    steps: list[EscalationRow]


class TestedWebhook(Model):
    """What the receiver answered to a message that says nothing."""

    delivered: bool
    status: int | None
    error: str | None


class TimerPage(Model):
    """Oldest first; ``next`` is the cursor of the page after this one, or None at the end."""

    items: list[ShownTimerLine]
    next: int | None


class WantedCalendar(Model):
    """hours: pairs of local times, an end at or before its start is on the next morning; weekdays: 0 is ..."""

    name: str
    time_zone: str
    hours: list[list[str]]
    weekdays: list[int]


class WantedToken(Model):
    edge_id: str
    valid_hours: float | None = None


class WebhookChange(Model):
    """What is left out stays. While it is paused nothing is sent; what happens meanwhile is sent ..."""

    url: str | None = None
    events: (
        list[
            Literal[
                "case.ask_decided",
                "case.asked",
                "case.assigned",
                "case.blind",
                "case.check_failed",
                "case.checking",
                "case.closed",
                "case.commented",
                "case.confirmed",
                "case.detected",
                "case.dispatched",
                "case.escalated",
                "case.evidence_added",
                "case.evidence_expired",
                "case.expired",
                "case.flagged",
                "case.gone",
                "case.handled",
                "case.incident_cleared",
                "case.joined",
                "case.kind_changed",
                "case.linked",
                "case.merged",
                "case.merged_here",
                "case.mute_ended",
                "case.muted",
                "case.overdue",
                "case.permitted",
                "case.plate_evidence_read",
                "case.rejected",
                "case.reopened",
                "case.reported",
                "case.resumed",
                "case.returned",
                "case.seen_again",
                "case.sighted",
                "case.split",
                "case.started",
                "case.still_there",
                "case.suspended",
                "case.unmerged",
                "case.voided",
            ]
        ]
        | None
    ) = None
    kinds: list[str] | None = None
    paused: bool | None = None


class WhatItMeans(Model):
    """district: of the grid, else the site's own. because: whether an assignment or the kind says which ..."""

    position: ShownPoint
    kind: str
    at: datetime
    grid: NamedGrid | None
    district: str
    road: NamedRoad | None
    department: NamedDepartment
    because: Literal["assignment", "kind"]
    assignment: ShownAssignment | None
    permit: NamedPermit | None
