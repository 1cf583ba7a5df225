"""Whether this process lives, and whether it can work."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError

from api.access import allowed
from api.evidence_store import EvidenceError
from api.migrate import is_newest
from api.problems import Problem
from api.services import Here, Services

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", dependencies=[allowed("health.live")])
async def live() -> dict[str, str]:
    """Needs no thread, so that a busy process is not taken for a dead one."""
    return {"status": "live"}


@router.get("/ready", dependencies=[allowed("health.live")])
def ready(here: Here) -> dict[str, str]:
    """Reads the database and writes to the evidence folder; 503 where one of them fails."""
    parts = {"database": _database(here), "evidence": _evidence(here)}
    if set(parts.values()) != {"ok"}:
        detail = ", ".join(f"{part}: {state}" for part, state in parts.items())
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, more=parts)
    return {"status": "ready", **parts}


def _database(here: Services) -> str:
    try:
        with here.database.engine.connect() as connection:
            return "ok" if is_newest(connection) else "not migrated to this release"
    except SQLAlchemyError:
        return "does not answer"


def _evidence(here: Services) -> str:
    try:
        here.evidence.check_writable()
    except EvidenceError:
        return "cannot be written"
    return "ok"
