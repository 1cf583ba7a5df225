"""Counts a report on its case and on its incident; the counts are the same in any order of reports."""

from __future__ import annotations

from api.reports.moments import Moments
from api.schemas import Report
from api.tables import Case, Incident


def count_on(counted: Case | Incident, report: Report, seen: Moments) -> None:
    """Sets only what the report changes: most of a case's columns stay, and each set costs its time."""
    counted.reports_count += 1
    if not counted.first_seen_at <= seen.first_seen_at <= seen.occurred_at <= counted.last_seen_at:
        counted.first_seen_at = min(counted.first_seen_at, seen.first_seen_at)
        counted.last_seen_at = max(counted.last_seen_at, seen.occurred_at)
    if _is_greater(report.dwell_s, counted.dwell_s):
        counted.dwell_s = report.dwell_s
    if _is_greater(report.score, counted.score):
        counted.score = report.score


def _is_greater(reported: float | None, known: float | None) -> bool:
    return reported is not None and (known is None or reported > known)
