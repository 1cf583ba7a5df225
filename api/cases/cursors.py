"""Where a page of a list ends, as a word that goes into the request for the next one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WORD = re.compile(r"(?:(d)(-?[0-9]{1,18})\.|(r)([01])\.(-?[0-9]{1,9})\.(-?[0-9]{1,6})\.)?([0-9a-f]{32}|[0-9a-f-]{36})")


class CursorRefused(ValueError):
    """A cursor that no list of this order gave."""


class Sort(StrEnum):
    """newest: last recorded first. due: whose running stage ends first; without those that have no clock running.

    review: as alarms are best reviewed: safety first, then by the hour in which they came, then the surest.
    """

    NEWEST = "newest"
    DUE = "due"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last case of a page, and by what its place in the order was told.

    due_at: for ``due``. calm, hour, milliscore: for ``review``: 0 for safety, hours since 1970, thousandths.
    """

    case_id: UUID
    due_at: datetime | None = None
    calm: int = 0
    hour: int = 0
    milliscore: int = 0

    def word(self, sort: Sort) -> str:
        if sort is Sort.DUE and self.due_at is not None:
            return f"d{(self.due_at - _EPOCH) // _MICROSECOND}.{self.case_id.hex}"
        if sort is Sort.REVIEW:
            return f"r{self.calm}.{self.hour}.{self.milliscore}.{self.case_id.hex}"
        return str(self.case_id)


def read_cursor(word: str, sort: Sort) -> Cursor:
    """Raises: CursorRefused."""
    found = _WORD.fullmatch(word)
    if found is None or sort is not _sort_of(found[1], found[3]):
        raise CursorRefused(f"after: expected the next of a page in the order {sort}")
    try:
        case_id = UUID(found[7])
        if sort is Sort.DUE:
            return Cursor(case_id, due_at=_EPOCH + int(found[2]) * _MICROSECOND)
    except (ValueError, OverflowError):
        raise CursorRefused(f"after: expected the next of a page in the order {sort}") from None
    if sort is Sort.REVIEW:
        return Cursor(case_id, calm=int(found[4]), hour=int(found[5]), milliscore=int(found[6]))
    return Cursor(case_id)


def _sort_of(due: str | None, review: str | None) -> Sort:
    return Sort.DUE if due else Sort.REVIEW if review else Sort.NEWEST
