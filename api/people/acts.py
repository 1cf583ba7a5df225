"""Writes into the audit trail what concerns people, their sessions and keys."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.audit.trail import write_audit
from api.people.callers import Caller
from api.services import Services


def write_act(
    session: Session, here: Services, caller: Caller, request_id: str, *, action: str, subject: str, **details: Any
) -> None:
    """``details`` say what was done (``act``) and to what; no password, token or key is among them."""
    write_audit(session, action, subject, at=here.clock(), actor=caller.actor, request_id=request_id, details=details)
