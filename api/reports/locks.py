"""Takes the locks that make one thing wrong one case, always in the same order: watches, neighbourhoods, cases.

No two who follow that order block each other for ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from api.inserting import insert_if_absent, insert_into
from api.matching import among, in_arrays, one_of
from api.tables import Case, Watch

WatchKey = tuple[str, str]
"""Edge and watch."""

AlsoIn = list[list[str]]
_LOCK = text("SELECT pg_advisory_xact_lock(number) FROM (SELECT unnest(CAST(:numbers AS bigint[])) AS number) AS locks")


def lock_watches(session: Session, watches: Iterable[WatchKey]) -> dict[WatchKey, AlsoIn]:
    """Locks the watches, made where they are new, and returns in which cases of others each has incidents."""
    wanted = sorted(set(watches))
    if not wanted:
        return {}
    known = _lock_known(session, wanted)
    new = [watch for watch in wanted if watch not in known]
    if new and not _insert(session, new):
        known |= _lock_known(session, new)
    return known


def lock_neighbourhoods(session: Session, names: Iterable[Sequence[Any]]) -> None:
    """Lets only one transaction at a time begin incidents of the same family in the same cell, or of the same asset.

    names: such as a family and a cell. SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        numbers = sorted({_number(name) for name in names})
        if numbers:
            session.execute(_LOCK, {"numbers": numbers})


def lock_cases(session: Session, case_ids: Collection[UUID]) -> Sequence[Case]:
    """Returns those that there are, locked.

    Not so strictly that nobody could link another case to them: two who do so to each other's would wait for ever.
    """
    if not case_ids:
        return ()
    return session.scalars(
        select(Case).where(one_of(session, Case.id, case_ids)).order_by(Case.id).with_for_update(key_share=True)
    ).all()


def remember_also_in(session: Session, watch: WatchKey, also_in: Sequence[Sequence[str]]) -> None:
    """Keeps in which cases of others a locked watch has incidents."""
    row = session.get_one(Watch, watch)
    row.also_in = [list(pair) for pair in also_in] or None


def _insert(session: Session, watches: Sequence[WatchKey]) -> bool:
    """Makes new watches; returns whether all are this transaction's own."""
    names = ["edge_id", "watch_id"]
    if session.get_bind().dialect.name != "postgresql":
        rows = [dict(zip(names, watch, strict=True)) for watch in watches]
        return insert_if_absent(session, Watch, rows, unique=names)
    # From arrays: hundreds of rows of parameters take longer to be written and read than to be inserted.
    new = insert_into(session, Watch).from_select(names, select(*in_arrays(watches).c))
    made = session.execute(new.on_conflict_do_nothing(index_elements=names).returning(Watch.watch_id))
    return len(made.all()) == len(watches)


def _lock_known(session: Session, watches: Sequence[WatchKey]) -> dict[WatchKey, AlsoIn]:
    rows = session.execute(
        select(Watch.edge_id, Watch.watch_id, Watch.also_in)
        .where(among(session, (Watch.edge_id, Watch.watch_id), watches))
        .order_by(Watch.edge_id, Watch.watch_id)
        .with_for_update()
    )
    return {(edge_id, watch_id): also_in or [] for edge_id, watch_id, also_in in rows}


def _number(name: Sequence[Any]) -> int:
    written = "\x1f".join(str(part) for part in name).encode()
    return int.from_bytes(blake2b(written, digest_size=8).digest(), "big", signed=True)
