"""Each act of a person on a case: what it does, whom it lets, what it needs to be told, when it is refused."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from api.kept import Subject, changed
from api.rights import Role
from api.tables import AuditRow, BlindSource, Case, KindCondition, StageLimit
from tests.api.cases.steps import OTHER_DEPARTMENT, Life
from tests.api.place import Place, followed


def test_a_case_goes_from_alarm_to_closure(shared_place: Place) -> None:
    life = Life(shared_place).to("closed")
    case = life.shown()
    assert (case["state"], case["version"]) == ("closed", 7)
    assert life.acts() == [
        *("detected", "confirmed", "dispatched", "started", "handled", "checking", "closed"),
    ]
    clocks = case["clocks"]
    assert (clocks["limit"], clocks["limit_unit"], clocks["stage"]) == (2, "urgent_hour", None)
    assert life.timers()[-5:] == [
        *(("dispatch", "stop"), ("handle", "start"), ("handle", "stop"), ("check", "start"), ("check", "stop")),
    ]


def test_each_act_is_an_audit_row_in_its_transaction(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("handling")
    with shared_sqlite_place.app.state.services.database.read() as session:
        rows = session.query(AuditRow).filter_by(subject=f"case:{life.id}").order_by(AuditRow.id).all()
    assert [(row.action, row.details["act"], row.actor) for row in rows] == [
        ("case.confirm_or_reject", "confirmed", "person:operator-all"),
        ("case.dispatch", "dispatched", "person:operator-all"),
        ("case.start_or_finish_handling", "started", "person:handler-urban-management"),
    ]


@pytest.mark.parametrize(
    ("state", "who", "act"),
    [
        ("filed", Role.OPERATOR, "reject"),
        ("dispatched", Role.HANDLER, "return"),
        ("filed", Role.SUPERVISOR, "void"),
        ("checking", Role.OPERATOR, "fail-check"),
        ("closed", Role.OPERATOR, "reopen"),
        ("filed", Role.SUPERVISOR, "flags"),
    ],
)
@pytest.mark.parametrize("reason", [None, "", "  ", "a\x00b", "x" * 501])
def test_what_needs_a_reason_is_refused_without_one(
    shared_sqlite_place: Place, state: str, who: Role, act: str, reason: str | None
) -> None:
    life = Life(shared_sqlite_place).to(state)
    before = life.shown()
    assert life.act(who, act, reason=reason, urgent=True).status_code == 422
    assert life.shown() == before


def test_a_conflict_says_the_state_and_what_is_allowed(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("dispatched")
    problem = life.refused(Role.HANDLER, "finish")
    assert problem["current"] == {"state": "dispatched", "version": 3, "number": life.shown()["number"]}
    assert problem["allowed_acts"] == [
        *("assign", "start", "return", "ask_extension", "comment", "add_evidence"),
    ]
    assert "dispatched" in problem["detail"]


def test_every_act_refuses_a_stale_version(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("dispatched")
    assert life.refused(Role.HANDLER, "start", version=2)["current"]["version"] == 3
    path = f"/api/v1/cases/{life.id}/start"
    started = shared_sqlite_place.person(Role.HANDLER).post(path, headers={"If-Match": '"3"'})
    assert (started.status_code, started.headers["ETag"]) == (200, '"4"')


def test_a_handler_acts_on_cases_of_the_own_department_only(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("dispatched")
    assert life.act(Role.HANDLER, "start", of=OTHER_DEPARTMENT).status_code == 403
    assert life.act(Role.OPERATOR, "start").status_code == 403
    assert life.act(Role.HANDLER, "start").status_code == 200


def test_dispatch_goes_to_a_department_that_there_is(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("filed")
    assert life.act(Role.OPERATOR, "dispatch", department="nobody").status_code == 422
    sent = life.done(Role.OPERATOR, "dispatch", department=OTHER_DEPARTMENT)
    assert (sent["department"], sent["state"]) == (OTHER_DEPARTMENT, "dispatched")


def test_a_returned_case_is_dispatched_anew_with_a_full_limit(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("handling")
    returned = life.done(Role.HANDLER, "return", reason="on the highway")
    assert (returned["state"], returned["clocks"]["stage"], returned["handle_due_at"]) == ("returned", "dispatch", None)
    assert returned["clocks"]["return_count"] == 1
    again = life.done(Role.OPERATOR, "dispatch")
    assert again["clocks"]["stage"] == "handle"
    assert again["handle_due_at"] is not None


def test_the_limit_is_fixed_at_the_dispatch_by_the_condition(shared_sqlite_place: Place) -> None:
    with shared_sqlite_place.app.state.services.database.write() as session:
        session.merge(
            KindCondition(
                kind_key="street-encroachment",
                key="blocks-traffic",
                filed_when_en="it blocks traffic",
                filed_when_zh="影响交通",
                limit=1.0,
                limit_unit="hour",
            )
        )
    life = Life(shared_sqlite_place)
    assert life.act(Role.OPERATOR, "confirm", condition_key="no-such").status_code == 422
    filed = life.done(Role.OPERATOR, "confirm", condition_key="blocks-traffic")
    assert filed["condition_key"] == "blocks-traffic"
    sent = life.done(Role.OPERATOR, "dispatch")
    assert (sent["clocks"]["limit"], sent["clocks"]["limit_unit"]) == (1.0, "hour")


def test_another_kind_keeps_the_detected_one_and_moves_the_department(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place)
    given = life.done(Role.OPERATOR, "kind", kind="exposed-garbage", reason="rubbish, no stall")
    assert (given["kind"]["key"], given["detected_kind"]) == ("exposed-garbage", "street-encroachment")
    assert given["department"] == "sanitation"
    assert life.act(Role.OPERATOR, "kind", kind="dragons").status_code == 422
    life.done(Role.OPERATOR, "confirm")
    life.done(Role.OPERATOR, "dispatch")
    later = life.done(Role.OPERATOR, "kind", kind="bin-overflow")
    assert (later["department"], later["clocks"]["limit"]) == ("sanitation", 4)
    assert life.acts().count("kind_changed") == 2


def test_voiding_is_a_supervisors_and_only_before_dispatch(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("filed")
    assert life.act(Role.OPERATOR, "void", reason="twice").status_code == 403
    assert life.done(Role.SUPERVISOR, "void", reason="twice")["state"] == "void"
    other = Life(shared_sqlite_place).to("dispatched")
    other.refused(Role.SUPERVISOR, "void", reason="twice")


def test_a_person_closes_what_another_handled_and_says_what_they_saw(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("handling")
    life.done(Role.SUPERVISOR, "finish")
    life.done(Role.SUPERVISOR, "check")
    assert life.act(Role.SUPERVISOR, "close", checked_by="person", note="clear").status_code == 403
    assert life.act(Role.OPERATOR, "close", checked_by="person").status_code == 422
    assert life.done(Role.OPERATOR, "close", checked_by="person", note="clear")["state"] == "closed"


def test_a_camera_closes_only_what_it_saw_to_be_gone(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place, source_id="camera-sees").to("checking")
    assert "gone" in life.refused(Role.OPERATOR, "close", checked_by="camera")["detail"]
    shared_sqlite_place.report(followed(life.report, phase="cleared"))
    database = shared_sqlite_place.app.state.services.database
    for source_id in ("camera-sees", ""):
        blind = BlindSource(incident_id=life.id, edge_id="gate-3", source_id=source_id, since=life.report.occurred_at)
        with database.write() as session:
            session.merge(blind)
        assert "blind" in life.refused(Role.OPERATOR, "close", checked_by="camera")["detail"]
    with database.write() as session:
        session.execute(delete(BlindSource).where(BlindSource.incident_id == life.id))
        session.execute(update(Case).where(Case.id == life.id).values(still_there=True, gone_at=None))
    assert "still" in life.refused(Role.OPERATOR, "close", checked_by="camera")["detail"]
    with database.write() as session:
        session.execute(update(Case).where(Case.id == life.id).values(gone_at=life.report.occurred_at))
    assert life.done(Role.OPERATOR, "close", checked_by="camera")["state"] == "closed"


def test_a_failed_check_is_rework_with_a_full_limit(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("checking")
    again = life.done(Role.OPERATOR, "fail-check", reason="half of it is there")
    assert (again["state"], again["handled_at"], again["clocks"]["rework_count"]) == ("handling", None, 1)
    assert life.timers()[-2:] == [("check", "stop"), ("handle", "start")]


def test_a_closed_case_is_reopened_within_the_window_that_the_place_set(sqlite_place: Place) -> None:
    life = Life(sqlite_place).to("closed")
    assert "reopen" in life.shown()["allowed_acts"]
    again = life.done(Role.OPERATOR, "reopen", reason="they are back")
    assert (again["state"], again["closed_at"], again["clocks"]["reopened_count"]) == ("handling", None, 1)
    other = Life(sqlite_place).to("closed")
    with sqlite_place.app.state.services.database.write() as session:
        changed(session, Subject.RULES)
        session.execute(update(StageLimit).where(StageLimit.stage == "reopen").values(limit=0.0))
    assert "within 0 hour" in other.refused(Role.OPERATOR, "reopen", reason="they are back")["detail"]
    assert "reopen" not in other.shown()["allowed_acts"]


def test_extensions_add_one_limit_each_and_two_at_most(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("dispatched")
    for count in (1, 2):
        answer = life.granted("extension")
        assert answer.status_code == 200, answer.text
        assert answer.json()["case"]["clocks"]["extension_count"] == count
    clocks = life.shown()["clocks"]
    assert (clocks["stage_limit"], clocks["limit"]) == (6, 2)
    life.refused(Role.HANDLER, "asks", type="extension", reason="rain")
    assert [asked["granted"] for asked in life.get("asks")] == [True, True]
    assert life.acts()[-4:] == ["asked", "ask_decided", "asked", "ask_decided"]


def test_a_suspension_rests_the_clock_once(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("handling")
    answer = life.granted("suspension").json()["case"]
    assert (answer["state"], answer["handle_due_at"]) == ("suspended", None)
    assert answer["clocks"]["remaining_s"] == pytest.approx(7200, abs=60)
    resumed = life.done(Role.HANDLER, "resume")
    assert (resumed["state"], resumed["clocks"]["paused_at"]) == ("handling", None)
    assert resumed["handle_due_at"] is not None
    life.refused(Role.HANDLER, "asks", type="suspension", reason="rain")
    assert life.timers()[-3:] == [("handle", "start"), ("handle", "pause"), ("handle", "resume")]


def test_a_refused_ask_changes_no_clock_and_is_decided_once(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("handling")
    due_at = life.shown()["handle_due_at"]
    answer = life.granted("suspension", granted=False).json()
    assert (answer["case"]["state"], answer["case"]["handle_due_at"]) == ("handling", due_at)
    life.refused(Role.SUPERVISOR, f"asks/{answer['ask']['id']}/decision", granted=True)
    other = Life(shared_sqlite_place).to("handling")
    assert other.act(Role.SUPERVISOR, f"asks/{answer['ask']['id']}/decision", granted=True).status_code == 404


def test_the_same_is_asked_for_once_at_a_time(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("handling")
    life.done(Role.HANDLER, "asks", type="extension", reason="rain")
    life.refused(Role.HANDLER, "asks", type="extension", reason="snow")
    life.done(Role.HANDLER, "asks", type="suspension", reason="snow")
    assert life.act(Role.SUPERVISOR, "asks", type="extension", reason="rain").status_code == 403


def test_assigning_is_free_for_operators_and_for_oneself(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("dispatched")
    shared_sqlite_place.person(Role.HANDLER)
    shared_sqlite_place.person(Role.HANDLER, OTHER_DEPARTMENT)
    handler = "handler-urban-management"
    assert life.done(Role.HANDLER, "assign", assignee=handler)["assignee"] == handler
    assert life.done(Role.HANDLER, "assign", assignee=None)["assignee"] is None
    assert life.act(Role.HANDLER, "assign", assignee="operator-all").status_code == 403
    assert life.done(Role.OPERATOR, "assign", assignee="operator-all")["assignee"] == "operator-all"
    assert life.act(Role.HANDLER, "assign", assignee=handler).status_code == 403
    assert (
        "assign" not in shared_sqlite_place.person(Role.HANDLER).get(f"/api/v1/cases/{life.id}").json()["allowed_acts"]
    )
    for nobody in ("nobody", f"handler-{OTHER_DEPARTMENT}", "administrator", ""):
        assert life.act(Role.OPERATOR, "assign", assignee=nobody).status_code == 422, nobody


def test_flags_are_set_by_name_and_leave_the_others(shared_sqlite_place: Place) -> None:
    life = Life(shared_sqlite_place).to("filed")
    life.done(Role.SUPERVISOR, "flags", urgent=True, supervised=True, reason="the mayor asked")
    case = life.done(Role.SUPERVISOR, "flags", urgent=False, exempt=True, reason="a flood")
    assert (case["urgent"], case["supervised"], case["exempt"]) == (False, True, True)
    assert life.act(Role.SUPERVISOR, "flags", reason="nothing").status_code == 422
    assert life.act(Role.OPERATOR, "flags", urgent=True, reason="hurry").status_code == 403


def test_comments_and_links_leave_the_version(shared_sqlite_place: Place) -> None:
    life, other = Life(shared_sqlite_place).to("filed"), Life(shared_sqlite_place)
    version = life.shown()["version"]
    assert life.done(Role.HANDLER, "comments", text="谁的摊位?")["version"] == version
    assert life.done(Role.OPERATOR, "links", other_id=str(other.id))["version"] == version
    assert life.get("links") == other.get("links")
    other.refused(Role.OPERATOR, "links", other_id=str(life.id))
    assert life.act(Role.OPERATOR, "links", other_id=str(life.id)).status_code == 422
    assert life.act(Role.OPERATOR, "links", other_id="0" * 32).status_code == 404
    assert life.acts()[-2:] == ["commented", "linked"]


def test_a_rejected_alarm_is_muted_by_its_kind(shared_sqlite_place: Place) -> None:
    stall, fire = Life(shared_sqlite_place), Life(shared_sqlite_place, kind="burning")
    muted = stall.done(Role.OPERATOR, "reject", reason="a shadow")
    assert muted["muted_until"] is not None
    assert fire.done(Role.OPERATOR, "reject", reason="steam")["muted_until"] is None
    assert muted["clocks"]["stage"] is None
