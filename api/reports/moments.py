"""Tells which of a report's moments a case can believe: a box without a clock battery may say 1970."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from api.schemas import Report

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""So far from the ends of the calendar, nobody who adds or takes hours and zones leaves it."""

_MAY_BE_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Moments:
    """When the incident was first and last seen; doubted: what the edge said instead, by the field's name."""

    first_seen_at: datetime
    occurred_at: datetime
    doubted: Mapping[str, str]


def moments_of(report: Report) -> Moments:
    """Puts when the report was received in the place of what cannot be: to refuse it would lose a real alarm."""
    given = {"first_seen_at": report.first_seen_at, "occurred_at": report.occurred_at}
    received_at = min(max(report.received_at, _EARLIEST), _LATEST)
    believed = {name: at if _is_plausible(at, received_at) else received_at for name, at in given.items()}
    return Moments(
        # An event that waited was received after it occurred: nothing is first seen later than that.
        first_seen_at=min(believed.values()),
        occurred_at=believed["occurred_at"],
        doubted={name: at.isoformat() for name, at in given.items() if not _is_plausible(at, received_at)},
    )


def _is_plausible(moment: datetime, received_at: datetime) -> bool:
    return moment >= _EARLIEST and moment - received_at <= _MAY_BE_AHEAD
