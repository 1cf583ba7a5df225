"""Gives a new place the departments that the catalogue's kinds name, and who has which kind on which road."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from api.catalogue import KINDS_CSV
from api.inserting import insert_if_absent, insert_rows
from api.kept import Subject
from api.places.resolver import places_changed
from api.tables import Assignment, Department, KeptVersion

DEPARTMENTS_CSV = KINDS_CSV.parent / "departments.csv"
ASSIGNMENTS_CSV = KINDS_CSV.parent / "assignments.csv"


def seed_places(session: Session) -> None:
    """Adds only what is missing; assignments at the first start alone, as one that was taken back must stay away."""
    departments = [{**row, "retired": False} for row in _rows(DEPARTMENTS_CSV)]
    insert_if_absent(session, Department, departments, unique=["key"])
    if session.get(KeptVersion, Subject.PLACES) is None:
        insert_rows(session, Assignment, [_assignment(row) for row in _rows(ASSIGNMENTS_CSV)])
        places_changed(session)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _assignment(row: dict[str, str]) -> dict[str, Any]:
    return {
        "kind_key": row["kind"] or None,
        "road_class": row["road_class"] or None,
        "grid_id": row["grid"] or None,
        "department": row["department"],
    }
