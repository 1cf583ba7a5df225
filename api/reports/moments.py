"""Tells which of a report's moments a case can believe: a box without a clock battery may say 1970."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from api.schemas import Report

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""So far from the ends of the calendar, nobody who adds or takes hours and zones leaves it."""

_MAY_BE_AHEAD = timedelta(days=1)


class Moments(NamedTuple):
    """When the incident was first and last seen; doubted: what the edge said instead, by the field's name."""

    first_seen_at: datetime
    occurred_at: datetime
    doubted: Mapping[str, str]


def moments_of(report: Report) -> Moments:
    """Puts when the report was received in the place of what cannot be: to refuse it would lose a real alarm."""
    first_seen_at, occurred_at = report.first_seen_at, report.occurred_at
    received_at = min(max(report.received_at, _EARLIEST), _LATEST)
    latest = received_at + _MAY_BE_AHEAD
    doubted: dict[str, str] = {}
    if not _EARLIEST <= first_seen_at <= latest:
        doubted["first_seen_at"], first_seen_at = first_seen_at.isoformat(), received_at
    if not _EARLIEST <= occurred_at <= latest:
        doubted["occurred_at"], occurred_at = occurred_at.isoformat(), received_at
    # An event that waited was received after it occurred: nothing is first seen later than that.
    return Moments(min(first_seen_at, occurred_at), occurred_at, doubted)
