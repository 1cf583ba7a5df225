"""What a round of handling leaves to the next: open asks lapse, and no case goes to a department that is no more."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from api.rights import Role
from api.tables import Case, Department
from tests.api.cases.steps import OTHER_DEPARTMENT, Life
from tests.api.place import Place


@pytest.mark.parametrize(("act", "said"), [("return", {"reason": "not our road"}), ("finish", {})])
@pytest.mark.parametrize("wanted", ["extension", "suspension"])
def test_an_ask_that_is_open_lapses_with_its_round(
    shared_sqlite_place: Place, wanted: str, act: str, said: dict[str, str]
) -> None:
    life = Life(shared_sqlite_place).to("handling")
    asked = life.done(Role.HANDLER, "asks", type=wanted, reason="rain")["ask"]["id"]
    case = life.done(Role.HANDLER, act, **said)
    [ask] = life.get("asks")
    assert (ask["granted"], ask["note"]) == (False, f"lapsed: the case is {case['state']}")
    assert life.get("history")["items"][-1]["details"]["lapsed"] == [wanted]
    assert "decide_ask" not in life.shown()["allowed_acts"]
    assert life.act(Role.SUPERVISOR, f"asks/{asked}/decision", granted=True).status_code == 409


def test_who_has_the_case_next_asks_anew(shared_place: Place) -> None:
    life = Life(shared_place).to("handling")
    life.done(Role.HANDLER, "asks", type="extension", reason="rain")
    life.done(Role.HANDLER, "return", reason="not our road")
    life.done(Role.OPERATOR, "dispatch", department=OTHER_DEPARTMENT)
    answer = life.act(Role.HANDLER, "asks", of=OTHER_DEPARTMENT, type="extension", reason="snow")
    assert answer.status_code == 201, answer.text
    assert [ask["granted"] for ask in life.get("asks")] == [False, None]


def test_what_is_never_due_is_not_extended(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("handling")
    asked = life.done(Role.HANDLER, "asks", type="extension", reason="rain")["ask"]["id"]
    # As of a calendar without working time: the extension would be used up, and no line of the ledger would tell.
    with shared_sqlite_place.app.state.services.database.write() as session:
        session.execute(update(Case).where(Case.id == life.id).values(stage_due_at=None))
    refused = life.refused(Role.SUPERVISOR, f"asks/{asked}/decision", granted=True)
    assert "where something is due" in refused["detail"]
    assert life.shown()["clocks"]["extension_count"] == 0


def test_no_case_is_dispatched_to_a_department_that_was_retired(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("filed")
    own = life.shown()["department"]
    _retire(shared_sqlite_place, own, retired=True)
    try:
        for said in ({}, {"department": own}):
            answer = life.act(Role.OPERATOR, "dispatch", **said)
            assert (answer.status_code, "in use" in answer.text) == (422, True)
        assert life.done(Role.OPERATOR, "dispatch", department=OTHER_DEPARTMENT)["state"] == "dispatched"
    finally:
        _retire(shared_sqlite_place, own, retired=False)


def _retire(place: Place, key: str, *, retired: bool) -> None:
    with place.app.state.services.database.write() as session:
        session.get_one(Department, key).retired = retired
