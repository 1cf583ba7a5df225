"""A place whose evidence grows old: cases with pictures, and runs of retention so many days from now."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from api.cases.states import CaseState
from api.clock import utc_now
from api.evidence.retention import Removed, Retention
from api.evidence.retention_policy import RetentionPolicy, Rule
from api.evidence_store import EvidenceStore
from api.rights import Role
from api.tables import Case, EvidenceDeletion, ReportRow
from tests.api.pictures import put, sha256_of
from tests.api.place import SEEN_AT, Place, a_report

STALL = "street-encroachment"
POLICY = RetentionPolicy((Rule("street-*", CaseState.REJECTED, 30), Rule("*", CaseState.CLOSED, 90)))


class Site:
    """A place, its store, and runs of retention so many days after now."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.store: EvidenceStore = place.app.state.services.evidence
        self.database = place.app.state.services.database
        self.now = utc_now()

    def case(
        self, *contents: bytes, state: CaseState | None = CaseState.REJECTED, send: bool = True, **changes: Any
    ) -> str:
        """A case with these pictures as evidence, in this state since now; returns its id."""
        items = [picture_item(content) for content in contents]
        [answer] = self.place.report(a_report(evidence=items, **changes))
        if send:
            for content in contents:
                put(self.store, content)
        if state is not None:
            with self.database.write() as session:
                session.execute(update(Case).where(Case.id == answer.case_id).values(state=state))
        return str(answer.case_id)

    def retention(self, *, days: float, policy: RetentionPolicy = POLICY) -> Retention:
        return Retention(self.database, self.store, policy, now=self.now + timedelta(days=days))

    def run(self, *, days: float, limit: int = 1000, dry_run: bool = False, **more: Any) -> list[Removed]:
        return list(self.retention(days=days, **more).run(limit=limit, dry_run=dry_run))

    def removed_cases(self, **asked: Any) -> list[str]:
        return [str(removed.case.id) for removed in self.run(**asked) if removed.case]

    def lines(self) -> list[EvidenceDeletion]:
        with self.database.read() as session:
            return list(session.scalars(select(EvidenceDeletion).order_by(EvidenceDeletion.id)))

    def state(self, case_id: str) -> list[str]:
        return [item["state"] for item in self.place.case(case_id)["evidence"]]

    def look(self, case_id: str, content: bytes) -> Any:
        return self.place.person(Role.SUPERVISOR).get(f"/api/v1/cases/{case_id}/evidence/{sha256_of(content)}")

    def has(self, content: bytes) -> bool:
        return self.store.exists(sha256_of(content))

    def began(self, days: float) -> None:
        """Makes the database look as if it had recorded its first report so long ago."""
        self.place.report(a_report())
        with self.database.write() as session:
            session.execute(update(ReportRow).values(recorded_at=self.now - timedelta(days=days)))

    def age(self, content: bytes, days: float) -> None:
        """Makes the bytes look as if they had come so long ago."""
        [path] = self.place.settings.evidence_dir.rglob(sha256_of(content))
        os.utime(path, (time.time() - days * 86_400,) * 2)


def picture_item(content: bytes, **changes: Any) -> dict[str, Any]:
    item = {"sha256": sha256_of(content), "media_type": "image/jpeg", "size_bytes": len(content), "role": "start"}
    return item | {"taken_at": SEEN_AT} | changes
