"""Writes down what a person did, in the transaction that it belongs to; the sealer chains it afterwards."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from api.inserting import insert_beside
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
    """action: a word of rights.csv. subject: such as ``case:UUID``. details: hold no secret."""
    row = {"at": at, "actor": actor, "action": action, "subject": subject, "request_id": request_id}
    insert_beside(session, AuditRow, [row | {"details": details or {}}])
