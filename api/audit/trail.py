"""Writes down what a person did, in the transaction that it belongs to; the sealer chains it afterwards."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from api.tables import AuditRow
from api.tables.base import JsonObject


def write_audit(
    session: Session,
    action: str,
    subject: str,
    *,
    at: datetime,
    actor: str,
    request_id: str | None,
    details: JsonObject | None = None,
) -> None:
    """Adds a row: ``action`` is a word of rights.csv, ``subject`` such as ``case:UUID``; ``details`` hold no secret."""
    session.add(
        AuditRow(at=at, actor=actor, action=action, subject=subject, details=details or {}, request_id=request_id)
    )
