"""Cases as their histories left them, put straight into the table: one line of a test for one case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from uuid_utils.compat import uuid7

from api.cases.states import CaseState
from api.tables import Case
from tests.api.place import Place

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = timedelta(hours=1)


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    """Reads a time of March 2025, such as "10 11:30", or a whole one, such as "2025-04-01 00:00"."""
    moment = datetime.fromisoformat(text if len(text) > len("10 11:30") else f"2025-03-{text}")
    return moment.replace(tzinfo=zone).astimezone(UTC)


def a_department() -> str:
    """A department that no other test uses, so that strangers' cases are not counted."""
    return f"department-{uuid4().hex[:12]}"


def put(place: Place, *cases: Case) -> None:
    with place.app.state.services.database.write() as session:
        session.add_all(cases)


def a_case(department: str, state: CaseState, **columns: Any) -> Case:
    """A filed case of a camera; ``due`` and ``close_due`` are local times, and it was filed three hours before due."""
    due = columns.pop("due", None)
    close_due = columns.pop("close_due", None)
    due_at = local(due) if due else None
    moments = {name: local(columns.pop(name)) for name in ("handled", "closed", "filed", "ended") if name in columns}
    filed_at = moments.get("filed", due_at - 3 * HOUR if due_at else None)
    known: dict[str, Any] = {
        "id": uuid7(),
        "state": state,
        "kind_key": "street-encroachment",
        "detected_kind_key": columns.get("kind_key", "street-encroachment"),
        "edge_id": "gate-3",
        "watch_id": "watch-1",
        "source_type": "camera",
        "source_id": "camera-1",
        "detector": "yolo",
        "weights_sha256": "a" * 64,
        "department": department,
        "first_seen_at": local("01 00:00"),
        "last_seen_at": local("01 00:00"),
        "created_at": local("01 00:00"),
        "filed_at": filed_at,
        "handle_due_at": due_at,
        "close_due_at": local(close_due) if close_due else due_at + 6 * HOUR if due_at else None,
        "handled_at": moments.get("handled"),
        "closed_at": moments.get("closed"),
        "ended_at": moments.get("ended", moments.get("closed")),
    }
    return Case(**known | columns)


def an_alarm(department: str, state: CaseState, **columns: Any) -> Case:
    """An alarm that was never filed; ``ended`` is a local time."""
    return a_case(department, state, **columns)
