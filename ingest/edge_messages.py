"""What an edge and the centre say about the edge itself: how it is, and what the centre asks of it.

The rules of :mod:`ingest.contract` hold here too: unknown fields are ignored, additive changes keep the version.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from ingest.contract import SCHEMA_VERSION, EvidenceItem, Name, SeenFinding, Text, Utc, Wire


class CameraState(StrEnum):
    STARTING = "starting"
    LIVE = "live"
    LOST = "lost"
    BLIND = "blind"
    ENDED = "ended"


class CameraStatus(Wire):
    """``fault`` is the typed cause while lost or blind; ``looks_behind_s`` grows when the box is overloaded, and then
    ``dropped`` looks were never judged, for newer ones were waiting.

    ``gated`` of the looks went without the detector, because nothing in the zones had changed; in shadow mode they
    would have, and ``would_have_missed`` findings with them. ``failed_looks`` could not be judged because the detector
    failed; they are no ``looks``. ``keyframe_every_s`` is the longest of the last intervals between keyframes,
    ``decode_share`` the share of one core that decoding took of late; ``damaged`` pictures came out incomplete, and
    were not looked at. ``degraded`` says what does not work although the camera is looked at: its substream, or the
    main stream for evidence.
    """

    id: Name
    state: CameraState
    fault: Text | None = None
    last_look_at: Utc | None = None
    looks: Annotated[int, Field(ge=0)] = 0
    gated: Annotated[int, Field(ge=0)] = 0
    would_have_missed: Annotated[int, Field(ge=0)] = 0
    failed_looks: Annotated[int, Field(ge=0)] = 0
    looks_behind_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    dropped: Annotated[int, Field(ge=0)] = 0
    reading_by: Literal["keyframes", "substream", "asked", "rarer", "continuous"] | None = None
    keyframe_every_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    decode_share: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    damaged: Annotated[int, Field(ge=0)] = 0
    degraded: Text | None = None


class SensorStatus(Wire):
    id: Name
    last_reading_at: Utc | None = None
    readings: Annotated[int, Field(ge=0)] = 0
    refused: Annotated[int, Field(ge=0)] = 0
    fault: Text | None = None


class WatchStatus(Wire):
    """Shows that a watch is alive: how often it was judged, and in how many of those looks something was there.

    ``looks_apart_s`` are there only where they are more than its ``grace_s``: nothing on it is raised or cleared then.
    """

    id: Name
    judged: Annotated[int, Field(ge=0)] = 0
    with_findings: Annotated[int, Field(ge=0)] = 0
    open_incidents: Annotated[int, Field(ge=0)] = 0
    looks_apart_s: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None


class Backlog(Wire):
    """What still waits in the outbox; ``oldest_at`` is the oldest event not yet accepted.

    ``uncommitted`` are changes that wait in memory because the disk does not take them; ``fault`` says why.
    ``used_bytes`` of ``budget_bytes`` are outbox and evidence on the disk.
    """

    events: Annotated[int, Field(ge=0)] = 0
    evidence_items: Annotated[int, Field(ge=0)] = 0
    evidence_bytes: Annotated[int, Field(ge=0)] = 0
    held: Annotated[int, Field(ge=0)] = 0
    refused: Annotated[int, Field(ge=0)] = 0
    sacrificed: Annotated[int, Field(ge=0)] = 0
    oldest_at: Utc | None = None
    uncommitted: Annotated[int, Field(ge=0)] = 0
    used_bytes: Annotated[int, Field(ge=0)] | None = None
    budget_bytes: Annotated[int, Field(ge=0)] | None = None
    fault: Text | None = None


class GroupStatus(Wire):
    """One process that looks at some cameras; ``process_id`` is None while it waits to be started.

    ``shed_share`` of the configured looks are left out while it is overloaded, evenly over its cameras.
    ``suspected``: A process died again and again, and this one has a part of its cameras, to find the one at fault.
    """

    process_id: int | None = None
    cameras: list[Name] = []
    restarts: Annotated[int, Field(ge=0)] = 0
    last_death: Text | None = None
    memory_mb: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    memory_ceiling_mb: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    last_beat_at: Utc | None = None
    shed_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    suspected: bool = False


class SetAside(Wire):
    """A camera that ended its process again and again by itself: nobody looks at it until ``again_at``."""

    camera: Name
    reason: Text
    again_at: Utc


class EdgeStatus(Wire):
    """``PUT /ingest/v1/edges/me/status``, every 30 s. ``load`` is the share of one core in use, per core.

    ``configuration_revision`` is the centre's configuration that is in force here, ``configuration_fault`` why a newer
    one is not, ``file_fault`` why the edge's own file is not, and ``metrics_fault`` why Prometheus is not answered.
    """

    schema_version: Annotated[int, Field(ge=1)] = SCHEMA_VERSION
    edge_id: Name
    version: Text
    sent_at: Utc
    started_at: Utc
    load: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    memory_mb: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    clock_offset_ms: int | None = None
    configuration_revision: Text | None = None
    configuration_fault: Text | None = None
    file_fault: Text | None = None
    metrics_fault: Text | None = None
    cameras: Annotated[list[CameraStatus], Field(max_length=1000)] = []
    sensors: Annotated[list[SensorStatus], Field(max_length=50_000)] = []
    watches: Annotated[list[WatchStatus], Field(max_length=50_000)] = []
    groups: Annotated[list[GroupStatus], Field(max_length=1000)] = []
    set_aside: Annotated[list[SetAside], Field(max_length=1000)] = []
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


class EdgeRequests(Wire):
    """The answer to ``GET .../requests?wait_s=25``: what is open for this edge, or nothing after so long.

    A request comes again until it has its result or has expired, so the edge remembers what it has in hand.
    """

    requests: list[EdgeRequest] = []


class RequestResult(Wire):
    """The body of ``PUT .../requests/{id}/result``; ``would_have_raised`` answers ``try_watch``."""

    request_id: UUID
    ok: bool
    error: Text | None = None
    evidence: list[EvidenceItem] = []
    findings: list[SeenFinding] = []
    would_have_raised: Annotated[int, Field(ge=0)] | None = None
    looks_tried: Annotated[int, Field(ge=0)] | None = None


class EdgeToken(Wire):
    """``POST /ingest/v1/edges/register``: a one-time token, in exchange for :class:`RegisteredEdge`."""

    token: Annotated[str, Field(min_length=1, max_length=200, repr=False)]


class RegisteredEdge(Wire):
    """What the box is called, and its key, which the centre shows this once."""

    edge_id: Name
    key: Annotated[str, Field(min_length=1, max_length=300, repr=False)]
