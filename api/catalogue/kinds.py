"""Edits kinds: what is checked against the database, and how a kind that is no longer wanted goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.catalogue import read_kinds
from api.catalogue.csv_tables import Line, LineError
from api.catalogue.imports import CatalogueTable
from api.catalogue.rows import ConditionRow, KindRow
from api.tables import Case, Code, Department, Kind, KindCondition


class KindTable(CatalogueTable[KindRow]):
    """Retired kinds are in no export; a file that names one brings it back."""

    def __init__(self) -> None:
        super().__init__("kinds", KindRow, Kind)

    def exported(self, session: Session) -> list[KindRow]:
        return [self.row_of(kind) for kind in self.kept(session) if not kind.retired]

    def values_of(self, row: KindRow) -> dict[str, Any]:
        return super().values_of(row) | {"retired": False}

    def check(self, session: Session, lines: Sequence[Line[KindRow]]) -> Iterator[LineError]:
        departments = sorted(session.scalars(select(Department.key)))
        codes = _imported_codes(session, {line.row.code_scheme for line in lines})
        for line in lines:
            row = line.row
            if row.department not in departments:
                yield LineError(line.number, "department", f"one of {', '.join(departments)}", row.department)
            known = codes.get(row.code_scheme)
            if known is not None and (row.code_class, row.code) not in known:
                expected = f"a code of the imported scheme {row.code_scheme}, class {row.code_class}"
                yield LineError(line.number, "code", expected, row.code or "")

    def removable(self, kept: Any, lines: Sequence[Line[KindRow]]) -> bool:  # noqa: ARG002
        return not kept.retired

    def remove(self, session: Session, kept: Any) -> bool:
        return remove_kind(session, kept)


class ConditionTable(CatalogueTable[ConditionRow]):
    def __init__(self) -> None:
        super().__init__("conditions", ConditionRow, KindCondition)

    def check(self, session: Session, lines: Sequence[Line[ConditionRow]]) -> Iterable[LineError]:
        kinds = set(session.scalars(select(Kind.key)))
        return [
            LineError(line.number, "kind_key", "a kind of the catalogue", line.row.kind_key)
            for line in lines
            if line.row.kind_key not in kinds
        ]


def remove_kind(session: Session, kind: Kind) -> bool:
    """Deletes a kind with its conditions, or retires it where something still names it; returns whether it is gone.

    One of this release's own catalogue is always retired: deleted, it would come back with the next start.
    """
    if not _is_needed(session, kind.key):
        try:
            with session.begin_nested():
                session.execute(delete(KindCondition).where(KindCondition.kind_key == kind.key))
                session.delete(kind)
                session.flush()
        except IntegrityError:  # an assignment, or whatever else names it
            session.refresh(kind)
        else:
            return True
    kind.retired = True
    session.flush()
    return False


def _is_needed(session: Session, key: str) -> bool:
    if any(row["key"] == key for row in read_kinds()):
        return True
    uses = select(Case.id).where((Case.kind_key == key) | (Case.detected_kind_key == key)).limit(1)
    return session.scalar(uses) is not None


def _imported_codes(session: Session, schemes: set[str | None]) -> dict[str | None, set[tuple[str, str | None]]]:
    """The codes of those schemes that were imported, as pairs of class and code."""
    codes: dict[str | None, set[tuple[str, str | None]]] = {}
    for code in session.scalars(select(Code).where(Code.scheme.in_([scheme for scheme in schemes if scheme]))):
        codes.setdefault(code.scheme, set()).add((code.code_class, code.code))
    return codes
