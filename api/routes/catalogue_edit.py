"""Who edits the catalogue by which request: one transaction, one edit at a time, one row of the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.orm import Session

from api.audit.trail import write_audit
from api.catalogue.imports import lock_catalogue
from api.people.callers import Caller
from api.services import Services

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Edit:
    """subject: what is edited, such as ``kind:burning``."""

    subject: str
    caller: Caller
    here: Services
    request_id: str

    @contextmanager
    def transaction(self, details: dict[str, Any]) -> Iterator[Session]:
        """``details`` are written into the audit trail at the end, with what was added to them meanwhile."""
        with self.here.database.write() as session:
            lock_catalogue(session)
            yield session
            write_audit(
                session,
                "catalogue.edit",
                self.subject,
                at=self.here.clock(),
                actor=self.caller.actor,
                request_id=self.request_id,
                details=details,
            )
        _log.info("catalogue edited", subject=self.subject, actor=self.caller.actor)
