"""Tables of codes: importing them, finding in them, and the next code that a city may give itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.catalogue.csv_tables import Line
from api.catalogue.imports import CatalogueTable
from api.catalogue.rows import CodeRow
from api.tables import Code, Kind

_LOCAL_FROM = 99


class CodeTable(CatalogueTable[CodeRow]):
    """Where missing codes are removed, those of other schemes than the file's stay, and those that a kind has."""

    def __init__(self) -> None:
        super().__init__("codes", CodeRow, Code)
        self._used: set[tuple[str, str | None, str | None]] = set()

    def check(self, session: Session, lines: Sequence[Line[CodeRow]]) -> tuple[()]:  # noqa: ARG002
        self._used = {(kind.code_class, kind.code_scheme, kind.code) for kind in session.scalars(select(Kind))}
        return ()

    def removable(self, kept: Any, lines: Sequence[Line[CodeRow]]) -> bool:
        in_use = (kept.code_class, kept.scheme, kept.code) in self._used
        return not in_use and any(line.row.scheme == kept.scheme for line in lines)


def find_codes(
    session: Session, *, scheme: str | None, code_class: str | None, prefix: str, offset: int, limit: int
) -> list[Code]:
    """Codes that begin with ``prefix``, ordered by scheme, class and code."""
    query = select(Code).where(Code.code.startswith(prefix, autoescape=True))
    if scheme is not None:
        query = query.where(Code.scheme == scheme)
    if code_class is not None:
        query = query.where(Code.code_class == code_class)
    ordered = query.order_by(Code.scheme, Code.code_class, Code.code)
    return list(session.scalars(ordered.offset(offset).limit(limit)))


def free_local_code(session: Session, *, scheme: str, code_class: str, prefix: str) -> str | None:
    """The next code under ``prefix`` for a sort of problem that no table names: they count down from 99.

    None where all are taken, by the imported table or by a kind.
    """
    taken = set(session.scalars(select(Code.code).where(Code.scheme == scheme, Code.code_class == code_class)))
    taken |= set(session.scalars(select(Kind.code).where(Kind.code_scheme == scheme, Kind.code_class == code_class)))
    candidates = (f"{prefix}{number:02}" for number in range(_LOCAL_FROM, 0, -1))
    return next((code for code in candidates if code not in taken), None)
