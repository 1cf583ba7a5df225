"""Takes a whole table into the catalogue, all of it or nothing, and says what that changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from api.catalogue.csv_tables import Line, LineError, Row, TableRefused
from api.kept import Subject, changed
from api.tables import Base

Missing = Literal["keep", "remove"]
"""What becomes of rows that a file does not name."""

_EDITING = 7_239_104_571
"""The number of PostgreSQL's advisory lock that edits of the catalogue queue for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """rows: of the file. removed: gone; retired: out of use, but kept because something still names them."""

    rows: int
    added: int
    changed: int
    unchanged: int
    removed: int
    retired: int


class CatalogueTable(Generic[Row]):
    """A table that can be imported and exported; subjects refine what is checked and how a row goes.

    subject: what of it processes keep in memory, if anything.
    """

    def __init__(
        self, name: str, shape: type[Row], table: type[Base], *, subject: Subject | None = None, **fixed: str
    ) -> None:
        self.name = name
        self.shape = shape
        self.table = table
        self.subject = subject
        self.fixed = fixed

    def kept(self, session: Session) -> list[Any]:
        """All rows that this is about, ordered by key."""
        order = [getattr(self.table, name) for name in self.shape.key_fields]
        return list(session.scalars(select(self.table).filter_by(**self.fixed).order_by(*order)))

    def exported(self, session: Session) -> list[Row]:
        return [self.row_of(kept) for kept in self.kept(session)]

    def row_of(self, kept: Any) -> Row:
        return self.shape.model_validate({name: getattr(kept, name) for name in self.shape.model_fields})

    def values_of(self, row: Row) -> dict[str, Any]:
        return row.model_dump(mode="json") | self.fixed

    def check(self, session: Session, lines: Sequence[Line[Row]]) -> Iterable[LineError]:  # noqa: ARG002
        """What only the database knows about the lines."""
        return ()

    def removable(self, kept: Any, lines: Sequence[Line[Row]]) -> bool:  # noqa: ARG002
        """Whether a row that the file does not name goes where missing ones are removed."""
        return True

    def remove(self, session: Session, kept: Any) -> bool:
        """Returns whether it is gone, or only retired."""
        session.delete(kept)
        return True


def lock_catalogue(session: Session) -> None:
    """Until the transaction ends, nobody else edits the catalogue; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _EDITING})


def import_table(
    session: Session, table: CatalogueTable[Row], lines: Sequence[Line[Row]], *, missing: Missing
) -> Outcome:
    """Does it in the caller's transaction. Raises: TableRefused."""
    if table.subject is not None:
        changed(session, table.subject)
    errors = list(table.check(session, lines))
    if errors:
        raise TableRefused(errors)
    present = {_key(kept, table): kept for kept in table.kept(session)}
    new = [line.row for line in lines if line.row.key_values not in present]
    edited = [
        (kept, values)
        for line in lines
        if (kept := present.get(line.row.key_values)) is not None
        and not _same(kept, values := table.values_of(line.row))
    ]
    named = {line.row.key_values for line in lines}
    gone = [
        kept
        for key, kept in present.items()
        if missing == "remove" and key not in named and table.removable(kept, lines)
    ]
    removed = _apply(session, table, new, edited, gone)
    return Outcome(
        rows=len(lines),
        added=len(new),
        changed=len(edited),
        unchanged=len(lines) - len(new) - len(edited),
        removed=removed,
        retired=len(gone) - removed,
    )


def _apply(
    session: Session,
    table: CatalogueTable[Row],
    new: Iterable[Row],
    edited: Iterable[tuple[Any, Mapping[str, Any]]],
    gone: Iterable[Any],
) -> int:
    session.add_all([table.table(**table.values_of(row)) for row in new])
    for kept, values in edited:
        for name, value in values.items():
            setattr(kept, name, value)
    session.flush()
    return sum([table.remove(session, kept) for kept in gone])


def _key(kept: Any, table: CatalogueTable[Row]) -> tuple[Any, ...]:
    return tuple(getattr(kept, name) for name in table.shape.key_fields)


def _same(kept: Any, values: Mapping[str, Any]) -> bool:
    return all(getattr(kept, name) == value for name, value in values.items())
