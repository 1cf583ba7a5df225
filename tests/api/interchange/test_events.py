"""What happens to cases is told as it happens: nothing skipped, and only to those who may see it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from api.cases.history import Act, line, line_values
from api.clock import utc_now
from api.inserting import insert_rows
from api.interchange import feed, stream
from api.interchange.horizon import SafeHorizon
from api.rights import Role
from api.settings import ApiSettings
from api.tables import Case, HistoryLine
from tests.api.interchange.hooks import soon
from tests.api.interchange.listening import SOON_S, Ear
from tests.api.place import Place, a_report

EVENTS = "/api/v1/cases/events"


def _filed(place: Place, **changes: Any) -> str:
    [answer] = place.report(a_report(**changes))
    confirmed = place.person(Role.OPERATOR).post(f"/api/v1/cases/{answer.case_id}/confirm")
    assert confirmed.status_code == 200, confirmed.text
    return str(answer.case_id)


def _line_of(place: Place, session: Session, case_id: str, act: Act) -> None:
    """Locks the case, as every writer does, and adds a line."""
    case = session.get_one(Case, case_id, with_for_update=True)
    session.add(line(case.id, act, at=utc_now(), actor="person:li", request_id=None))
    session.flush()


def test_an_operator_hears_what_happens_to_a_case(shared_place: Place) -> None:
    with Ear(shared_place.person(Role.OPERATOR)) as ear:
        case_id = _filed(shared_place)
        ear.wait_for(2)

    mine = [heard for heard in ear.heard if heard.told["case_id"] == case_id]
    assert [heard.event for heard in mine] == ["case.detected", "case.confirmed"]
    assert mine[1].told["id"] == mine[1].id
    case = shared_place.case(case_id)
    told = {key: mine[1].told[key] for key in ("number", "state", "version", "kind", "department", "grid_id")}
    assert told == {
        "number": case["number"],
        "state": "filed",
        "version": case["version"],
        "kind": "street-encroachment",
        "department": case["department"],
        "grid_id": None,
    }
    assert [heard.id for heard in ear.heard] == sorted(heard.id for heard in ear.heard)


def test_whoever_comes_back_hears_what_was_missed_and_then_what_happens(shared_place: Place) -> None:
    client = shared_place.person(Role.OPERATOR)
    with Ear(client) as ear:
        first = _filed(shared_place)
        ear.wait_for(2)
    missed = _filed(shared_place)
    with Ear(client, header=str(ear.last_id)) as again, Ear(client, header=str(ear.last_id)) as other:
        again.wait_for(2)
        now = _filed(shared_place)
        for listener in (again, other):
            heard = listener.wait_for(4)
            assert [told.told["case_id"] for told in heard] == [missed, missed, now, now]
    with Ear(client, header=str(ear.heard[0].id - 1)) as all_again:
        assert [told.told["case_id"] for told in all_again.wait_for(6)][:2] == [first, first]


def test_whoever_would_rather_ask_gets_the_same_in_pages(shared_place: Place) -> None:
    client = shared_place.person(Role.OPERATOR)
    with Ear(client) as ear:
        cases = [_filed(shared_place) for _ in range(3)]
        heard = ear.wait_for(6)
    asked: list[Any] = []
    after, more = heard[0].id - 1, True
    while more:
        page = client.get(EVENTS, params={"limit": 4, "last_event_id": after}).json()
        asked, after, more = [*asked, *page["items"]], page["next"], page["more"]
    assert [(item["id"], item["event"]) for item in asked] == [(told.id, told.event) for told in heard]
    assert {item["case_id"] for item in asked} == set(cases)
    with Ear(client, last_event_id=heard[3].id) as by_parameter:
        assert [told.id for told in by_parameter.wait_for(2)] == [heard[4].id, heard[5].id]


def test_a_backlog_is_read_in_pieces(shared_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PIECE_LINES", 3)
    client = shared_place.person(Role.SUPERVISOR)
    with Ear(client) as ear:
        cases = [_filed(shared_place) for _ in range(4)]
        ear.wait_for(8)
    with Ear(client, header=str(ear.heard[0].id - 1)) as again:
        told = [heard.told["case_id"] for heard in again.wait_for(8)]
    assert told[:8] == [case_id for case_id in cases for _ in range(2)]


def test_a_handler_hears_of_filed_cases_of_the_own_department_only(shared_place: Place) -> None:
    with Ear(shared_place.person(Role.HANDLER, "urban-management"), header="0") as ear:
        shared_place.report(a_report())
        _filed(shared_place, kind="exposed-garbage")
        mine = _filed(shared_place)
        while mine not in [heard.told["case_id"] for heard in ear.heard]:
            ear.wait_for(len(ear.heard) + 1)
    assert {heard.told["department"] for heard in ear.heard} == {"urban-management"}
    assert "detected" not in {heard.told["state"] for heard in ear.heard}


@pytest.mark.parametrize(
    ("wanted", "hears"),
    [
        ({"kind": ["grain-drying", "burning"]}, {"grain-drying"}),
        ({"state": "filed"}, {"grain-drying", "exposed-garbage"}),
        ({"department": "sanitation"}, {"exposed-garbage"}),
        ({"state": "closed"}, set()),
    ],
)
def test_a_listener_hears_only_what_it_asked_for(
    shared_sqlite_place: Place, wanted: dict[str, Any], hears: set[str]
) -> None:
    client = shared_sqlite_place.person(Role.SUPERVISOR)
    with Ear(client) as everything, Ear(client, **wanted) as ear:
        cases = {_filed(shared_sqlite_place, kind="grain-drying"), _filed(shared_sqlite_place, kind="exposed-garbage")}
        everything.wait_for(4)
        confirmed = [heard for heard in everything.heard if heard.event == "case.confirmed"]
        ear.wait_for(len(hears))
    assert len(confirmed) == 2
    assert {heard.told["kind"] for heard in ear.heard if heard.event == "case.confirmed"} == hears
    page = client.get(EVENTS, params=wanted | {"last_event_id": everything.heard[0].id - 1}).json()
    kinds = {item["kind"] for item in page["items"] if item["case_id"] in cases and item["event"] == "case.confirmed"}
    assert kinds == hears


def test_a_transaction_that_began_first_and_commits_last_is_not_skipped(shared_postgres_place: Place) -> None:
    place = shared_postgres_place
    slow_case, quick_case = _filed(place), _filed(place)
    database = place.app.state.services.database
    written, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        with database.write() as session:
            _line_of(place, session, slow_case, Act.COMMENTED)
            written.set()
            assert go_on.wait(SOON_S)

    with Ear(place.person(Role.OPERATOR)) as ear:
        slow = threading.Thread(target=slowly)
        slow.start()
        assert written.wait(SOON_S)
        with database.write() as session:
            _line_of(place, session, quick_case, Act.COMMENTED)
        held_back = not ear.ended.wait(1.0) and ear.heard == []
        page = place.person(Role.OPERATOR).get(EVENTS, params={"limit": 500, "last_event_id": ear.last_id or 0}).json()
        go_on.set()
        slow.join()
        heard = ear.wait_for(2)
    assert held_back
    assert quick_case not in [item["case_id"] for item in page["items"] if item["event"] == "case.commented"]
    assert [told.told["case_id"] for told in heard] == [slow_case, quick_case]


def test_the_horizon_advances_while_there_is_always_somebody_writing(shared_postgres_place: Place) -> None:
    place = shared_postgres_place
    database = place.app.state.services.database
    case_ids = [_filed(place), _filed(place)]
    horizon = SafeHorizon(database)
    sessions = [Session(database.engine), Session(database.engine)]
    seen = []
    _line_of(place, sessions[0], case_ids[0], Act.COMMENTED)
    for turn in range(6):
        newer, older = sessions[(turn + 1) % 2], sessions[turn % 2]
        _line_of(place, newer, case_ids[(turn + 1) % 2], Act.COMMENTED)
        older.commit()
        seen.append(horizon.poll())
    for session in sessions:
        session.close()
    known = [line_id for line_id in seen if line_id is not None]
    assert known == sorted(known)
    assert len(set(known)) >= 3


def test_one_who_may_no_longer_listen_is_cut_off(shared_sqlite_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHECK_RIGHTS_S", 0.0)
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.1)
    client = shared_sqlite_place.person(Role.HANDLER, "fire-rescue")
    with Ear(client) as ear:
        assert client.delete("/api/v1/sessions/current").status_code == 204
        assert ear.ended.wait(SOON_S)
    assert ear.comments[-1] == ": closed"


def test_a_quiet_stream_shows_that_it_lives(shared_sqlite_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    with Ear(shared_sqlite_place.person(Role.OPERATOR)) as ear:
        assert not ear.ended.wait(0.6)
    assert ear.comments.count(": alive") > 3
    assert ear.last_id is not None


def test_one_who_is_too_slow_is_let_go_and_comes_back_for_the_rest(
    shared_sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "QUEUE_EVENTS", 0)
    client = shared_sqlite_place.person(Role.OPERATOR)
    with Ear(client) as ear:
        case_id = _filed(shared_sqlite_place)
        assert ear.ended.wait(SOON_S)
    monkeypatch.setattr(feed, "QUEUE_EVENTS", 100)
    with Ear(client, header="0") as again:
        while case_id not in [heard.told["case_id"] for heard in again.heard]:
            again.wait_for(len(again.heard) + 1)


def test_one_who_reads_nothing_is_cut_off(sqlite_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SEND_S", 0.3)
    case_id = UUID(_filed(sqlite_place))
    services = sqlite_place.app.state.services
    lines = [line_values(case_id, Act.COMMENTED, at=utc_now(), actor="person:li", request_id=None)] * 30_000
    with services.database.write() as session:
        insert_rows(session, HistoryLine, lines)
    client = sqlite_place.person(Role.OPERATOR)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((client.base_url.host, client.base_url.port or 80))
        head = f"GET {EVENTS} HTTP/1.1\r\nHost: here\r\nAccept: text/event-stream\r\nLast-Event-ID: 0\r\n"
        deaf.sendall(f"{head}Authorization: {client.headers['Authorization']}\r\n\r\n".encode())
        soon(lambda: services.feed.listeners == 1)
        soon(lambda: services.feed.listeners == 0)


@pytest.fixture
def listening_place(settings_for: Any, tmp_path: Any) -> Iterator[tuple[Place, Ear]]:
    settings: ApiSettings = settings_for(f"sqlite:///{tmp_path / 'cases.db'}")
    with Place(settings) as place, Ear(place.person(Role.OPERATOR)) as ear:
        yield place, ear


def test_streams_end_when_the_server_does(listening_place: tuple[Place, Ear]) -> None:
    place, ear = listening_place
    place.stop()
    assert ear.ended.wait(SOON_S)


def test_too_many_listeners_are_asked_to_come_again(
    shared_sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "LISTENERS_MAX", 0)
    answer = shared_sqlite_place.person(Role.OPERATOR).get(EVENTS, headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_who_may_list_nothing_hears_nothing(shared_sqlite_place: Place) -> None:
    answer = shared_sqlite_place.person(Role.INTEGRATOR).get(EVENTS, headers={"Accept": "text/event-stream"})
    assert answer.status_code == 403
