"""Chains the rows of the audit trail, so that an edited, removed, added or moved one shows; and finds it.

A row's hash covers the hash before it and every column that tells something, byte for byte as the database holds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Text, cast, func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from api.documents import canonical_json
from api.tables import AuditHead, AuditRow

FIRST_PREVIOUS_HASH = "0" * 64
"""What the first row of a chain has before it."""

BATCH_ROWS = 500
_PAGE_ROWS = 1000
_ONE_SEALER = 7_239_104_553
"""The number of PostgreSQL's advisory lock that a sealer holds to the end of its transaction."""

_UTC_TEXT = "YYYY-MM-DD HH24:MI:SS.US"


@dataclass(frozen=True, slots=True)
class Head:
    """A place in the chain and the hash that was there, as it was written down; ``said_by`` names where."""

    place: int
    hash: str
    said_by: str


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing wrong: ``place`` in the chain, ``row_id`` of the row there where one can be read."""

    place: int
    row_id: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found.

    after, place: the rows after place ``after`` up to ``place`` are sound. hash: of the last of them.
    more: the chain goes on behind them. heads: how many heads were compared with the rows.
    unsealed: rows that wait to be chained, the oldest for ``oldest_unsealed_s`` seconds.
    """

    fault: Fault | None
    after: int
    place: int
    hash: str
    more: bool
    heads: int
    unsealed: int
    oldest_unsealed_s: float | None

    @property
    def sound(self) -> bool:
        return self.fault is None


