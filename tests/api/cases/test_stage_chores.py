"""Time passes: alarms expire, stages become overdue and are escalated, each told once; and what may then be asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, update

from api.acts.chores import escalate, expire_alarms
from api.kept import Subject, changed
from api.settings import ApiSettings
from api.tables import Case, EscalationStep, StageLimit
from tests.api.cases.town import Town
from tests.api.place import Clocked, Place, a_report, followed

_HOUR_S = 3600


@pytest.fixture
def town(settings: ApiSettings) -> Iterator[Town]:
    """On each kind of database; its chores are done by the test."""
    clock = Clocked()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.app.CHORES", ())
        with Place(settings, clock) as place:
            made = Town(place, clock)
            yield made
            made.threads.shutdown()


def _alarm(town: Town) -> tuple[UUID, Any]:
    now = town.clock()
    report = a_report(first_seen_at=now, occurred_at=now, received_at=now)
    [answer] = town.place.report(report)
    assert answer.case_id is not None
    return answer.case_id, report


def _shown(town: Town, case_id: UUID) -> dict[str, Any]:
    shown: dict[str, Any] = town.people["supervisor"].get(f"/api/v1/cases/{case_id}").json()
    return shown


def _told(town: Town, case_id: UUID) -> list[tuple[str, Any]]:
    history = town.people["supervisor"].get(f"/api/v1/cases/{case_id}/history").json()["items"]
    return [(line["action"], line["details"].get("level")) for line in history if line["actor"] == "clock"]


def _handle(town: Town, case_id: UUID, *acts: str) -> None:
    for act in acts:
        who = "handler-um" if act == "start" else "operator-1"
        assert town.act(case_id, [], (who, act, {})) == 200


def test_an_alarm_that_nobody_reviews_or_sees_expires(town: Town) -> None:
    case_id, report = _alarm(town)
    town.clock.pass_by(71 * _HOUR_S)
    now = town.clock()
    town.place.report(followed(report, phase="updated", occurred_at=now, received_at=now))
    town.clock.pass_by(71 * _HOUR_S)
    expire_alarms(town.services)
    assert _shown(town, case_id)["state"] == "detected"
    town.clock.pass_by(2 * _HOUR_S)
    expire_alarms(town.services)
    case = _shown(town, case_id)
    assert (case["state"], case["version"], case["clocks"]["stage"]) == ("expired", 1, None)
    assert _told(town, case_id)[-1] == ("expired", None)


def test_what_a_person_reported_waits_for_an_answer(town: Town) -> None:
    word = {
        "source": "hotline",
        "kind": "goods-piled",
        "description": "bricks on the pavement",
        "occurred_at": town.clock().isoformat(),
    }
    case_id = town.people["operator-1"].post("/api/v1/reports", json=word).json()["case_id"]
    town.clock.pass_by(1000 * _HOUR_S)
    expire_alarms(town.services)
    assert _shown(town, case_id)["state"] == "detected"


def test_an_expired_alarm_that_is_seen_again_is_reviewed_anew(town: Town) -> None:
    case_id, report = _alarm(town)
    town.clock.pass_by(80 * _HOUR_S)
    expire_alarms(town.services)
    town.clock.pass_by(60)
    now = town.clock()
    town.place.report(followed(report, phase="updated", occurred_at=now, received_at=now))
    case = _shown(town, case_id)
    assert (case["state"], case["clocks"]["stage"], case["clocks"]["overdue"]) == ("detected", "accept", False)


def test_nothing_expires_where_the_place_has_taken_the_limit_away(town: Town) -> None:
    case_id, _ = _alarm(town)
    with town.database.write() as session:
        changed(session, Subject.RULES)
        session.execute(delete(StageLimit).where(StageLimit.stage == "expire"))
    town.clock.pass_by(1000 * _HOUR_S)
    expire_alarms(town.services)
    assert _shown(town, case_id)["state"] == "detected"


def test_a_stage_is_overdue_and_escalated_once_for_each_level(town: Town) -> None:
    case_id, _ = _alarm(town)
    _handle(town, case_id, "confirm", "dispatch")
    steps = [("escalated", 1), ("overdue", None), ("escalated", 2), ("escalated", 3)]
    for minutes, expected in ((95, 0), (2, 1), (20, 1), (4, 3), (118, 3), (2, 4), (10_000, 4)):
        town.clock.pass_by(minutes * 60)
        escalate(town.services)
        escalate(town.services)
        assert _told(town, case_id) == steps[:expected], minutes
    case = _shown(town, case_id)
    assert (case["clocks"]["overdue"], case["clocks"]["overdue_at"]) == (True, case["handle_due_at"])
    assert case["version"] == 3


def test_the_next_stage_is_told_of_from_the_beginning(town: Town) -> None:
    case_id, _ = _alarm(town)
    town.clock.pass_by(3 * _HOUR_S)
    escalate(town.services)
    assert _told(town, case_id) == [("overdue", None), *(("escalated", level) for level in (1, 2, 3))]
    _handle(town, case_id, "confirm")
    clocks = _shown(town, case_id)["clocks"]
    assert (clocks["overdue"], clocks["overdue_at"], clocks["escalation"]) == (False, None, 0)


def test_an_overdue_case_gets_no_extension_but_may_be_suspended(town: Town) -> None:
    case_id, _ = _alarm(town)
    _handle(town, case_id, "confirm", "dispatch", "start")
    ask = f"/api/v1/cases/{case_id}/asks"
    handler, supervisor = town.people["handler-um"], town.people["supervisor"]
    early = handler.post(ask, json={"type": "extension", "reason": "rain"}).json()["ask"]["id"]
    town.clock.pass_by(3 * _HOUR_S)
    late = supervisor.post(f"{ask}/{early}/decision", json={"granted": True})
    assert (late.status_code, "overdue" in late.json()["detail"]) == (409, True)
    assert supervisor.post(f"{ask}/{early}/decision", json={"granted": False}).status_code == 200
    assert handler.post(ask, json={"type": "extension", "reason": "rain"}).status_code == 409
    asked = handler.post(ask, json={"type": "suspension", "reason": "a lawsuit"}).json()["ask"]["id"]
    clocks = supervisor.post(f"{ask}/{asked}/decision", json={"granted": True}).json()["case"]["clocks"]
    assert (clocks["remaining_s"], clocks["stage_due_at"]) == (-_HOUR_S, None)
    town.clock.pass_by(1000 * _HOUR_S)
    escalate(town.services)
    resumed = handler.post(f"/api/v1/cases/{case_id}/resume").json()["clocks"]
    assert resumed["overdue"] is True


def test_a_suspended_case_is_told_of_by_nobody(town: Town) -> None:
    case_id, _ = _alarm(town)
    _handle(town, case_id, "confirm", "dispatch", "start")
    ask = f"/api/v1/cases/{case_id}/asks"
    asked = town.people["handler-um"].post(ask, json={"type": "suspension", "reason": "rain"}).json()["ask"]["id"]
    town.people["supervisor"].post(f"{ask}/{asked}/decision", json={"granted": True})
    town.clock.pass_by(10_000 * _HOUR_S)
    escalate(town.services)
    assert _told(town, case_id) == []


def test_many_ripe_cases_are_done_in_several_transactions(town: Town) -> None:
    now = town.clock()
    made = [a_report(first_seen_at=now, occurred_at=now, received_at=now) for _ in range(410)]
    answers = town.place.report(*made)
    town.clock.pass_by(100 * _HOUR_S)
    escalate(town.services)
    expire_alarms(town.services)
    with town.database.read() as session:
        states = {session.get_one(Case, answer.case_id).state.value for answer in answers}
    assert states == {"expired"}
    assert len(_told(town, answers[0].case_id or UUID(int=0))) == 5


def test_a_place_may_have_other_steps_or_none(town: Town) -> None:
    with town.database.write() as session:
        changed(session, Subject.RULES)
        session.execute(delete(EscalationStep).where(EscalationStep.level > 1))
        session.execute(update(EscalationStep).values(share=0.5, tells="mayor"))
    case_id, _ = _alarm(town)
    town.clock.pass_by(6 * 60)
    escalate(town.services)
    assert _told(town, case_id) == [("escalated", 1)]
