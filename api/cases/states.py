"""The states of a case, and which of them count as open, and which as filed."""

from __future__ import annotations

from enum import StrEnum


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


UNFILED = frozenset({CaseState.DETECTED, CaseState.REJECTED, CaseState.EXPIRED})
"""An alarm: in no statistic of cases, and seen only by those who review alarms."""

FILED = frozenset(CaseState) - UNFILED

ENDED = frozenset({CaseState.REJECTED, CaseState.EXPIRED, CaseState.CLOSED, CaseState.VOID, CaseState.MERGED})
OPEN = frozenset(CaseState) - ENDED
"""What a new incident may join."""