def seal(session: Session, *, limit: int = BATCH_ROWS) -> int:
    """Chains up to ``limit`` committed rows, in the order of their ids; returns how many. Use it in a transaction.

    A row committed late, with a lower id than one that is chained, gets the next place. Two sealers never fork the
    chain: SQLite has one writer at a time, and on PostgreSQL the second waits for the first one's commit.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ONE_SEALER})
    place, previous = head_of(session)
    waiting = _rows(session).where(AuditRow.place.is_(None)).order_by(AuditRow.id).limit(limit)
    chained: list[dict[str, Any]] = []
    for row in session.execute(waiting):
        place += 1
        digest = _hash_of(row, place, previous)
        chained.append({"id": row.id, "place": place, "previous_hash": previous, "hash": digest})
        previous = digest
    if chained:
        session.execute(update(AuditRow), chained)
    return len(chained)


def head_of(session: Session) -> tuple[int, str]:
    """Returns the last place in the chain and its hash, 0 and zeros where nothing is chained."""
    last = select(AuditRow.place, AuditRow.hash).where(AuditRow.place.is_not(None))
    row = session.execute(last.order_by(AuditRow.place.desc()).limit(1)).first()
    return (0, FIRST_PREVIOUS_HASH) if row is None else (int(row.place), str(row.hash))


def anything_unsealed(session: Session) -> bool:
    return session.scalar(select(AuditRow.id).where(AuditRow.place.is_(None)).limit(1)) is not None


def verify(
    session: Session, *, now: datetime, heads: Iterable[Head] = (), after: int = 0, limit: int | None = None
) -> Verdict:
    """Reads the chain page by page up to its end, or ``limit`` rows of it, and stops at the first fault.

    after: the place up to which it is known to be sound. heads: from exported files, beside those of the database.
    """
    walk = _Walk(session, [*_kept_heads(session), *heads], after=after)
    more = walk.run(limit)
    unsealed, oldest_at = session.execute(
        select(func.count(), func.min(AuditRow.at)).where(AuditRow.place.is_(None))
    ).one()
    return Verdict(
        fault=walk.fault,
        after=after,
        place=walk.place,
        hash=walk.hash,
        more=more,
        heads=walk.heads_met,
        unsealed=unsealed,
        oldest_unsealed_s=None if oldest_at is None else max(0.0, (now - oldest_at).total_seconds()),
    )


class _Walk:
    """Goes along the chain, comparing each row with the one before and with the heads that name its place."""

    def __init__(self, session: Session, heads: list[Head], *, after: int) -> None:
        self._session = session
        self._heads: dict[int, list[Head]] = {}
        for head in heads:
            if head.place > after:
                self._heads.setdefault(head.place, []).append(head)
        self.place = after
        self.hash = FIRST_PREVIOUS_HASH
        self.heads_met = 0
        self.fault: Fault | None = None

    def run(self, limit: int | None) -> bool:
        """Returns whether rows are left behind the limit."""
        if self.place and not self._stand_on(self.place):
            return False
        left = limit
        for row in self._chained():
            if left == 0:
                return True
            left = None if left is None else left - 1
            self.fault = self._fault_of(row)
            if self.fault is not None:
                return False
            self.place, self.hash = row.place, row.hash
        if self.fault is None:
            self.fault = self._cut_tail()
        return False

    def _stand_on(self, place: int) -> bool:
        found = self._session.scalar(select(AuditRow.hash).where(AuditRow.place == place))
        if found is None:
            self.fault = Fault(place, None, "there is no row at this place")
            return False
        self.hash = found
        return True

    def _chained(self) -> Iterator[Row[Any]]:
        """Yields rows in the order of their places, and ends early where a text is not UTF-8."""
        page_rows = _PAGE_ROWS
        # The first page has no lower bound: a row put before the first one must be met too.
        bound: int | None = self.place or None
        while True:
            query = _rows(self._session).where(AuditRow.place.is_not(None)).order_by(AuditRow.place).limit(page_rows)
            try:
                page = self._session.execute(query if bound is None else query.where(AuditRow.place > bound)).all()
            except OperationalError as error:
                if "decode" not in str(error.orig):
                    raise
                if page_rows == 1:
                    self.fault = Fault(self.place + 1, None, "a text of this row is not UTF-8")
                    return
                page_rows = 1
                continue
            yield from page
            if len(page) < page_rows:
                return
            bound = page[-1].place

    def _fault_of(self, row: Row[Any]) -> Fault | None:
        expected = self.place + 1
        if not isinstance(row.place, int):
            # SQLite keeps what it is given; such a place sorts behind all numbers.
            return Fault(expected, row.id, "the place of this row is not a number")
        if row.place != expected:
            reason = "a row is missing here" if row.place > expected else "a row was put before the first place"
            return Fault(min(expected, row.place), None if row.place > expected else row.id, reason)
        if row.previous_hash != self.hash:
            return Fault(expected, row.id, "previous_hash is not the hash of the row before")
        if row.hash != _hash_of(row, expected, self.hash):
            return Fault(expected, row.id, "the row is not what was sealed")
        for head in self._heads.pop(expected, []):
            self.heads_met += 1
            if head.hash != row.hash:
                return Fault(expected, row.id, f"another hash than the head of {head.said_by}")
        return None

    def _cut_tail(self) -> Fault | None:
        if not self._heads:
            return None
        last = max(self._heads)
        where = self._heads[last][0].said_by
        return Fault(self.place + 1, None, f"the chain ends here, and reached place {last} by the head of {where}")


def _kept_heads(session: Session) -> list[Head]:
    rows = session.scalars(select(AuditHead).order_by(AuditHead.place))
    return [Head(place=row.place, hash=row.hash, said_by=f"{row.day} in the database") for row in rows]


def _rows(session: Session) -> Select[Any]:
    """The columns of a row as text, the same on both databases, and read without being parsed."""
    moment: ColumnElement[Any] = cast(AuditRow.at, Text)
    if session.get_bind().dialect.name == "postgresql":
        moment = func.to_char(func.timezone("UTC", AuditRow.at), _UTC_TEXT)
    return select(
        AuditRow.id,
        moment.label("moment"),
        AuditRow.actor,
        AuditRow.action,
        AuditRow.subject,
        # The text and not what it says: an edit that only moves a blank shows too.
        cast(AuditRow.details, Text).label("details_text"),
        AuditRow.request_id,
        AuditRow.place,
        AuditRow.previous_hash,
        AuditRow.hash,
    )


def _hash_of(row: Row[Any], place: int, previous_hash: str) -> str:
    content = {
        "id": row.id,
        "at": row.moment,
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "details": row.details_text,
        "request_id": row.request_id,
        "place": place,
    }
    return hashlib.sha256(previous_hash.encode() + b"\n" + canonical_json(content)).hexdigest()
