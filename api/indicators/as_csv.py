"""Writes a bulletin as CSV that spreadsheets open as it is: Chinese, numbers, and no formulas."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO

from api.indicators.tables import Bulletin, Cell, CellType
from api.spreadsheets import harmless

_BOM = "\ufeff"
"""Without it spreadsheets take the Chinese for the code page of their machine."""


def bulletin_as_csv(bulletin: Bulletin) -> bytes:
    """One table below the other, each with its title and header, and an empty line between them."""
    file = StringIO()
    file.write(_BOM)
    writer = csv.writer(file)
    writer.writerow([harmless(f"{bulletin.title} {bulletin.period}")])
    writer.writerows([harmless(note)] for note in bulletin.notes)
    for table in bulletin.tables:
        writer.writerows([[], [harmless(table.title)]])
        writer.writerow([harmless(column.title) for column in table.columns])
        for row in table.rows:
            cells = zip(row, table.columns, strict=True)
            writer.writerow([_written(cell, column.type, none=bulletin.none) for cell, column in cells])
        if table.left_out:
            writer.writerow([f"{table.left_out} {bulletin.more}"])
    return file.getvalue().encode()


def _written(cell: Cell, cell_type: CellType, *, none: str) -> str:
    if cell is None:
        return none
    if cell_type is CellType.PERCENT:
        return f"{cell:.2f}%"
    # Numbers are ours: the minus of a change is no formula.
    return f"{cell:.2f}" if isinstance(cell, Decimal) else harmless(cell) if isinstance(cell, str) else str(cell)
