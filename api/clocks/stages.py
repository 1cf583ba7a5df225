"""The limits of stages and the steps of escalation as tables that people edit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from api.catalogue.csv_tables import Line
from api.catalogue.imports import CatalogueTable, import_table
from api.catalogue.rows import EscalationRow, StageRow
from api.kept import Subject
from api.tables import EscalationStep, StageLimit


def stage_table() -> CatalogueTable[StageRow]:
    return CatalogueTable("stages", StageRow, StageLimit, subject=Subject.RULES)


def escalation_table() -> CatalogueTable[EscalationRow]:
    return CatalogueTable("escalation", EscalationRow, EscalationStep, subject=Subject.RULES)


def set_stages(session: Session, limits: Sequence[StageRow], steps: Sequence[EscalationRow]) -> None:
    """Replaces both tables; a stage without a limit is never due, one without steps never escalates."""
    import_table(session, stage_table(), _numbered(limits), missing="remove")
    import_table(session, escalation_table(), _numbered(steps), missing="remove")


def _numbered(rows: Iterable[StageRow] | Iterable[EscalationRow]) -> list[Line[Any]]:
    return [Line(number, row) for number, row in enumerate(rows, start=1)]
