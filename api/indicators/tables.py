"""What a bulletin is made of: tables of typed cells, the same for HTML, CSV and XLSX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

Cell = str | int | Decimal | None
"""None where there is none, such as a rate with a zero denominator."""


class CellType(StrEnum):
    """PERCENT: of a hundred. CHANGE: a difference of points, with its sign."""

    TEXT = "text"
    COUNT = "count"
    PERCENT = "percent"
    NUMBER = "number"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    type: CellType


@dataclass(frozen=True, slots=True)
class Table:
    """left_out: how many rows more there would be."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Bulletin:
    """headline: the few figures that are read first, by name. notes: whose figures they are, and as of when."""

    language: str
    title: str
    period: str
    none: str
    more: str
    headline: Sequence[tuple[str, CellType, Cell]]
    notes: Sequence[str]
    tables: Sequence[Table] = field(default_factory=list)


def in_words(cell: Cell, cell_type: CellType, *, none: str) -> str:
    """Returns a cell as people read it, such as 93.72 % or +1.20."""
    if cell is None:
        return none
    if cell_type is CellType.COUNT:
        return f"{cell:,}"
    if cell_type is CellType.PERCENT:
        return f"{cell:.2f} %"
    if cell_type is CellType.CHANGE:
        return f"{cell:+.2f}"
    return f"{cell:.2f}" if isinstance(cell, Decimal) else str(cell)
