"""Removes evidence whose time is over: of cases that ended long ago, and what no case ever named.

The database comes first: one transaction marks a case's items expired, from when on nobody is shown them, and writes
the lines of the audit; then the bytes are removed, then the lines say so. Whatever a crash leaves, the next run finds
by the lines that do not say so yet. Bytes go only where no row is left that may still show them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

import structlog
from sqlalchemy import select, update
from uuid_utils.compat import uuid7

from api.cases.evidence import EXPIRED
from api.cases.history import Act, line
from api.database import Database
from api.evidence.retention_policy import RetentionPolicy
from api.evidence.retention_search import DueCase, Search, first_report_at, named_by_a_case
from api.evidence_store import EvidenceStore, StoredItem
from api.tables import Evidence, EvidenceDeletion, Kind

ACTOR = "retention"
UNNAMED_DAYS = 30
"""Evidence comes before its event, at most as long as an edge's outbox keeps events: seven days."""

LIMIT = 10_000
_ITEMS_AT_ONCE = 500
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Removed:
    """What one step removes, or would remove; ``case`` is None for bytes that no case ever named.

    items: that had bytes in the store. size_bytes: of them as stored. never_came: items whose bytes never did.
    """

    case: DueCase | None
    items: int
    size_bytes: int
    never_came: int = 0


