"""What the tests of joining say: two cameras at one place, people who report, an operator who decides, pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

from PIL import Image, ImageDraw
from sqlalchemy import select, update

from api.rights import Role
from api.schemas import Report, ReportAnswer
from api.tables import Case, CaseLink
from tests.api.pictures import put, sha256_of
from tests.api.place import Place, a_report

METRES_PER_DEGREE = 111_195.0
BOX = (0.2, 0.2, 0.6, 0.6)
NOW = datetime.now(UTC).replace(microsecond=0)


def somewhere() -> tuple[float, float]:
    """A place of its own, kilometres from that of any other test."""
    return 100.0 + uuid4().int % 3_000 / 100, 30.0 + uuid4().int % 997 / 100


def north_of(place: tuple[float, float], metres: float) -> dict[str, Any]:
    return {"longitude": place[0], "latitude": place[1] + metres / METRES_PER_DEGREE}


def a_sight(place: tuple[float, float] | None = None, *, metres: float = 0, **changes: Any) -> Report:
    """A new incident of a stall that a camera of its own sees, now and at this place."""
    fields: dict[str, Any] = {
        "source_id": f"camera-{uuid4().hex[:8]}",
        "position": north_of(place or somewhere(), metres),
        "first_seen_at": NOW - timedelta(minutes=5),
        "occurred_at": NOW,
        "received_at": NOW,
    }
    return a_report(**fields | changes)


def later(report: Report, *, hours: float, phase: str = "updated", **changes: Any) -> Report:
    """The next report of the same incident; received when it occurred."""
    at = NOW + timedelta(hours=hours)
    if phase == "cleared":
        changes.setdefault("clear_reason", "gone")
    fields = report.model_dump() | {"report_id": uuid4(), "phase": phase, "occurred_at": at, "received_at": at}
    return Report.model_validate(fields | changes)


def again(report: Report, *, hours: float = 0.5, **changes: Any) -> Report:
    """A new incident of the same watch."""
    at = NOW + timedelta(hours=hours)
    fields = report.model_dump() | {"report_id": uuid4(), "incident_id": uuid4(), "occurred_at": at, "received_at": at}
    return Report.model_validate(fields | changes)


def case_of(place: Place, *reports: Report) -> UUID:
    """The case that these reports went into, all of them."""
    answers = place.report(*reports)
    [case_id] = {answer.case_id for answer in answers}
    assert case_id is not None
    return case_id


def cases_of(answers: Sequence[ReportAnswer]) -> list[UUID | None]:
    return [answer.case_id for answer in answers]


def do(place: Place, case_id: object, act: str, role: Role = Role.OPERATOR, **said: Any) -> dict[str, Any]:
    answer = place.person(role).post(f"/api/v1/cases/{case_id}/{act}", json=said)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def set_case(place: Place, case_id: object, **values: Any) -> None:
    """Puts a case into a state that takes many people's acts to reach."""
    with place.app.state.services.database.write() as session:
        session.execute(update(Case).where(Case.id == case_id).values(**values))


def row_of(place: Place, case_id: object) -> Case:
    with place.app.state.services.database.read() as session:
        case: Case = session.get_one(Case, UUID(str(case_id)))
        return case


def acts_of(place: Place, case_id: object) -> list[str]:
    answer = place.person(Role.SUPERVISOR).get(f"/api/v1/cases/{case_id}/history")
    return [line["action"] for line in answer.json()["items"]]


def links_of(place: Place, case_id: object) -> list[tuple[str, str]]:
    """What the case came after, as relation and case."""
    with place.app.state.services.database.read() as session:
        rows = session.scalars(select(CaseLink).where(CaseLink.case_id == case_id).order_by(CaseLink.id))
        return [(row.relation, str(row.other_id)) for row in rows]


def a_crop(seed: int, *, quality: int = 90, brighter: float = 1.0, noise: int = 0) -> bytes:
    """A picture of things that ``seed`` says, as a camera may see it again: brighter, noisier, pressed harder."""
    random = Random(seed)  # noqa: S311 (pictures, not secrets)
    image = Image.new("RGB", (320, 240), tuple(random.randrange(60, 200) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = random.randrange(-40, 300), random.randrange(-40, 220)
        box = (x, y, x + random.randrange(30, 180), y + random.randrange(30, 140))
        draw.rectangle(box, fill=tuple(random.randrange(256) for _ in range(3)))
    if brighter != 1.0:
        image = image.point(lambda value: min(255, int(value * brighter)))
    if noise:
        grain = Image.effect_noise(image.size, noise).convert("RGB")
        image = Image.blend(image, grain, 0.12)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def with_crop(report: Report, place: Place, crop: bytes, *, box: tuple[float, ...] = BOX) -> Report:
    """The report with its crop, which is in the store, and the box of what it found."""
    store = place.app.state.services.evidence
    if not store.exists(sha256_of(crop)):
        put(store, crop)
    item = {"sha256": sha256_of(crop), "media_type": "image/jpeg", "size_bytes": len(crop), "role": "crop"}
    fields = report.model_dump() | {
        "evidence": [item | {"taken_at": report.occurred_at}],
        "findings": [{"label": "stall", "box": box}],
    }
    return Report.model_validate(fields)
