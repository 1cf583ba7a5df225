"""Whether this process lives, and whether it can work."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError

from api.access import allowed
from api.chores.runner import ChoreRunner
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
def ready(request: Request, here: Here) -> dict[str, str]:
    """Reads the database, writes to the evidence folder, and looks at the thread of the chores; 503 where one fails."""
    parts = {"database": _database(here), "evidence": _evidence(here), "chores": _chores(request)}
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


def _chores(request: Request) -> str:
    """Whichever process does them: each must be able to take over."""
    chores = getattr(request.app.state, "chores", None)
    return "ok" if isinstance(chores, ChoreRunner) and chores.is_alive else "have stopped"


def _evidence(here: Services) -> str:
    try:
        here.evidence.check_writable()
    except EvidenceError:
        return "cannot be written"
    return "ok"
