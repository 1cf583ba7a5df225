"""The catalogue of kinds that a new database starts with."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

KINDS_CSV = Path(__file__).parent / "kinds.csv"

_NUMBERS = ("dwell_s", "clear_s", "limit", "join_m", "join_h", "mute_h")
_FLAGS = ("join_by_watch", "keep_plate", "safety")


class CatalogueError(Exception):
    """A row of the catalogue cannot be read; the message names it and what was expected."""


def read_kinds(path: Path = KINDS_CSV) -> list[dict[str, Any]]:
    """Returns one row per kind for the table ``kinds``; codes stay strings, with their leading zeros.

    Raises: CatalogueError.
    """
    with path.open(encoding="utf-8", newline="") as file:
        return [_row(row) for row in csv.DictReader(file)]


def _row(row: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {column: cell or None for column, cell in row.items()}
    try:
        values |= {column: float(row[column]) for column in _NUMBERS}
        values |= {column: {"0": False, "1": True}[row[column]] for column in _FLAGS}
    except (KeyError, ValueError) as error:
        raise CatalogueError(f"kind {row.get('key')!r}: expected numbers and flags of 0 or 1, got {error}") from error
    return values
