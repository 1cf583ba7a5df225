"""What people ask of an edge: open until it is answered or expires, and answered once."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from PIL import Image

from api.edges.requests import OPEN_PER_EDGE, add_request, find_request
from api.edges.schemas import NewEdgeRequest
from api.rights import Role
from api.schemas import EdgeRequestResult, OpenEdgeRequest, ResultOutcome
from tests.api.conftest import SettingsFactory
from tests.api.place import SEEN_AT, Clocked, Place, a_report

SNAPSHOT = {"type": "snapshot", "camera": "market-east"}
DONE = EdgeRequestResult(ok=True)


@pytest.fixture
def edge_id(shared_place: Place) -> str:
    return enrolled(shared_place)


def enrolled(place: Place) -> str:
    edge_id = f"edge-{uuid4().hex[:12]}"
    place.edge_key(edge_id)
    return edge_id


def post(place: Place, edge_id: str, **body: Any) -> httpx.Response:
    return place.person(Role.SUPERVISOR).post(
        # By hand, as httpx would not write half a character.
        f"/api/v1/edges/{edge_id}/requests",
        content=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )


def ask(place: Place, edge_id: str, **body: Any) -> UUID:
    answer = post(place, edge_id, **body)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])


def show(place: Place, edge_id: str, request_id: UUID) -> dict[str, Any]:
    answer = place.person(Role.OPERATOR).get(f"/api/v1/edges/{edge_id}/requests/{request_id}")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def open_for(place: Place, edge_id: str) -> list[OpenEdgeRequest]:
    return [request for request in place.service.open_edge_requests() if request.edge_id == edge_id]


def test_a_request_is_open_until_its_first_answer(shared_place: Place, edge_id: str) -> None:
    request_id = ask(shared_place, edge_id, **SNAPSHOT)
    [told] = open_for(shared_place, edge_id)
    assert (told.request_id, told.type, told.camera, told.watch) == (request_id, "snapshot", "market-east", None)
    assert show(shared_place, edge_id, request_id)["state"] == "open"
    failed = EdgeRequestResult(ok=False, error="the camera is lost")
    for result in (failed, DONE):
        assert shared_place.service.answer_edge_request(edge_id, request_id, result) is ResultOutcome.KEPT
    assert open_for(shared_place, edge_id) == []
    shown = show(shared_place, edge_id, request_id)
    assert (shown["state"], shown["result"]["error"]) == ("answered", "the camera is lost")


def test_a_draft_travels_as_it_was_written(shared_place: Place, edge_id: str) -> None:
    watch = {"id": "draft", "zone": [[0.1, 0.5], [0.9, 0.5], [0.5, 0.9]], "labels": None, "name": "占道\u0000"}
    request_id = ask(shared_place, edge_id, type="try_watch", camera="market-east", watch=watch)
    [told] = open_for(shared_place, edge_id)
    assert told.watch == watch == show(shared_place, edge_id, request_id)["watch"]


def test_of_answers_at_the_same_moment_one_is_kept_and_of_asking_no_more_than_the_limit(
    shared_place: Place, edge_id: str
) -> None:
    with ThreadPoolExecutor(10) as threads:
        asked = list(threads.map(lambda _: post(shared_place, edge_id, **SNAPSHOT), range(OPEN_PER_EDGE + 10)))
        assert sorted(answer.status_code for answer in asked) == [201] * OPEN_PER_EDGE + [409] * 10
        [request_id] = [UUID(answer.json()["id"]) for answer in asked if answer.status_code == 201][:1]
        results = [EdgeRequestResult(ok=False, error=str(number)) for number in range(10)]
        service = shared_place.service
        told = threads.map(lambda result: service.answer_edge_request(edge_id, request_id, result), results)
        kept = [show(shared_place, edge_id, request_id)["result"] for _ in told]
    assert kept == [kept[0]] * 10


def test_another_edge_cannot_answer(shared_place: Place, edge_id: str) -> None:
    request_id, other = ask(shared_place, edge_id, **SNAPSHOT), enrolled(shared_place)
    assert shared_place.service.answer_edge_request(other, request_id, DONE) is ResultOutcome.UNKNOWN
    assert shared_place.service.answer_edge_request(edge_id, uuid4(), DONE) is ResultOutcome.UNKNOWN
    path = f"/api/v1/edges/{other}/requests/{request_id}"
    assert shared_place.person(Role.OPERATOR).get(path).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "format_disk", "camera": "a"},
        {"type": "snapshot"},
        {"type": "snapshot", "camera": "../etc"},
        {"type": "snapshot", "camera": "a", "watch": {"id": "draft"}},
        {"type": "try_watch", "camera": "a"},
        {"type": "try_watch", "camera": "a", "watch": "draft"},
        {"type": "try_watch", "camera": "a", "watch": {"a": "\ud800"}},
        {"type": "try_watch", "camera": "a", "watch": json.loads('{"a":' * 40 + "1" + "}" * 40)},
        {"type": "look_now", "camera": "a", "expires_in_s": 9},
        {"type": "look_now", "camera": "a", "expires_in_s": 3601},
        {"type": "look_now", "camera": "a", "expires_in_s": "soon"},
    ],
    ids=range(12),
)
def test_a_wrong_request_is_refused(shared_sqlite_place: Place, body: dict[str, Any]) -> None:
    edge_id = enrolled(shared_sqlite_place)
    assert post(shared_sqlite_place, edge_id, **body).status_code == 422
    assert open_for(shared_sqlite_place, edge_id) == []


def test_an_unknown_edge_cannot_be_asked(shared_place: Place) -> None:
    assert post(shared_place, "never-enrolled", **SNAPSHOT).status_code == 404
    assert post(shared_place, "a b", **SNAPSHOT).status_code == 422


def test_an_edge_is_asked_so_much_at_once_and_no_more(shared_place: Place, edge_id: str) -> None:
    asked = [ask(shared_place, edge_id, **SNAPSHOT) for _ in range(OPEN_PER_EDGE)]
    assert post(shared_place, edge_id, **SNAPSHOT).status_code == 409
    shared_place.service.answer_edge_request(edge_id, asked[0], DONE)
    ask(shared_place, edge_id, **SNAPSHOT)
    ask(shared_place, enrolled(shared_place), **SNAPSHOT)


@pytest.fixture
def clocked(settings_for: SettingsFactory, database_url: str) -> Iterator[tuple[Place, Clocked]]:
    clock = Clocked()
    with Place(settings_for(database_url), clock) as place:
        yield place, clock


def test_a_request_expires_and_is_forgotten_after_a_month(clocked: tuple[Place, Clocked]) -> None:
    place, clock = clocked
    edge_id = enrolled(place)
    in_time, late = (ask(place, edge_id, **SNAPSHOT, expires_in_s=10) for _ in range(2))
    assert place.service.answer_edge_request(edge_id, in_time, DONE) is ResultOutcome.KEPT
    clock.pass_by(11)
    assert open_for(place, edge_id) == []
    assert [show(place, edge_id, each)["state"] for each in (in_time, late)] == ["answered", "expired"]
    assert place.service.answer_edge_request(edge_id, late, DONE) is ResultOutcome.EXPIRED
    assert place.service.answer_edge_request(edge_id, in_time, DONE) is ResultOutcome.KEPT
    with place.app.state.services.database.write() as session:
        month_later = clock.now + timedelta(days=31)
        add_request(session, edge_id, NewEdgeRequest.model_validate(SNAPSHOT), by="test", at=month_later)
        assert find_request(session, edge_id, late) is None


def picture(place: Place, colour: str) -> tuple[str, bytes]:
    jpeg = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(jpeg, "JPEG")
    name = hashlib.sha256(jpeg.getvalue()).hexdigest()
    place.app.state.services.evidence.put_stream(name, [jpeg.getvalue()], 100_000, "image/jpeg")
    return name, jpeg.getvalue()


def item(sha256: str, **changes: Any) -> dict[str, Any]:
    taken = {"media_type": "image/jpeg", "size_bytes": 1000, "role": "start", "taken_at": SEEN_AT}
    return {"sha256": sha256, **taken, **changes}


def test_a_snapshot_is_shown_to_those_who_see_pictures_of_any_department(shared_place: Place, edge_id: str) -> None:
    (name, jpeg), (other, _) = picture(shared_place, "red"), picture(shared_place, "blue")
    request_id = ask(shared_place, edge_id, **SNAPSHOT)
    missing = hashlib.sha256(edge_id.encode()).hexdigest()
    result = EdgeRequestResult.model_validate({"ok": True, "evidence": [item(name), item(missing)]})
    shared_place.service.answer_edge_request(edge_id, request_id, result)

    def see(role: Role, sha256: str) -> httpx.Response:
        return shared_place.person(role).get(f"/api/v1/edges/{edge_id}/requests/{request_id}/evidence/{sha256}")

    shown = see(Role.OPERATOR, name)
    assert (shown.status_code, shown.content, shown.headers["Content-Type"]) == (200, jpeg, "image/jpeg")
    assert see(Role.SUPERVISOR, other).status_code == 404, "it is in the store, but not of this request"
    assert see(Role.SUPERVISOR, missing).status_code == 404
    assert see(Role.SUPERVISOR, "..%2F..%2Fetc").status_code in {404, 422}
    assert see(Role.HANDLER, name).status_code == 403, "a handler sees the own cases' pictures, this is of none"
    assert see(Role.INTEGRATOR, name).status_code == 403


def test_a_plate_is_shown_in_its_case_alone(shared_place: Place, edge_id: str) -> None:
    (own, _), (of_a_case, _) = picture(shared_place, "green"), picture(shared_place, "yellow")
    shared_place.report(a_report(evidence=[item(of_a_case, plate_kept=True)]))
    request_id = ask(shared_place, edge_id, **SNAPSHOT)
    result = EdgeRequestResult.model_validate({"ok": True, "evidence": [item(own, plate_kept=True), item(of_a_case)]})
    shared_place.service.answer_edge_request(edge_id, request_id, result)
    for sha256 in (own, of_a_case):
        path = f"/api/v1/edges/{edge_id}/requests/{request_id}/evidence/{sha256}"
        assert shared_place.person(Role.SUPERVISOR).get(path).status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[" * 90_000, 422),
        (b"{}", 422),
        (b'{"ok": true, "findings": [{"label": "\\ud800"}]}', 422),
        (b'{"ok": true, "error": "\\u0000"}', 422),
        (b'{"ok": true, "would_have_raised": 1e999}', 422),
        (b'{"ok": true, "findings": [' + b'{"label": "stall"},' * 100_000 + b'{"label": "stall"}]}', 200),
        (b" " * 4_000_001, 413),
    ],
    ids=range(8),
)
def test_no_result_makes_it_fail(shared_place: Place, edge_id: str, body: bytes, status: int) -> None:
    request_id = ask(shared_place, edge_id, **SNAPSHOT)
    service = shared_place.client(shared_place.service_key)
    path = f"/internal/v1/edges/{edge_id}/requests/{request_id}/result"
    assert service.put(path, content=body).status_code == status
    assert len(open_for(shared_place, edge_id)) == (0 if status == 200 else 1)
    for wrong in ("1", "..%2F..%2Fetc", "%00"):
        path = f"/internal/v1/edges/{edge_id}/requests/{wrong}/result"
        assert service.put(path, json={"ok": True}).status_code in {404, 422}
