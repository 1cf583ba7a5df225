"""Finds cases by their words, newest first, for rare words and for common ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Select, column, select, table, text
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import SQLCoreOperations

from api.cases.texts import has_tokens, words_query
from api.tables import Case, CaseText

_NEWEST_LOOKED_AT = 3_000
_ALMOST = 4
"""Where the newest have this part of a page at least, the rest is not far behind them."""

_WORDS = table("case_words", column("rowid"), column("tokens"))
_Conditions = Sequence[ColumnElement[bool]]


def find_by_words(
    session: Session, words: Collection[str], that: _Conditions, *, after: UUID | None, limit: int
) -> Sequence[UUID]:
    """Returns cases with all of the words that fulfil ``that``, newest first, behind the case ``after``."""
    if session.get_bind().dialect.name == "sqlite":
        return _in_full_text(session, words, that, after=after, limit=limit)
    # A common word has its page among the newest; sorting all that has it would take seconds.
    found = _among_newest(session, words, that, after=after, limit=limit)
    if found and limit <= len(found) * _ALMOST < limit * _ALMOST:
        # As many more as should have the rest, and half as many again, cost less than all that the index knows.
        more = _NEWEST_LOOKED_AT * limit * 3 // (len(found) * 2)
        found = _among_newest(session, words, that, after=after, limit=limit, of_newest=more)
    return found if len(found) == limit else _in_index(session, words, that, after=after, limit=limit)


def with_words(session: Session, words: Collection[str]) -> ColumnElement[bool]:
    """The condition on ``Case`` that it has all of the words, for what is not listed but counted."""
    if session.get_bind().dialect.name == "sqlite":
        return Case.id.in_(_full_text(words))
    return Case.id.in_(select(CaseText.case_id).where(has_tokens(CaseText.tokens, words)))


def _among_newest(
    session: Session,
    words: Collection[str],
    that: _Conditions,
    *,
    after: UUID | None,
    limit: int,
    of_newest: int = _NEWEST_LOOKED_AT,
) -> Sequence[UUID]:
    newest = select(CaseText).order_by(CaseText.case_id.desc()).limit(of_newest)
    if after is not None:
        newest = newest.where(CaseText.case_id < after)
    row = aliased(CaseText, newest.subquery())
    query = select(row.case_id).where(has_tokens(row.tokens, words)).order_by(row.case_id.desc()).limit(limit)
    return session.scalars(_fulfilling(query, row.case_id, that)).all()


def _in_index(
    session: Session, words: Collection[str], that: _Conditions, *, after: UUID | None, limit: int
) -> Sequence[UUID]:
    hits = select(CaseText.case_id).where(has_tokens(CaseText.tokens, words))
    if after is not None:
        hits = hits.where(CaseText.case_id < after)
    # Materialised: otherwise the planner may walk all cases by their ids, hoping to meet the words soon.
    found = hits.cte("hits").prefix_with("MATERIALIZED")
    query = select(found.c.case_id).order_by(found.c.case_id.desc()).limit(limit)
    return session.scalars(_fulfilling(query, found.c.case_id, that)).all()


def _in_full_text(
    session: Session, words: Collection[str], that: _Conditions, *, after: UUID | None, limit: int
) -> Sequence[UUID]:
    query = _full_text(words).order_by(_WORDS.c.rowid.desc()).limit(limit)
    if after is not None:
        place = session.scalar(select(CaseText.place).where(CaseText.case_id == after))
        if place is None:
            return []
        query = query.where(_WORDS.c.rowid < place)
    return session.scalars(_fulfilling(query, CaseText.case_id, that)).all()


def _full_text(words: Collection[str]) -> Select[UUID]:
    return (
        select(CaseText.case_id)
        .select_from(_WORDS)
        .join(CaseText, CaseText.place == _WORDS.c.rowid)
        .where(text("case_words MATCH :words").bindparams(words=words_query(words)))
    )


def _fulfilling(query: Select[UUID], case_id: SQLCoreOperations[UUID], that: _Conditions) -> Select[UUID]:
    if not that:
        return query
    return query.join(Case, Case.id == case_id).where(*that)
