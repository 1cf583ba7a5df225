"""Tells which of a report's moments a case can believe: a box without a clock battery may say 1970."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from api.schemas import Report

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
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
    believed = {name: moment if _is_plausible(moment, report) else report.received_at for name, moment in given.items()}
    return Moments(
        # An event that waited was received after it occurred: nothing is first seen later than that.
        first_seen_at=min(believed.values()),
        occurred_at=believed["occurred_at"],
        doubted={name: moment.isoformat() for name, moment in given.items() if not _is_plausible(moment, report)},
    )


def _is_plausible(moment: datetime, report: Report) -> bool:
    return moment >= _EARLIEST and moment - report.received_at <= _MAY_BE_AHEAD
