"""The sink ``open311``: each incident is filed with the other city once, whatever is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from ingest.sinks.base import SinkRefused, SinkUnavailable, Surroundings
from ingest.sinks.open311 import Open311, Open311Configuration
from tests.ingest.receivers import Got, Notebook, Receiver, Says, an_event, surroundings

CONFIGURATION = {
    "name": "neighbour",
    "type": "open311",
    "jurisdiction_id": "chuzhou.example",
    "service_codes": {"street-encroachment": "042", "burning": "7"},
    "api_key_env": "KEY",
}


class City(Receiver):
    """A GeoReport v2 server; ``files`` says whether it files, ``answers`` whether one hears of it."""

    def __init__(self) -> None:
        super().__init__()
        self.filed: list[dict[str, str]] = []
        self.files, self.answers, self.lists = True, True, Says()
        self.judge = self._serve

    def _serve(self, got: Got) -> Says:
        if got.method == "GET":
            return self.lists if self.lists.body or self.lists.status != 200 else self._list()
        form = {name: values[0] for name, values in parse_qs(got.body.decode(), strict_parsing=True).items()}
        if form.get("api_key") != "hush":
            return Says(403, b'[{"code": 403, "description": "bad key"}]')
        if self.files:
            self.filed.append(form)
        if not self.answers:
            return Says(502)
        return Says(201, json.dumps([{"service_request_id": str(len(self.filed)), "service_notice": ""}]).encode())

    def _list(self) -> Says:
        items = [
            {"service_request_id": str(number), "description": form["description"]}
            for number, form in enumerate(self.filed, 1)
        ]
        return Says(200, json.dumps(items).encode())


@pytest.fixture
def city() -> Iterator[City]:
    city = City()
    city.start()
    yield city
    city.stop()


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def sink(city: City, notebook: Notebook) -> Iterator[Open311]:
    configuration = Open311Configuration.model_validate(CONFIGURATION | {"url": f"{city.url}/open311/v2/"})
    sink = Open311(configuration, Surroundings({"KEY": "hush"}, notebook))
    yield sink
    sink.close()


def test_a_raised_incident_is_filed_as_a_form(sink: Open311, city: City, notebook: Notebook) -> None:
    event = an_event(first_seen_at=datetime(2026, 11, 23, 8, 30, tzinfo=UTC))
    sink.send(event)
    [got] = city.got
    assert (got.method, got.path) == ("POST", "/open311/v2/requests.json")
    assert got.headers["content-type"] == "application/x-www-form-urlencoded"
    assert city.filed == [
        {
            "jurisdiction_id": "chuzhou.example",
            "service_code": "042",
            "lat": "32.4520000",
            "long": "118.4330000",
            "description": "street-encroachment at east-gate, seen since 2026-11-23T08:30:00+00:00.\n"
            f"Streetcase incident {event.incident_id}",
            "api_key": "hush",
        }
    ]
    assert notebook.kept == {str(event.incident_id): "service_request_id 1"}


def test_a_repetition_files_nothing(sink: Open311, city: City) -> None:
    event = an_event()
    sink.send(event)
    sink.send(event)
    sink.send(event.model_copy(update={"event_id": an_event().event_id}))
    assert len(city.got) == 1


@pytest.mark.parametrize("files", [True, False])
def test_where_the_answer_was_lost_the_citys_own_list_is_asked_first(
    sink: Open311, city: City, notebook: Notebook, files: bool
) -> None:
    event = an_event()
    city.files, city.answers = files, False
    with pytest.raises(SinkUnavailable, match="answered 502"):
        sink.send(event)
    city.files, city.answers = True, True
    sink.send(event)
    assert len(city.filed) == 1
    assert notebook.kept == {str(event.incident_id): "service_request_id 1"}
    question = urlsplit(next(got.path for got in city.got if got.method == "GET"))
    asked = parse_qs(question.query)
    assert question.path == "/open311/v2/requests.json"
    assert (asked["service_code"], asked["jurisdiction_id"]) == (["042"], ["chuzhou.example"])
    assert datetime.fromisoformat(asked["start_date"][0]) < datetime.now(UTC)


@pytest.mark.parametrize("lists", [Says(404), Says(400), Says(200, b"<html>")], ids=["404", "400", "html"])
def test_a_city_that_shows_no_list_may_get_it_twice_and_that_is_told(sink: Open311, city: City, lists: Says) -> None:
    city.answers = False
    with pytest.raises(SinkUnavailable):
        sink.send(an_event(incident_id="01890f3e-0000-7000-8000-000000000001"))
    city.answers, city.lists = True, lists
    with capture_logs() as logs:
        sink.send(an_event(incident_id="01890f3e-0000-7000-8000-000000000001"))
    assert len(city.filed) == 2
    assert logs[0]["event"] == "open311 shows no list; a request may be filed twice"


def test_a_list_that_is_away_is_waited_for(sink: Open311, city: City) -> None:
    event = an_event()
    city.answers = False
    with pytest.raises(SinkUnavailable):
        sink.send(event)
    city.answers, city.lists = True, Says(503)
    with pytest.raises(SinkUnavailable):
        sink.send(event)
    assert len(city.filed) == 1


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'[{"token": "t-9"}]', "token t-9"),
        (b'[{"service_request_id": 17}]', "service_request_id 17"),
        (b'[{"service_request_id": null, "service_notice": "thanks"}]', "filed"),
        (b'{"service_requests": [{"service_request_id": "A-1"}]}', "service_request_id A-1"),
    ],
)
def test_ids_tokens_and_neither_are_understood(
    sink: Open311, city: City, notebook: Notebook, body: bytes, kept: str
) -> None:
    city.judge = lambda _: Says(200, body)
    sink.send(an_event())
    assert list(notebook.kept.values()) == [kept]


@pytest.mark.parametrize("body", [b"", b"<html>log in", b"[]", b"7", b'[{"code": 400, "description": "no"}]', b"[1]"])
def test_a_page_of_another_server_is_no_receipt(sink: Open311, city: City, body: bytes) -> None:
    city.judge = lambda _: Says(200, body)
    with pytest.raises(SinkUnavailable, match="not as a GeoReport server") as caught:
        sink.send(an_event())
    assert caught.value.fault


@pytest.mark.parametrize(
    ("position", "reason"),
    [
        (None, "no position"),
        ({"longitude": 118.4, "latitude": 32.4, "datum": "GCJ02"}, "GCJ02, and Open311 takes WGS84 only"),
    ],
)
def test_what_has_no_wgs84_position_is_refused_and_not_sent(
    sink: Open311, city: City, position: object, reason: str
) -> None:
    with pytest.raises(SinkRefused, match=reason):
        sink.send(an_event(position=position))
    assert city.got == []


def test_a_refusal_and_a_bad_key_are_told_apart(sink: Open311, city: City) -> None:
    city.judge = lambda _: Says(400, b'[{"code": 400, "description": "service_code is gone"}]')
    with pytest.raises(SinkRefused, match="service_code is gone"):
        sink.send(an_event())
    city.judge = lambda _: Says(403)
    with pytest.raises(SinkUnavailable, match="answered 403"):
        sink.send(an_event())


def test_only_raised_events_of_kinds_with_a_code_are_wanted() -> None:
    configuration = Open311Configuration.model_validate(CONFIGURATION | {"url": "https://city.example"})
    assert configuration.wants(an_event())
    assert not configuration.wants(an_event(kind="exposed-garbage"))
    assert not configuration.wants(an_event(phase="updated"))
    assert not configuration.wants(an_event(phase="cleared", clear_reason="gone"))
    fewer = configuration.model_copy(update={"kinds": ["burning"]})
    assert not fewer.wants(an_event())


def test_a_description_is_cut_and_keeps_the_incident(city: City) -> None:
    wordy = CONFIGURATION | {"url": city.url, "description": "{watch_id}" * 100}
    sink = Open311(Open311Configuration.model_validate(wordy), surroundings(KEY="hush"))
    event = an_event(watch_id="w" * 64)
    sink.send(event)
    sink.close()
    assert len(city.filed[0]["description"]) == 4000
    assert city.filed[0]["description"].endswith(str(event.incident_id))
