"""Keeps the words under which cases are found, and says which cases have given words.

What a person does to a case is found at once. What machines report is found once the chore has been there, a second
later: cutting words in the transaction of many reports would hold all of them up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlalchemy.types import Text

from api.cases.tokens import tokens_of
from api.inserting import insert_into
from api.tables import Case, CaseText, Department, Grid, HistoryLine, Kind

_COMMENTED = "commented"
_PLACE_BITS = 15


def index_case(session: Session, case: Case) -> None:
    """Writes a case's words anew, in the transaction that changed them."""
    session.flush()
    index_cases(session, [case.id])


def add_words(session: Session, case: Case, texts: Sequence[str | None]) -> None:
    """Adds words to those that the case has: a fraction of what writing all anew takes, while others wait to file."""
    if session.get_bind().dialect.name == "postgresql":
        added = func.array_cat(CaseText.tokens, literal(tokens_of(texts), ARRAY(Text())))
        of_case = update(CaseText).where(CaseText.case_id == case.id).values(tokens=added)
        if session.scalar(of_case.returning(CaseText.case_id)) is not None:
            return
    index_case(session, case)


def index_cases(session: Session, case_ids: Sequence[UUID], *, only_new: bool = False) -> None:
    """Writes the words of these cases anew; only_new: words that somebody else wrote meanwhile stay."""
    if not case_ids:
        return
    words = _words_of(session, case_ids)
    if session.get_bind().dialect.name == "postgresql":
        rows = [{"case_id": case_id, "tokens": tokens} for case_id, tokens in words.items()]
        new = insert_into(session, CaseText)
        if only_new:
            new = new.on_conflict_do_nothing(index_elements=["case_id"])
        else:
            new = new.on_conflict_do_update(index_elements=["case_id"], set_={"tokens": new.excluded.tokens})
        session.connection().execute(new, rows)
    else:
        _write_places(session, words)


def has_tokens(column: SQLCoreOperations[list[str] | None], tokens: Collection[str]) -> ColumnElement[bool]:
    """On PostgreSQL: the condition on ``tokens`` of ``CaseText`` that all of these are in it."""
    return column.op("@>", is_comparison=True)(literal(list(tokens), ARRAY(Text())))


def words_query(tokens: Iterable[str]) -> str:
    """On SQLite: what to MATCH ``case_words`` with; tokens hold no quotes."""
    return " ".join(f'"{token}"' for token in tokens)


@dataclass(frozen=True, slots=True)
class _Names:
    """Of kinds, departments and grids, in both languages."""

    kinds: Mapping[str, str]
    departments: Mapping[str, str]
    grids: Mapping[str, str]


def _words_of(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    columns = (
        Case.id,
        Case.number,
        Case.kind_key,
        Case.department,
        Case.grid_id,
        Case.description,
        Case.address,
        Case.source_id,
        Case.watch_id,
        Case.asset_id,
        Case.edge_id,
    )
    rows = session.execute(select(*columns).where(Case.id.in_(case_ids)).order_by(Case.id)).mappings().all()
    names = _names(session, rows)
    comments = _comments(session, case_ids)
    return {row["id"]: tokens_of([*_texts(row, names), *comments.get(row["id"], ())]) for row in rows}


def _texts(case: RowMapping, names: _Names) -> list[str | None]:
    return [
        case["number"],
        names.kinds.get(case["kind_key"]),
        names.departments.get(case["department"], case["department"]),
        names.grids.get(case["grid_id"] or ""),
        *(case[name] for name in ("description", "address", "source_id", "watch_id", "asset_id", "edge_id", "grid_id")),
    ]


def _names(session: Session, rows: Sequence[RowMapping]) -> _Names:
    kinds = session.execute(
        select(Kind.key, Kind.name_en, Kind.name_zh).where(Kind.key.in_({row["kind_key"] for row in rows}))
    )
    departments = session.execute(
        select(Department.key, Department.name_en, Department.name_zh).where(
            Department.key.in_({row["department"] for row in rows})
        )
    )
    wanted = {row["grid_id"] for row in rows} - {None}
    grids = session.execute(select(Grid.id, Grid.name_en, Grid.name_zh).where(Grid.id.in_(wanted))) if wanted else ()
    return _Names(*({key: f"{key} {en} {zh}" for key, en, zh in found} for found in (kinds, departments, grids)))


def _comments(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    said: dict[UUID, list[str]] = {}
    lines = select(HistoryLine.case_id, HistoryLine.details).where(
        HistoryLine.case_id.in_(case_ids), HistoryLine.action == _COMMENTED
    )
    for case_id, details in session.execute(lines.order_by(HistoryLine.id)):
        said.setdefault(case_id, []).extend(value for value in details.values() if isinstance(value, str))
    return said


def _write_places(session: Session, words: Mapping[UUID, list[str]]) -> None:
    """SQLite's full text knows its rows by number alone, so each case gets one that sorts as its id does."""
    rows = session.execute(select(CaseText.case_id, CaseText.place).where(CaseText.case_id.in_(words)))
    known = {case_id: place for case_id, place in rows}  # noqa: C416 (a row is no tuple for mypy)
    for case_id, tokens in sorted(words.items()):
        place = known.get(case_id)
        if place is None:
            place = _free_place(session, case_id)
            session.connection().execute(insert_into(session, CaseText).values(case_id=case_id, place=place))
        session.execute(text("DELETE FROM case_words WHERE rowid = :place"), {"place": place})
        session.execute(
            text("INSERT INTO case_words (rowid, tokens) VALUES (:place, :tokens)"),
            {"place": place, "tokens": " ".join(tokens)},
        )


def _free_place(session: Session, case_id: UUID) -> int:
    """The millisecond of its id; behind those of the same millisecond that have words already."""
    first = case_id.int >> 80 << _PLACE_BITS
    of_this_ms = CaseText.place >= first, CaseText.place < first + (1 << _PLACE_BITS)
    last = session.scalar(select(func.max(CaseText.place)).where(*of_this_ms))
    return first if last is None else last + 1
