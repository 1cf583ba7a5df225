"""Many people at once: numbers stay dense, one wins, and many cases are decided by one request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.rights import Role
from tests.api.cases.steps import Life
from tests.api.place import Place, a_report


def _alarms(place: Place, count: int) -> list[UUID]:
    return [answer.case_id for answer in place.report(*[a_report() for _ in range(count)]) if answer.case_id]


def test_a_hundred_confirmations_at_once_give_dense_numbers(shared_place: Place) -> None:
    operator = shared_place.person(Role.OPERATOR)
    with ThreadPoolExecutor(50) as threads:
        answers = list(
            threads.map(lambda case_id: operator.post(f"/api/v1/cases/{case_id}/confirm"), _alarms(shared_place, 100))
        )
    assert {answer.status_code for answer in answers} == {200}
    numbers = sorted(int(answer.json()["number"].rsplit("-", 1)[1]) for answer in answers)
    assert numbers == list(range(numbers[0], numbers[0] + 100))


def test_of_two_hundred_confirmations_of_one_case_one_wins(shared_place: Place) -> None:
    [case_id] = _alarms(shared_place, 1)
    operator = shared_place.person(Role.OPERATOR)
    with ThreadPoolExecutor(50) as threads:
        answers = list(
            threads.map(lambda _: operator.post(f"/api/v1/cases/{case_id}/confirm", json={"version": 1}), range(200))
        )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 199
    conflicts = [answer.json() for answer in answers if answer.status_code == 409]
    assert {problem["current"]["state"] for problem in conflicts} == {"filed"}
    history = operator.get(f"/api/v1/cases/{case_id}/history").json()["items"]
    assert [line["action"] for line in history] == ["detected", "confirmed"]


def _batch(place: Place, who: Role = Role.OPERATOR, **said: Any) -> Any:
    answer = place.person(who).post("/api/v1/cases/batch", json=said)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_thirty_alarms_are_confirmed_by_one_request(shared_place: Place) -> None:
    alarms = _alarms(shared_place, 30)
    answers = _batch(shared_place, act="confirm", items=[{"id": str(alarm), "version": 1} for alarm in alarms])
    assert [answer["id"] for answer in answers] == [str(alarm) for alarm in alarms]
    assert {(answer["status"], answer["state"], answer["version"]) for answer in answers} == {(200, "filed", 2)}
    numbers = [int(answer["number"].rsplit("-", 1)[1]) for answer in answers]
    assert numbers == list(range(numbers[0], numbers[0] + 30))


def test_each_item_of_a_batch_stands_for_itself(shared_sqlite_place: Place) -> None:
    good, stale, unknown = *_alarms(shared_sqlite_place, 2), uuid4()
    filed = Life(shared_sqlite_place).to("filed")
    items = [{"id": str(good)}, {"id": str(stale), "version": 7}, {"id": str(unknown)}, {"id": str(filed.id)}]
    answers = _batch(shared_sqlite_place, act="reject", reason="a shadow", items=items)
    assert [answer["status"] for answer in answers] == [200, 409, 404, 409]
    assert (answers[1]["state"], answers[1]["version"]) == ("detected", 1)
    assert "confirm" in answers[1]["allowed_acts"]
    assert "dispatch" in answers[3]["allowed_acts"]


def test_a_batch_dispatches_to_a_department(shared_sqlite_place: Place) -> None:
    filed = [Life(shared_sqlite_place).to("filed") for _ in range(2)]
    items = [{"id": str(life.id)} for life in filed]
    answers = _batch(shared_sqlite_place, Role.SUPERVISOR, act="dispatch", department="sanitation", items=items)
    assert [answer["state"] for answer in answers] == ["dispatched", "dispatched"]
    assert filed[0].shown()["department"] == "sanitation"
    unknown = _batch(
        shared_sqlite_place,
        act="dispatch",
        department="nobody",
        items=[{"id": str(Life(shared_sqlite_place).to("filed").id)}],
    )
    assert unknown[0]["status"] == 422


@pytest.mark.parametrize(
    "said",
    [
        {"act": "reject", "items": [{"id": str(uuid4())}]},
        {"act": "void", "reason": "x", "items": [{"id": str(uuid4())}]},
        {"act": "confirm", "items": []},
        {"act": "confirm", "items": [{"id": str(uuid4())}] * 101},
        {"act": "confirm", "items": [{"id": "yesterday"}]},
    ],
)
def test_a_batch_that_says_nothing_sound_is_refused_whole(shared_sqlite_place: Place, said: dict[str, Any]) -> None:
    assert shared_sqlite_place.person(Role.OPERATOR).post("/api/v1/cases/batch", json=said).status_code == 422
