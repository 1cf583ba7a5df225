"""Finds the evidence of a case, and notices when bytes that were pending have come."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.audit.trail import write_audit
from api.cases.history import Act, line
from api.database import Database
from api.evidence_store import EvidenceMissing, EvidenceStore, EvidenceUnavailable
from api.people.callers import Caller
from api.tables import Evidence

_log = structlog.get_logger()

EXPIRED = "expired"
"""The state of an item that retention removed; ``reason`` then says when, and by which rule."""


def note_arrivals(database: Database, store: EvidenceStore, items: Iterable[Evidence]) -> None:
    """Marks those items present that the store has by now, in the rows handed in and in the database.

    An expired item stays expired, whoever sends its bytes again: the case's time to show them is over.
    """
    awaited = [item for item in items if item.state not in {"present", EXPIRED}]
    try:
        missing = set(store.missing({item.sha256 for item in awaited}))
    except EvidenceUnavailable as error:
        # The case can be read without: its items are shown as they were last known.
        _log.warning("evidence store fails", error=str(error))
        return
    arrived = [item for item in awaited if item.sha256 not in missing]
    if not arrived:
        return
    for item in arrived:
        item.state, item.reason = "present", None
    with database.write() as session:
        still_awaited = Evidence.id.in_([item.id for item in arrived]) & (Evidence.state != EXPIRED)
        session.execute(update(Evidence).where(still_awaited).values(state="present", reason=None))


def find_item(session: Session, case_id: UUID, sha256: str) -> Evidence:
    """Raises: EvidenceMissing: If this case has no such evidence, whatever other cases have."""
    named = select(Evidence).where(Evidence.case_id == case_id, Evidence.sha256 == sha256)
    # Several incidents may have named it, one of them after retention removed the others'.
    found = session.scalars(named.order_by(Evidence.state == EXPIRED, Evidence.id).limit(1)).first()
    if found is None:
        raise EvidenceMissing("this case has no such evidence")
    return found


def with_plate(session: Session, names: Iterable[str]) -> frozenset[str]:
    """Returns those sha256 under which a plate may show.

    The same bytes may stand under several incidents and cases: one that is marked speaks for all of them.
    """
    marked = Evidence.sha256.in_(set(names)) & Evidence.plate_kept
    return frozenset(session.scalars(select(Evidence.sha256).where(marked).distinct()))


def write_plate_access(
    database: Database, case_id: UUID, sha256: str, *, caller: Caller, at: datetime, request_id: str | None
) -> None:
    """Writes into history and audit trail who looked at a picture that may show a plate, before it is shown."""
    with database.write() as session:
        session.add(
            line(
                case_id,
                Act.PLATE_EVIDENCE_READ,
                at=at,
                actor=caller.actor,
                request_id=request_id,
                details={"sha256": sha256},
            )
        )
        write_audit(
            session,
            "evidence.read_plate_kept",
            f"case:{case_id}",
            at=at,
            actor=caller.actor,
            request_id=request_id,
            details={"act": Act.PLATE_EVIDENCE_READ.value, "sha256": sha256},
        )
    _log.info("plate evidence read", case_id=str(case_id), sha256=sha256, actor=caller.actor)
