"""An edge that falls silent becomes a case, and one that is back ends it; the centre's own outage makes none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.edges.silence import (
    LOOKED_AWAY,
    SILENT_AFTER,
    UPDATED_EVERY,
    Heard,
    OpenFault,
    Watching,
    reports_of,
    watch_for_silence,
)
from api.rights import Role
from api.schemas import EdgeStatusReport
from api.tables import Incident
from tests.api.conftest import SettingsFactory
from tests.api.place import Clocked, Place, followed

STEP_S = 10.0
START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


class Watched:
    """A place whose clock runs in steps, with a look at the edges at each; edges speak every half minute."""

    def __init__(self, place: Place, clock: Clocked) -> None:
        self.place = place
        self.clock = clock
        self.speaking: set[str] = set()
        watch_for_silence(place.app.state.services)

    def pass_by(self, seconds: float) -> None:
        for step in range(int(seconds / STEP_S)):
            self.clock.pass_by(STEP_S)
            if step % 3 == 0:
                self.speak(*self.speaking)
            watch_for_silence(self.place.app.state.services)

    def speak(self, *edge_ids: str) -> None:
        now = self.clock.now
        short = {"version": "1", "sent_at": now, "started_at": now}
        statuses = [{"edge_id": edge_id, "received_at": now, "status": short} for edge_id in edge_ids]
        self.place.service.report_edge_statuses([EdgeStatusReport.model_validate(status) for status in statuses])

    def faults(self) -> list[tuple[str, str | None]]:
        """Returns edge and clear reason of each edge-fault, in the order in which they began."""
        with self.place.app.state.services.database.read() as session:
            found = session.query(Incident).filter(Incident.kind_key == "edge-fault").order_by(Incident.first_seen_at)
            return [(incident.edge_id, incident.clear_reason) for incident in found]


@pytest.fixture
def watched(settings_for: SettingsFactory, database_url: str) -> Iterator[Watched]:
    clock = Clocked()
    with Place(settings_for(database_url), clock) as place:
        yield Watched(place, clock)


def test_an_edge_that_misses_three_statuses_is_a_case_until_it_is_back(watched: Watched) -> None:
    for edge_id in ("gate-1", "gate-2", "never-spoke"):
        watched.place.edge_key(edge_id)
    watched.speaking = {"gate-1", "gate-2"}
    watched.speak("gate-1", "gate-2")
    watched.pass_by(120)
    assert watched.faults() == []
    watched.speaking = {"gate-2"}
    watched.pass_by(80)
    assert watched.faults() == []
    watched.pass_by(60)
    assert watched.faults() == [("gate-1", None)]
    [case] = watched.place.cases()
    assert (case["kind"]["key"], case["edge_id"], case["source_id"], case["gone_at"]) == (
        "edge-fault",
        "gate-1",
        "gate-1",
        None,
    )
    watched.pass_by(UPDATED_EVERY.total_seconds() * 2)
    reported = watched.place.case(case["id"])["reports_count"]
    assert reported == 3
    watched.speaking = {"gate-1", "gate-2"}
    watched.pass_by(60)
    assert watched.faults() == [("gate-1", "gone")]
    assert watched.place.case(case["id"])["gone_at"] is not None


def test_a_second_silence_is_an_incident_of_its_own(watched: Watched) -> None:
    watched.place.edge_key("gate-1")
    for _ in range(2):
        watched.speak("gate-1")
        watched.pass_by(180)
    assert watched.faults() == [("gate-1", "gone"), ("gate-1", None)]


def test_a_revoked_edge_is_not_waited_for(watched: Watched) -> None:
    watched.place.edge_key("gate-1")
    watched.speak("gate-1")
    watched.pass_by(180)
    session = watched.place.person(Role.ADMINISTRATOR)
    assert session.delete("/api/v1/edges/gate-1/keys").status_code == 204
    watched.pass_by(30)
    assert watched.faults() == [("gate-1", "withdrawn")]
    watched.pass_by(60)
    assert len(watched.faults()) == 1


def test_after_the_centre_s_own_outage_edges_get_their_time(watched: Watched) -> None:
    edges = [f"gate-{n}" for n in range(5)]
    for edge_id in edges:
        watched.place.edge_key(edge_id)
    watched.speaking = set(edges)
    watched.speak(*edges)
    watched.pass_by(60)
    watched.clock.pass_by(3600)
    watched.speaking = set(edges[1:])
    watched.pass_by(90)
    assert watched.faults() == []
    watched.pass_by(60)
    assert watched.faults() == [("gate-0", None)]


def test_to_look_twice_changes_nothing(watched: Watched) -> None:
    watched.place.edge_key("gate-1")
    watched.speak("gate-1")
    watched.pass_by(180)
    [case] = watched.place.cases()
    before = watched.place.case(case["id"])["reports_count"]
    for _ in range(3):
        watch_for_silence(watched.place.app.state.services)
    assert watched.place.case(case["id"])["reports_count"] == before


def test_the_reports_of_one_silence_are_always_the_same() -> None:
    edge = Heard("gate-1", START, in_force=True)
    now = START + SILENT_AFTER + timedelta(seconds=1)
    [one] = reports_of([edge], {}, now=now, since=START)
    [two] = reports_of([edge], {}, now=now + timedelta(seconds=10), since=START)
    assert (one.report_id, one.incident_id) == (two.report_id, two.incident_id)
    assert (one.phase, one.source_type, one.source_id, one.first_seen_at) == ("raised", "edge", "gate-1", START)
    assert followed(one, phase="cleared").incident_id == one.incident_id


@pytest.mark.parametrize(
    ("silence", "phases"),
    [(SILENT_AFTER, []), (SILENT_AFTER + timedelta(seconds=1), ["raised"]), (timedelta(days=2), ["raised"])],
)
def test_just_at_the_limit_nothing_is_said_yet(silence: timedelta, phases: list[str]) -> None:
    told = reports_of([Heard("gate-1", START, in_force=True)], {}, now=START + silence, since=START)
    assert [report.phase for report in told] == phases


def test_an_edge_that_spoke_and_fell_silent_again_ends_one_fault_and_begins_another() -> None:
    [first] = reports_of([Heard("gate-1", START, in_force=True)], {}, now=START + timedelta(minutes=5), since=START)
    later = Heard("gate-1", START + timedelta(minutes=6), in_force=True)
    known = {"gate-1": [OpenFault(first.incident_id, "gate-1", START, START)]}
    told: list[Any] = list(reports_of([later], known, now=START + timedelta(minutes=20), since=START))
    assert [(report.phase, report.clear_reason) for report in told] == [("cleared", "gone"), ("raised", None)]
    assert told[1].incident_id != first.incident_id


def test_a_process_that_looked_away_gives_the_edges_their_time_anew() -> None:
    watching = Watching()
    assert watching.look(START) == START
    assert watching.look(START + timedelta(seconds=10)) == START
    late = START + timedelta(seconds=11) + LOOKED_AWAY
    assert watching.look(late) == late
    assert watching.look(START) == START, "the clock was set back"
