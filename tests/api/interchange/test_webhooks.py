"""Webhooks are told of filed cases, signed, at least once, however their receivers fare."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import update

from api.first_start import prepare
from api.interchange import sending
from api.interchange.filling import KEPT, forget_deliveries
from api.interchange.sending import DELAYS_S
from api.rights import Role
from api.settings import ApiSettings
from api.tables import AuditRow, LoginSession, Webhook, WebhookDelivery
from tests.api.conftest import SettingsFactory
from tests.api.interchange.hooks import WEBHOOKS, Hook, add_hook, file_case, is_signed, soon, told
from tests.api.place import Clocked, Place
from tests.ingest.receivers import Got, Receiver, Says


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def other() -> Iterator[Receiver]:
    made = Receiver()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def clock() -> Clocked:
    return Clocked()


@pytest.fixture
def timed(settings_for: SettingsFactory, tmp_path: Path, clock: Clocked) -> Iterator[Place]:
    """A place whose clock the test moves; nobody's login ends with it."""
    with Place(settings_for(f"sqlite:///{tmp_path / 'cases.db'}"), clock=clock) as place:
        place.person(Role.ADMINISTRATOR), place.person(Role.OPERATOR)
        with place.app.state.services.database.write() as session:
            session.execute(update(LoginSession).values(expires_at=clock.now.replace(year=2100)))
        yield place


def test_a_filed_case_is_told_as_a_signed_cloud_event(shared_place: Place, receiver: Receiver) -> None:
    hook = add_hook(shared_place, receiver, events=["case.confirmed"])
    case_id = file_case(shared_place)
    soon(lambda: receiver.got)

    [got] = receiver.got
    body = json.loads(got.body)
    assert is_signed(got, hook.secret)
    assert not is_signed(got, "whsec_" + "A" * 43 + "=")
    assert (got.method, got.path) == ("POST", "/hook")
    assert got.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert (body["specversion"], body["type"], body["subject"]) == ("1.0", "streetcase.case.confirmed.v1", case_id)
    assert got.headers["webhook-id"] == body["id"]
    assert body["data"]["number"] == shared_place.case(case_id)["number"]
    [delivery] = soon(lambda: hook.deliveries(state="delivered"))
    assert (delivery["attempts"], delivery["status"], delivery["error"], delivery["next_at"]) == (1, 200, None, None)


def test_a_webhook_hears_in_order_of_filed_cases_of_its_kinds_alone(shared_place: Place, receiver: Receiver) -> None:
    add_hook(shared_place, receiver, kinds=["street-encroachment"])
    file_case(shared_place, kind="exposed-garbage")
    cases = [file_case(shared_place) for _ in range(5)]
    soon(lambda: len(told(receiver)) >= 5)
    assert told(receiver) == [("streetcase.case.confirmed.v1", case_id) for case_id in cases]
    assert {json.loads(got.body)["data"]["kind"] for got in receiver.got} == {"street-encroachment"}
    assert "detected" not in {json.loads(got.body)["data"]["state"] for got in receiver.got}


def test_what_failed_comes_again_under_the_same_id(timed: Place, clock: Clocked, receiver: Receiver) -> None:
    statuses = iter([500, 503, 404])
    receiver.judge = lambda _: Says(next(statuses, 200))
    hook = add_hook(timed, receiver, events=["case.confirmed"])
    file_case(timed)
    for attempt in (1, 2, 3):
        soon(partial(_was_tried, hook, attempt))
        clock.pass_by(DELAYS_S[attempt - 1] * 1.3)
    soon(lambda: hook.deliveries(state="delivered"))
    assert len(set(receiver.ids())) == 1
    assert len(receiver.got) == 4


