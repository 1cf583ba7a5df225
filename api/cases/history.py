"""Writes down what happens to a case: one line each, with who did it and which request asked for it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from api.tables import HistoryLine
from api.tables.base import JsonObject


class Act(StrEnum):
    DETECTED = "detected"
    JOINED = "joined"
    REPORTED = "reported"
    INCIDENT_CLEARED = "incident_cleared"
    GONE = "gone"
    SEEN_AGAIN = "seen_again"
    MUTED = "muted"
    MUTE_ENDED = "mute_ended"
    PERMITTED = "permitted"
    STILL_THERE = "still_there"
    BLIND = "blind"
    SIGHTED = "sighted"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    KIND_CHANGED = "kind_changed"
    ASSIGNED = "assigned"
    DISPATCHED = "dispatched"
    STARTED = "started"
    HANDLED = "handled"
    RETURNED = "returned"
    VOIDED = "voided"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    ASKED = "asked"
    ASK_DECIDED = "ask_decided"
    CHECKING = "checking"
    CHECK_FAILED = "check_failed"
    CLOSED = "closed"
    REOPENED = "reopened"
    FLAGGED = "flagged"
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    MERGED = "merged"
    MERGED_HERE = "merged_here"
    UNMERGED = "unmerged"
    SPLIT = "split"
    LINKED = "linked"
    COMMENTED = "commented"
    EVIDENCE_ADDED = "evidence_added"
    PLATE_EVIDENCE_READ = "plate_evidence_read"
    EVIDENCE_EXPIRED = "evidence_expired"


def line(
    case_id: UUID, act: Act, *, at: datetime, actor: str, request_id: str | None, details: JsonObject | None = None
) -> HistoryLine:
    return HistoryLine(**line_values(case_id, act, at=at, actor=actor, request_id=request_id, details=details))


def line_values(
    case_id: UUID, act: Act, *, at: datetime, actor: str, request_id: str | None, details: JsonObject | None = None
) -> JsonObject:
    """Returns a line as the values of its row, for those who write many at once."""
    return {
        "case_id": case_id,
        "at": at,
        "actor": actor,
        "action": act.value,
        "details": details or {},
        "request_id": request_id,
    }
