"""The typed client is what the API says of itself, and does what it says."""

from __future__ import annotations

import inspect
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.rights import Role
from api.typed_client import ApiError, StreetcaseClient, models
from scripts.typed_client.annotations import python_name
from scripts.typed_client.operations import operations_of
from scripts.typed_client.writing import BY_HAND, described_by_the_app, sources
from tests.api.interchange.hooks import file_case
from tests.api.place import Place, a_report, a_watch

FOLDER = Path(__file__).parents[3] / "api" / "typed_client"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return described_by_the_app()


def _client(place: Place, role: Role) -> StreetcaseClient:
    return StreetcaseClient(place.url, place.person(role).headers["Authorization"].removeprefix("Bearer "))


def test_the_committed_client_is_what_is_written_from_the_api(document: dict[str, Any]) -> None:
    made = sources(document)
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py") if path.name not in BY_HAND}
    different = {name for name in made.keys() | there.keys() if made.get(name) != there.get(name)}
    assert different == set(), "python -m scripts.typed_client writes it anew"


def test_every_operation_has_a_method_with_its_parameters(document: dict[str, Any]) -> None:
    missing = []
    with StreetcaseClient("http://127.0.0.1:9") as client:
        for operation in operations_of(document):
            method = getattr(getattr(client, python_name(operation.tag), None), operation.name, None)
            if method is None:
                missing.append(f"{operation.method} {operation.path}")
                continue
            taken = set(inspect.signature(method).parameters)
            asked = {python_name(one["name"]) for one in operation.described.get("parameters", [])}
            missing += [f"{operation.path}: {name}" for name in asked - taken]
    assert missing == []


def test_it_reads_and_acts_on_cases(shared_place: Place) -> None:
    edge = a_watch()
    [reported] = shared_place.report(a_report(edge_id=edge))
    assert reported.case_id is not None
    with _client(shared_place, Role.OPERATOR) as client:
        [listed] = client.cases.list_page(edge=edge, state=[models.CaseState.DETECTED]).items
        assert (listed.id, listed.kind.key) == (reported.case_id, "street-encroachment")
        filed = client.acts_on_cases.file_case(listed.id, models.Confirmation(version=listed.version))
        assert filed.state is models.CaseState.FILED
        with pytest.raises(ApiError) as refused:
            client.acts_on_cases.turn_down(listed.id, models.Reasoned(reason="too late"))
        assert (refused.value.status, refused.value.told["current"]["state"]) == (409, "filed")
        shown = client.cases.show(listed.id)
        assert shown.number == filed.number
        acts = [line.action for line in client.cases.show_history(listed.id).items]
        assert acts[:1] + acts[-1:] == ["detected", "confirmed"]
        assert client.cases.export(edge=edge).decode().count("\r\n") == 2
        with pytest.raises(ApiError) as forbidden:
            client.webhooks.list_all()
        assert forbidden.value.status == 403


def test_it_follows_events(shared_place: Place) -> None:
    with _client(shared_place, Role.OPERATOR) as client:
        page = client.events.list_events(limit=500)
        while page.more:
            page = client.events.list_events(limit=500, last_event_id=page.next)
        case_id = file_case(shared_place, kind="hanging-laundry")
        heard = list(islice(client.follow(last_event_id=page.next, kind=["hanging-laundry"]), 2))
    assert [(event.event, str(event.case_id)) for event in heard] == [
        ("case.detected", case_id),
        ("case.confirmed", case_id),
    ]


def test_it_manages_webhooks(shared_sqlite_place: Place) -> None:
    with _client(shared_sqlite_place, Role.ADMINISTRATOR) as client:
        added = client.webhooks.add(models.NewWebhook(url="http://127.0.0.1:9/", events=["case.closed"]))
        paused = client.webhooks.change(added.id, models.WebhookChange(paused=True))
        assert (paused.paused, paused.events) == (True, ["case.closed"])
        cleared = client.webhooks.change(added.id, models.WebhookChange(events=None))
        assert (cleared.paused, cleared.events) == (True, None)
        client.webhooks.remove(added.id)


def test_a_dead_line_is_the_network_s_own_error() -> None:
    with StreetcaseClient("http://127.0.0.1:9", timeout_s=1) as client, pytest.raises(httpx.TransportError):
        client.health.live()