def test_a_receiver_that_hangs_is_left_after_a_while(
    timed: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.interchange.posting.ATTEMPT_S", 0.2)
    let_go = threading.Event()

    def hang(_: Got) -> Says:
        let_go.wait(10)
        return Says()

    receiver.judge = hang
    hook = add_hook(timed, receiver, events=["case.confirmed"])
    file_case(timed)
    soon(partial(_was_tried, hook, 1))
    let_go.set()
    [delivery] = hook.deliveries()
    assert (delivery["state"], delivery["status"]) == ("waiting", None)
    assert delivery["error"] == "no answer within 0.2 seconds"


def test_a_dead_receiver_holds_up_no_other(
    timed: Place, receiver: Receiver, other: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = [add_hook(timed, receiver) for _ in range(12)]
    receiver.stop()
    add_hook(timed, other, events=["case.confirmed"])
    cases = [file_case(timed) for _ in range(5)]
    soon(lambda: len(other.got) == 5)
    assert [case_id for _, case_id in told(other)] == cases
    assert not any(hook.deliveries(state="delivered") for hook in dead)


def test_retry_after_is_honoured(timed: Place, clock: Clocked, receiver: Receiver) -> None:
    receiver.judge = lambda _: Says(429, headers={"Retry-After": "7200"})
    hook = add_hook(timed, receiver, events=["case.confirmed"])
    file_case(timed)
    soon(partial(_was_tried, hook, 1))
    file_case(timed)
    clock.pass_by(7000)
    [_, first] = soon(lambda: hook.deliveries() if len(hook.deliveries()) == 2 else None)
    assert first["attempts"] == 1
    receiver.judge = lambda _: Says()
    clock.pass_by(300)
    soon(lambda: len(hook.deliveries(state="delivered")) == 2)
    assert receiver.ids()[1:] == sorted(receiver.ids()[1:], key=lambda text: int(text.removeprefix("evt_")))


def test_it_gives_up_after_three_days_and_says_so_and_can_be_asked_again(
    timed: Place, clock: Clocked, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "JITTER", 0.0)
    receiver.judge = lambda _: Says(404)
    hook = add_hook(timed, receiver, events=["case.confirmed"])
    file_case(timed)
    began = clock.now
    for attempt, delay_s in enumerate(DELAYS_S, start=1):
        soon(partial(_was_tried, hook, attempt))
        clock.pass_by(delay_s)
    [delivery] = soon(lambda: hook.deliveries(state="given_up"))
    assert (delivery["attempts"], delivery["error"]) == (len(DELAYS_S) + 1, "answered 404")
    assert 2.5 < (clock.now - began).total_seconds() / 86_400 < 3.5
    receiver.judge = lambda _: Says()
    again = timed.person(Role.ADMINISTRATOR).post(f"{hook.path}/deliveries/{delivery['id']}/redeliver")
    assert again.json()["state"] == "waiting"
    soon(lambda: hook.deliveries(state="delivered"))
    assert len(set(receiver.ids())) == 1


def test_what_waits_longer_than_it_may_is_given_up(timed: Place, clock: Clocked, receiver: Receiver) -> None:
    receiver.stop()
    hook = add_hook(timed, receiver, events=["case.confirmed"])
    file_case(timed)
    soon(partial(_was_tried, hook, 1))
    clock.pass_by(5 * 86_400)
    soon(lambda: hook.deliveries(state="given_up"))


def test_a_kill_between_filling_and_sending_loses_nothing(settings: ApiSettings, receiver: Receiver) -> None:
    receiver.stop()
    prepare(settings)
    with Place(settings) as before:
        hook = add_hook(before, receiver, events=["case.confirmed"])
        case_id = file_case(before)
        soon(hook.deliveries)
    receiver.start()
    with Place(settings, clock=_an_hour_later()) as after:
        soon(lambda: receiver.got)
        assert told(receiver) == [("streetcase.case.confirmed.v1", case_id)]
        assert is_signed(receiver.got[0], hook.secret)
        assert after.app is not before.app


def _was_tried(hook: Hook, attempts: int) -> bool:
    return [delivery["attempts"] for delivery in hook.deliveries()] == [attempts]


def _an_hour_later() -> Clocked:
    clock = Clocked()
    clock.pass_by(3600)
    return clock


def test_a_paused_webhook_hears_afterwards_what_happened_meanwhile(shared_place: Place, receiver: Receiver) -> None:
    hook = add_hook(shared_place, receiver, events=["case.confirmed"])
    client = shared_place.person(Role.ADMINISTRATOR)
    assert client.patch(hook.path, json={"paused": True}).json()["paused"] is True
    case_id = file_case(shared_place)
    assert (hook.deliveries(), receiver.got) == ([], [])
    client.patch(hook.path, json={"paused": False})
    soon(lambda: case_id in [subject for _, subject in told(receiver)])


def test_a_receiver_that_says_gone_is_paused(timed: Place, receiver: Receiver) -> None:
    receiver.judge = lambda _: Says(410)
    hook = add_hook(timed, receiver)
    file_case(timed)
    soon(lambda: timed.person(Role.ADMINISTRATOR).get(hook.path).json()["paused"])
    assert len(receiver.got) == 1


def test_redirects_are_not_followed(timed: Place, receiver: Receiver, other: Receiver) -> None:
    receiver.judge = lambda _: Says(307, headers={"Location": f"{other.url}/elsewhere"})
    hook = add_hook(timed, receiver)
    answer = timed.person(Role.ADMINISTRATOR).post(f"{hook.path}/test").json()
    assert (answer["delivered"], answer["status"]) == (False, 307)
    assert other.got == []


def test_a_test_message_is_sent_at_once_and_its_outcome_told(shared_sqlite_place: Place, receiver: Receiver) -> None:
    hook = add_hook(shared_sqlite_place, receiver)
    client = shared_sqlite_place.person(Role.ADMINISTRATOR)
    assert client.post(f"{hook.path}/test").json() == {"delivered": True, "status": 200, "error": None}
    assert ("streetcase.webhook.test.v1", "") in told(receiver)
    assert is_signed(receiver.got[-1], hook.secret)
    receiver.stop()
    assert client.post(f"{hook.path}/test").json()["error"] == "no answer: ConnectError"


def test_the_secret_is_shown_once_and_every_change_is_audited(shared_place: Place, receiver: Receiver) -> None:
    client = shared_place.person(Role.ADMINISTRATOR)
    hook = add_hook(shared_place, receiver)
    assert hook.secret.startswith("whsec_")
    assert hook.id in [item["id"] for item in client.get(WEBHOOKS).json()["items"]]
    changed = client.patch(hook.path, json={"events": ["case.closed"], "kinds": None}).json()
    assert changed["events"] == ["case.closed"]
    assert client.patch(hook.path, json={"events": None}).json()["events"] is None
    for answer in (client.get(WEBHOOKS), client.get(hook.path)):
        assert hook.secret not in answer.text
    assert client.delete(hook.path).status_code == 204
    assert client.get(hook.path).status_code == client.delete(hook.path).status_code == 404
    with shared_place.app.state.services.database.read() as session:
        rows = session.query(AuditRow).filter(AuditRow.subject == f"webhook:{hook.id}").order_by(AuditRow.id).all()
        assert [row.details["act"] for row in rows] == ["added", "changed", "changed", "removed"]
        assert hook.secret not in str([row.details for row in rows])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://ops.example/",
        "https://user:password@ops.example/",
        "https://ops.example/#part",
        "https://",
        "https://ops.example:0/",
        "https://ops.example:70000/",
        "https://ops.example/a b",
        "https://ops.example/\x00",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_cannot_be_posted_to_is_refused_and_not_repeated(shared_sqlite_place: Place, url: str) -> None:
    answer = shared_sqlite_place.person(Role.ADMINISTRATOR).post(WEBHOOKS, json={"url": url})
    assert answer.status_code == 422
    assert "password" not in answer.text


def test_an_unknown_event_is_refused(shared_sqlite_place: Place) -> None:
    body = {"url": "https://ops.example/", "events": ["case.dancing"]}
    answer = shared_sqlite_place.person(Role.ADMINISTRATOR).post(WEBHOOKS, json=body)
    assert answer.status_code == 422


def test_deliveries_are_listed_in_pages_and_forgotten_after_a_month(
    timed: Place, clock: Clocked, receiver: Receiver
) -> None:
    hook = add_hook(timed, receiver, events=["case.confirmed"])
    for _ in range(3):
        file_case(timed)
    soon(lambda: len(hook.deliveries(state="delivered")) == 3)
    client = timed.person(Role.ADMINISTRATOR)
    page = client.get(f"{hook.path}/deliveries", params={"limit": 2}).json()
    rest = client.get(f"{hook.path}/deliveries", params={"limit": 2, "before": page["next"]}).json()
    ids = [item["id"] for item in page["items"] + rest["items"]]
    assert (len(ids), rest["next"]) == (3, None)
    assert all(newer > older for newer, older in pairwise(ids))
    clock.pass_by(KEPT.total_seconds() + 1)
    forget_deliveries(timed.app.state.services)
    assert hook.deliveries() == []


def test_a_backlog_of_pieces_is_filled_without_a_gap(
    timed: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.interchange.filling.PIECE_LINES", 2)
    monkeypatch.setattr("api.interchange.filling.PIECES_AT_ONCE", 3)
    cases = [file_case(timed) for _ in range(6)]
    hook: Hook = add_hook(timed, receiver, events=["case.confirmed"])
    with timed.app.state.services.database.write() as session:
        session.execute(update(Webhook).values(after=0))
    soon(lambda: len(receiver.got) == 6)
    assert [subject for _, subject in told(receiver)] == cases
    with timed.app.state.services.database.read() as session:
        assert session.query(WebhookDelivery).count() == 6
    assert hook.secret
