"""Limits are read once, and by all processes anew when somebody changes them."""

from __future__ import annotations

from datetime import date

from sqlalchemy import event

from api.acts.clocks import Limit
from api.acts.stage_rules import load_rules
from api.database import Database
from api.rights import Role
from tests.api.place import Place

STAGES = "/api/v1/catalogue/stages"


def test_an_edited_limit_holds_at_once_here_and_in_another_process(place: Place) -> None:
    here, elsewhere = place.app.state.services.database, Database(place.settings.database_url)
    administrator = place.person(Role.ADMINISTRATOR)
    shown = administrator.get(STAGES).json()
    shown["limits"] = [{"stage": "dispatch", "limit": 7.0, "limit_unit": "hour"}]
    for database in (here, elsewhere):
        with database.read() as session:
            assert load_rules(session).limits["dispatch"] != Limit(7.0, "hour")
    answer = administrator.put(STAGES, json=shown)
    assert answer.status_code == 200, answer.text
    for database in (here, elsewhere):
        with database.read() as session:
            assert load_rules(session).limits == {"dispatch": Limit(7.0, "hour")}
    elsewhere.close()


def test_a_special_day_and_other_hours_hold_at_once(place: Place) -> None:
    database, administrator = place.app.state.services.database, place.person(Role.ADMINISTRATOR)
    calendar = administrator.get("/api/v1/calendars/default").json()
    with database.read() as session:
        before = load_rules(session).hours
    wanted = {name: calendar[name] for name in ("name", "time_zone", "hours", "weekdays")} | {"weekdays": [0, 1]}
    assert administrator.put("/api/v1/calendars/default", json=wanted).status_code == 200
    with database.read() as session:
        after = load_rules(session).hours
    assert before.weekdays != after.weekdays
    days = "day,working,name\n2027-03-01,false,site holiday\n"
    answer = administrator.post(
        "/api/v1/calendars/default/days.csv", content=days, headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 200, answer.text
    with database.read() as session:
        assert (date(2027, 3, 1), False) in load_rules(session).hours.special_days


def test_while_nothing_changes_rules_cost_one_query_of_a_transaction(shared_place: Place) -> None:
    database, asked = shared_place.app.state.services.database, []
    event.listen(database.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    with database.read() as session:
        load_rules(session)
    asked.clear()
    with database.read() as session:
        for _ in range(3):
            load_rules(session)
    assert len([statement for statement in asked if "kept_versions" in statement]) == 1
    assert not [statement for statement in asked if "stage_limits" in statement]
