"""What every change of places shares: who made it, an audit row, and a new version that all processes read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from api.audit.trail import write_audit
from api.places.resolver import places_changed
from api.services import Services


@dataclass(frozen=True, slots=True)
class Editor:
    """Who changes places, by which word of rights.csv, when and by which request."""

    actor: str
    action: str
    at: datetime
    request_id: str

    @classmethod
    def of(cls, actor: str, action: str, here: Services, request_id: str) -> Editor:
        return cls(actor=actor, action=action, at=here.clock(), request_id=request_id)

    def changed(self, session: Session, subject: str, act: str, **details: Any) -> None:
        """Writes down a change of what positions are resolved by.

        To be called first in its transaction: it makes those who change places wait for each other, so that what is
        looked at behind it holds until the change is made.
        """
        places_changed(session)
        self.noted(session, subject, act, **details)

    def noted(self, session: Session, subject: str, act: str, **details: Any) -> None:
        """Writes down a change that no resolving depends on."""
        write_audit(
            session,
            self.action,
            subject,
            at=self.at,
            actor=self.actor,
            request_id=self.request_id,
            details={"act": act, **details},
        )