class Retention:
    """One run at the moment ``now``; harmless to repeat, to break off, and to run twice at once."""

    def __init__(self, database: Database, store: EvidenceStore, policy: RetentionPolicy, *, now: datetime) -> None:
        """Raises: RetentionError: If the policy names kinds that there are not."""
        self._database = database
        self._store = store
        self._now = now
        self._run_id = f"retention-{uuid7()}"
        with database.read() as session:
            kinds = session.scalars(select(Kind.key)).all()
        policy.check_kinds(kinds)
        self._search = Search(policy, kinds, now=now)

    def run(self, *, limit: int = LIMIT, dry_run: bool = False) -> Iterator[Removed]:
        """Yields what was removed, step by step, ``limit`` items at most; a dry run changes nothing.

        Raises: EvidenceUnavailable: The store fails; what is removed until then is removed.
        """
        if not dry_run:
            self._finish_earlier_runs()
        left = limit
        for steps in (self._cases, self._unnamed):
            if left > 0:
                for removed in steps(left, dry_run=dry_run):
                    left -= removed.items + removed.never_came
                    yield removed

    def _cases(self, limit: int, *, dry_run: bool) -> Iterator[Removed]:
        told: set[str] = set()
        after: UUID | None = None
        while limit > 0:
            with self._database.read() as session:
                due = self._search.cases(session, after=after)
            if not due:
                return
            for case in due:
                while limit > 0:
                    at_once = limit if dry_run else min(limit, _ITEMS_AT_ONCE)
                    removed = self._expire(case, at_once, dry_run=dry_run, told=told)
                    if removed is None:
                        break
                    limit -= removed.items + removed.never_came
                    yield removed
                    if dry_run:
                        break
                after = case.id

    def _expire(self, case: DueCase, limit: int, *, dry_run: bool, told: set[str]) -> Removed | None:
        """Returns None where nothing is left to do. told: what a dry run has counted under another case."""
        with self._database.read() as session:
            names = self._search.items(session, case.id, limit=limit)
        stored = {name: item for name in names if (item := self._store.find(name)) is not None}
        if dry_run:
            new = [item for name, item in stored.items() if name not in told]
            told.update(stored)
            size_bytes = sum(item.size_bytes for item in new)
            return Removed(case, len(stored), size_bytes, len(names) - len(stored)) if names else None
        expired = self._mark(case, names, stored) if names else []
        if not expired:
            return None
        size_bytes = sum(stored[name].size_bytes for name in expired if name in stored and self._remove(name))
        had_bytes = sum(name in stored for name in expired)
        return Removed(case, had_bytes, size_bytes, len(expired) - had_bytes)

    def _mark(self, case: DueCase, names: list[str], stored: dict[str, StoredItem]) -> list[str]:
        """Returns which of the items are expired now, and no longer may be shown."""
        reason = f"removed on {self._now:%Y-%m-%d} by the rule {case.rule}"
        with self._database.write() as session:
            # Asked again, and locked: a report or a person may have changed the case meanwhile.
            names = self._search.still_due(session, case.id, names)
            if not names:
                return []
            of_case = (Evidence.case_id == case.id) & Evidence.sha256.in_(names)
            session.execute(update(Evidence).where(of_case).values(state=EXPIRED, reason=reason))
            session.add_all(self._line(stored[name], str(case.rule), case) for name in names if name in stored)
            size_bytes = sum(stored[name].size_bytes for name in names if name in stored)
            details = {"items": len(names), "size_bytes": size_bytes, "rule": str(case.rule)}
            session.add(
                line(
                    case.id,
                    Act.EVIDENCE_EXPIRED,
                    at=self._now,
                    actor=ACTOR,
                    request_id=self._run_id,
                    details=details,
                )
            )
        return names

    def _unnamed(self, limit: int, *, dry_run: bool) -> Iterator[Removed]:
        """Removes what lies long in the store and stands under no case, or under cases alone whose time was over."""
        oldest = self._now - timedelta(days=UNNAMED_DAYS)
        if not self._knew_events_before(oldest):
            return
        old = (item for item in self._store.items() if item.stored_at < oldest)
        while limit > 0 and (batch := list(islice(old, _ITEMS_AT_ONCE))):
            unnamed = self._unnamed_of(batch, limit=limit, dry_run=dry_run)
            if not unnamed:
                continue
            limit -= len(unnamed)
            if not dry_run:
                unnamed = [item for item in unnamed if self._remove(item.sha256)]
            yield Removed(None, len(unnamed), sum(item.size_bytes for item in unnamed))

    def _knew_events_before(self, moment: datetime) -> bool:
        """A database that began later may be waiting for a replay: what it does not name, others may have named."""
        with self._database.read() as session:
            began_at = first_report_at(session)
        knew = began_at is not None and began_at < moment
        if not knew:
            _log.info("unnamed evidence stays: the database is too young to tell", began_at=began_at and str(began_at))
        return knew

    def _unnamed_of(self, batch: list[StoredItem], *, limit: int, dry_run: bool) -> list[StoredItem]:
        names = [item.sha256 for item in batch]
        session_of = self._database.read if dry_run else self._database.write
        with session_of() as session:
            taken = named_by_a_case(session, names) | self._search.unfinished(session, names)
            unnamed = [item for item in batch if item.sha256 not in taken][:limit]
            if not dry_run:
                policy = f"named by no case for {UNNAMED_DAYS} days"
                session.add_all(self._line(item, policy, None) for item in unnamed)
        return unnamed

    def _finish_earlier_runs(self) -> None:
        """Removes the bytes of lines whose run broke off before it could."""
        with self._database.read() as session:
            names = session.scalars(
                select(EvidenceDeletion.sha256).where(EvidenceDeletion.removed_at.is_(None)).distinct()
            ).all()
        for name in names:
            self._remove(name)

    def _remove(self, sha256: str) -> bool:
        """Removes the bytes, unless a row may still show them; then they go with the last such row."""
        with self._database.read() as session:
            if named_by_a_case(session, [sha256]):
                return False
        self._store.remove(sha256)
        with self._database.write() as session:
            unfinished = (EvidenceDeletion.sha256 == sha256) & EvidenceDeletion.removed_at.is_(None)
            session.execute(update(EvidenceDeletion).where(unfinished).values(removed_at=self._now))
        _log.info("evidence removed", sha256=sha256, request_id=self._run_id)
        return True

    def _line(self, item: StoredItem, policy: str, case: DueCase | None) -> EvidenceDeletion:
        return EvidenceDeletion(
            sha256=item.sha256,
            case_id=case.id if case else None,
            kind_key=case.kind if case else None,
            case_state=case.state.value if case else None,
            size_bytes=item.size_bytes,
            policy=policy,
            at=self._now,
            actor=ACTOR,
            request_id=self._run_id,
        )
